"""Who comes in: tokens, scopes, quotas, the private listener, other origins, and listening beyond this machine."""

import re
import signal
import subprocess

import numpy as np
import protocol
import pytest
from fedgate import PROGRAM, Gateway, eventually
from weights import encode

BODY = encode([np.arange(100, dtype=np.float32)])


class Tokens:
    """A file of tokens."""

    def __init__(self, path):
        self.path = path
        path.touch()

    def run(self, *arguments):
        return subprocess.run([PROGRAM, "token", *arguments, "--tokens", str(self.path)], capture_output=True, text=True, timeout=60)

    def create(self, *arguments):
        done = self.run("create", *arguments)
        assert done.returncode == 0, done
        return {"Authorization": f"Bearer {done.stdout.strip()}"}


@pytest.fixture
def tokens(tmp_path): return Tokens(tmp_path / "tokens.jsonl")


def updates(gateway):
    return protocol.EmbeddedLog(gateway.data).values("federated_weight_updates")


def test_who_may_do_what(start, tokens):
    site = tokens.create("--client", "site-a", "--scopes", "upload,read")
    reader = tokens.create("--scopes", "read")
    leader = tokens.create("--scopes", "command")
    operator = tokens.create("--scopes", "operate")
    gateway = start(Gateway, "--tokens", str(tokens.path))

    # Nothing, something else, a wrong one.
    for headers, error in ((None, ""), ({"Authorization": "Basic YTpi"}, "invalid_request"),
                           ({"Authorization": "Bearer fedgate_wrong"}, "invalid_token")):
        answer = gateway.put(1, "site-a", BODY, headers=headers)
        assert (answer.status, answer.problem) == (401, "unauthorized") and error in answer.headers["WWW-Authenticate"]
    # A wrong scope, and another client, in the path and in the query.
    for answer in (gateway.put(1, "site-a", BODY, headers=reader), gateway.put(1, "site-a", BODY, headers=leader),
                   gateway.put(1, "site-b", BODY, headers=site),
                   gateway.request("POST", "/rounds/1/updates?client_id=site-b", BODY, site),
                   gateway.request("POST", "/commands", b"{}", site), gateway.request("GET", "/metrics", headers=site),
                   gateway.request("PUT", "/clients/site-b", b"{}", site)):
        assert (answer.status, answer.problem) == (403, "forbidden"), answer
    # None of it is on the log.
    assert updates(gateway) == []
    # The right ones; whose token it is need not say who it is.
    assert gateway.request("POST", "/rounds/1/updates", BODY, site).json["client_id"] == "site-a"
    assert gateway.put(2, "site-a", BODY, headers=site).status == 202
    assert gateway.request("GET", "/rounds", headers=reader).status == 200
    assert gateway.request("GET", "/metrics", headers=operator).status == 200
    assert gateway.request("POST", "/commands", b'{"command": "start"}', leader).status == 202
    # Probes and the description need none.
    for path in ("/healthz", "/readyz", "/openapi.yaml", "/"):
        assert gateway.get(path).status in (200, 503)
    assert "fedgate_" + site["Authorization"][15:] not in gateway.errors()


def test_an_upload_in_parts_is_its_clients(start, tokens):
    own, other = tokens.create("--client", "site-a"), tokens.create("--client", "site-b")
    gateway = start(Gateway, "--tokens", str(tokens.path))
    begun = gateway.request("PUT", "/rounds/1/updates/site-a", b"", {**own, "Upload-Complete": "?0"})
    assert begun.status == 201
    where = begun.headers["Location"].removeprefix(gateway.url)
    assert gateway.request("HEAD", where, headers=other).status == 403
    assert gateway.request("DELETE", where, headers=other).status == 403
    assert gateway.request("HEAD", where, headers=own).status in (200, 204)


def test_revoked_and_new_ones_after_sighup(start, tokens):
    old = tokens.create("--client", "site-a")
    gateway = start(Gateway, "--tokens", str(tokens.path))
    assert gateway.put(1, "site-a", BODY, headers=old).status == 202
    shown = tokens.run("list").stdout
    assert tokens.run("revoke", shown.split()[0]).returncode == 0 and tokens.run("list").stdout == ""
    new = tokens.create("--client", "site-a")
    gateway.send(signal.SIGHUP)
    eventually("the new one is good", lambda: gateway.request("GET", "/rounds", headers=new).status == 200)
    assert gateway.put(2, "site-a", BODY, headers=old).status == 401
    # A broken file changes nothing.
    tokens.path.write_text("broken\n")
    gateway.send(signal.SIGHUP)
    eventually("said", lambda: "tokens.jsonl:1" in gateway.errors())
    assert gateway.request("GET", "/rounds", headers=new).status == 200


def test_an_expired_token(start, tokens):
    token = tokens.create("--client", "site-a", "--days", "1")
    tokens.path.write_text(re.sub(r'"expires": ?\d+', '"expires": 1', tokens.path.read_text()))
    gateway = start(Gateway, "--tokens", str(tokens.path))
    assert gateway.put(1, "site-a", BODY, headers=token).status == 401 and updates(gateway) == []


def test_over_quota(start, tokens):
    one, other = tokens.create("--client", "site-a"), tokens.create("--client", "site-b")
    gateway = start(Gateway, "--tokens", str(tokens.path), "--client-requests", "3")
    answers = [gateway.put(number, "site-a", BODY, headers=one) for number in range(5)]
    assert [answer.status for answer in answers] == [202] * 3 + [429] * 2
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20 and answers[-1].problem == "quota-exceeded"
    assert len(updates(gateway)) == 3
    assert gateway.put(1, "site-b", BODY, headers=other).status == 202


def test_over_the_quota_of_bytes_in_chunks(start):
    gateway = start(Gateway, "--client-bytes", "1000")
    def pieces(): yield BODY
    assert gateway.request("PUT", "/rounds/1/updates/a", pieces()).status == 202
    gateway.put(2, "a", BODY), gateway.put(3, "a", BODY)
    assert gateway.put(4, "a", BODY).status == 429


def test_the_private_listener(start):
    gateway = start(Gateway, "--private-listen", "127.0.0.1:0")
    port = int(eventually("it listens", lambda: re.search(
        r"private listener url=http://127\.0\.0\.1:(\d+)", gateway.errors()))[1])
    for path in ("/metrics", "/profile", "/status", "/clients"):
        assert gateway.get(path).status == 404
    public, gateway.port = gateway.port, port
    try:
        for path in ("/metrics", "/profile", "/status", "/clients", "/healthz"):
            assert gateway.get(path).status == 200
    finally:
        gateway.port = public


def test_other_origins(start, gateway):
    headers = {"Origin": "https://fleet.example"}
    assert "Access-Control-Allow-Origin" not in gateway.request("GET", "/rounds", headers=headers).headers
    preflight = {**headers, "Access-Control-Request-Method": "PUT"}
    assert gateway.request("OPTIONS", "/rounds", headers=preflight, described=False).status == 405
    admitting = start(Gateway, "--cors-origins", "https://fleet.example")
    answer = admitting.request("GET", "/rounds", headers=headers)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://fleet.example"
    assert admitting.request("OPTIONS", "/rounds/1/updates/a", headers=preflight, described=False).status == 204
    other = admitting.request("GET", "/rounds", headers={"Origin": "https://elsewhere.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert other.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_nobody_listens_beyond_this_machine_without_credentials(host, tmp_path):
    done = subprocess.run(
        [PROGRAM, "serve", "--listen", f"{host}:0", "--data", str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--tokens" in done.stderr and "--allow-anonymous" in done.stderr


def test_but_with_tokens_or_when_told_so(tmp_path, tokens):
    tokens.create()
    for options in (["--tokens", str(tokens.path)], ["--allow-anonymous"]):
        log = tmp_path / "log"
        with open(log, "wb") as errors:
            process = subprocess.Popen(
                [PROGRAM, "serve", "--listen", "0.0.0.0:0", "--data", str(tmp_path / "data"), *options], stderr=errors)
        try:
            eventually("it listens", lambda: "listening on" in log.read_text())
        finally:
            process.terminate()
            assert process.wait(30) == 0
