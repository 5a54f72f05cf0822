"""TLS at the gateway: uploads and results over it, certificates of clients, revocation, reload."""

import re
import signal
import socket
import ssl
import subprocess
import threading

import numpy as np
import protocol
import pytest
from authority import DAY, Authority
from cryptography.x509.oid import ExtendedKeyUsageOID
from fedgate import PROGRAM, Gateway, eventually
from test_door import Tokens
from weights import decode, encode

BODY = encode([np.arange(100, dtype=np.float32)])


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority):
    return authority.issue("server", "gateway", server=True)


@pytest.fixture
def serve(start, authority, server):
    """Starts a gateway that speaks TLS; its clients show nothing unless told so."""
    def begin(*options):
        gateway = start(
            Gateway, "--tls-certificate", str(server.certificate), "--tls-key", str(server.key), "--min-updates", "1", *options)
        gateway.context = authority.context()
        return gateway
    return begin


@pytest.fixture
def mutual(serve, authority):
    """One that asks clients for certificates."""
    def begin(*options):
        return serve("--client-ca", str(authority.file), *options)
    return begin


def updates(gateway): return protocol.EmbeddedLog(gateway.data).values("federated_weight_updates")


def session(gateway, context=None):
    return (context or gateway.context).wrap_socket(
        socket.create_connection(("127.0.0.1", gateway.port), 60), server_hostname="127.0.0.1")


def rest(connection):
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def test_what_curl_sends_comes_back(serve, authority, tmp_path):
    gateway = serve()
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal(6_000_000, dtype=np.float32)]
    (tmp_path / "model.fedwt").write_bytes(encode(arrays))
    for number, (version, chunked) in enumerate((("--tlsv1.3", False), ("--tls-max=1.2", False), ("--tlsv1.2", True))):
        options = ["-H", "Transfer-Encoding: chunked"] if chunked else []
        version = version.split("=")
        url = f"{gateway.url}/rounds/{number}"
        done = subprocess.run(
            ["curl", "-sS", "--fail-with-body", "--cacert", authority.file, *version, *options, "-T", tmp_path / "model.fedwt",
             f"{url}/updates/site-a"], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done
        done = subprocess.run(
            ["curl", "-sSf", "--cacert", authority.file, *version, "-o", tmp_path / "result", f"{url}/result?wait=60"],
            capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done
        result, _ = decode((tmp_path / "result").read_bytes())
        assert (result[0] == arrays[0]).all()
    part = gateway.get("/rounds/0/result", Range="bytes=1000000-1999999")
    assert part.status == 206 and part.body == gateway.result(0)[1_000_000:2_000_000]


def test_what_is_no_tls_or_an_old_one_gets_nothing(serve, authority):
    gateway = serve()
    with socket.create_connection(("127.0.0.1", gateway.port), 60) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP/1.1" not in rest(plain)
    old = authority.context()
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        session(gateway, old)
    assert gateway.get("/healthz").status == 200


def test_one_connection_for_many_requests(serve):
    gateway = serve()
    connection = gateway.connection()
    for number in range(20):
        connection.request("PUT", f"/rounds/{number}/updates/site-a", BODY)
        answer = connection.getresponse()
        assert answer.status == 202 and answer.read()
    # Several at once, one behind the other.
    with session(gateway) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 9 + b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert rest(raw).count(b"HTTP/1.1 200") == 10


def test_long_polls_and_event_streams(serve):
    gateway = serve()
    answers = []
    def poll():
        answers.append(gateway.get("/rounds/7/result?wait=60"))
    polls = [threading.Thread(target=poll) for _ in range(20)]
    for one in polls:
        one.start()
    eventually("they wait", lambda: gateway.get("/metrics").body.count(b"fedgate_long_polls 20"))
    with session(gateway) as stream:
        stream.sendall(b"GET /rounds HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
        gateway.stored(7, "site-a", BODY)
        for one in polls:
            one.join(90)
        assert [answer.status for answer in answers] == [200] * 20
        seen = b""
        while b'"closed"' not in seen:
            piece = stream.recv(65536)
            assert piece
            seen += piece
        # The end of the gateway is the clean end of the stream.
        gateway.send(signal.SIGTERM)
        rest(stream)
    assert gateway.process.wait(30) == 0


def test_a_refusal_in_mid_body_can_be_read(serve):
    """Nothing of what is not weights is read beyond the start, and the client learns why."""
    gateway = serve()
    with session(gateway) as connection:
        connection.sendall(b"PUT /rounds/1/updates/site-a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n" + bytes(100_000))
        answer = rest(connection)
        assert answer.startswith(b"HTTP/1.1 415") and b"application/problem+json" in answer
    # Too large: before the body.
    with session(gateway) as connection:
        connection.sendall(
            b"PUT /rounds/1/updates/site-a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999999999\r\n\r\n")
        assert rest(connection).startswith(b"HTTP/1.1 413")
    assert gateway.put(1, "site-a", BODY).status == 202


def test_a_body_that_stops_is_told_so(serve):
    gateway = serve()
    with session(gateway) as connection:
        connection.sendall(b"PUT /rounds/1/updates/site-a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + BODY[:100])
        assert rest(connection).startswith(b"HTTP/1.1 408")
    assert gateway.get("/healthz").status == 200


def test_connections_that_break_off_leave_nothing(serve):
    gateway = serve()
    for sent in (0, 1, 100, 300):
        with socket.create_connection(("127.0.0.1", gateway.port), 60) as plain:
            plain.sendall(b"\x16\x03\x01" + bytes(sent))
    for _ in range(50):
        connection = session(gateway)
        connection.sendall(b"PUT /rounds/1/updates/site-a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + BODY)
        connection.close()
    eventually("all are closed", lambda: re.search(rb"^fedgate_connections 1$", gateway.get("/metrics").body, re.M))
    assert updates(gateway) == []


def test_a_certificate_says_who_the_client_is(mutual, authority):
    gateway = mutual()
    # Who shows nothing may look at what is open to all, and no more.
    assert gateway.get("/healthz").status == 200
    answer = gateway.put(1, "site-a", BODY)
    assert (answer.status, answer.problem) == (401, "unauthorized") and "certificate" in answer.json["detail"]
    assert answer.headers["WWW-Authenticate"]

    gateway.context = authority.context(authority.issue("site-a", "site-a"))
    assert gateway.request("POST", "/rounds/1/updates", BODY).json["client_id"] == "site-a"
    assert gateway.put(2, "site-a", BODY).status == 202
    assert gateway.put(3, "site-b", BODY).status == 403
    assert gateway.request("POST", "/rounds/3/updates?client_id=site-b", BODY).status == 403
    assert gateway.request("POST", "/commands", b"{}").status == 403
    assert gateway.get("/rounds").status == 200 and gateway.get("/metrics").status == 403
    assert len(updates(gateway)) == 2
    assert "token_id=" in gateway.errors()


def test_scopes_of_certificates(mutual, authority):
    gateway = mutual("--certificate-scopes", "read,operate")
    gateway.context = authority.context(authority.issue("operator", "operator"))
    assert gateway.get("/metrics").status == 200 and gateway.put(1, "operator", BODY).status == 403


@pytest.mark.parametrize("fault", ["expired", "early", "stranger", "revoked", "server", "two names", "no name", "slash"])
def test_certificates_that_count_for_nothing(mutual, authority, tmp_path, fault):
    issue = {
        "expired": lambda: authority.issue("a", "site-a", begin=-2 * DAY, end=-DAY),
        "early": lambda: authority.issue("a", "site-a", begin=DAY, end=2 * DAY),
        "stranger": lambda: Authority(tmp_path / "other", "another authority").issue("a", "site-a"),
        "revoked": lambda: authority.issue("a", "site-a"),
        "server": lambda: authority.issue("a", "site-a", purpose=ExtendedKeyUsageOID.SERVER_AUTH),
        "two names": lambda: authority.issue("a", "site-a", "site-b"),
        "no name": lambda: authority.issue("a"),
        "slash": lambda: authority.issue("a", "site/a"),
    }
    said = {"expired": "has expired", "early": "not valid yet", "stranger": "no authority", "revoked": "is revoked",
            "server": "not for clients", "two names": "exactly one common name", "no name": "exactly one common name",
            "slash": "no client id"}
    issued = issue[fault]()
    gateway = mutual(*(["--client-crl", str(authority.revoke(issued))] if fault == "revoked" else []))
    gateway.context = authority.context(issued)
    answer = gateway.put(1, "site-a", BODY)
    assert answer.status == 401 and said[fault] in answer.json["detail"], answer
    # Open to all it stays.
    assert gateway.get("/healthz").status == 200 and updates(gateway) == []


def test_a_token_and_a_certificate(mutual, authority, tmp_path):
    tokens = Tokens(tmp_path / "tokens.jsonl")
    own, other = tokens.create("--client", "site-a"), tokens.create("--client", "site-b")
    unbound = tokens.create()
    gateway = mutual("--tokens", str(tokens.path))
    # Either will do.
    assert gateway.put(1, "site-a", BODY).status == 401
    assert gateway.put(1, "site-a", BODY, headers=own).status == 202
    gateway.context = authority.context(authority.issue("site-a", "site-a"))
    assert gateway.put(2, "site-a", BODY).status == 202
    # Both have to be of one client, and a certificate that is shown has to be good.
    assert gateway.put(3, "site-a", BODY, headers=own).status == 202
    assert gateway.put(4, "site-b", BODY, headers=other).status == 403
    # A token that is bound to no client means any, whoever shows it (docs/security.md).
    assert gateway.put(4, "site-b", BODY, headers=unbound).status == 202
    gateway.context = authority.context(authority.issue("old", "site-a", begin=-2 * DAY, end=-DAY))
    assert gateway.put(5, "site-a", BODY, headers=own).status == 401
    assert len(updates(gateway)) == 4


def test_certificates_change_while_it_runs(mutual, authority, server):
    issued = authority.issue("site-a", "site-a")
    gateway = mutual("--client-crl", str(authority.revoke()))
    gateway.context = authority.context(issued)
    def shown():
        with session(gateway) as connection:
            return int(connection.getpeercert()["serialNumber"], 16)
    first = shown()
    kept = gateway.connection()
    kept.request("GET", "/rounds")
    assert kept.getresponse().read() and first == server.serial

    # A new certificate, and a client revoked whose connection is still open.
    renewed = authority.issue("server", "gateway", end=2 * DAY, server=True)
    authority.revoke(issued)
    gateway.send(signal.SIGHUP)
    eventually("the new one is shown", lambda: shown() == renewed.serial)
    kept.request("GET", "/rounds")
    answer = kept.getresponse()
    assert answer.status == 401 and b"revoked" in answer.read()

    # Files that do not fit change nothing.
    good = server.key.read_bytes()
    try:
        server.key.write_text("nonsense")
        gateway.send(signal.SIGHUP)
        eventually("it is said", lambda: "is no private key" in gateway.errors())
        assert shown() == renewed.serial
    finally:
        server.key.write_bytes(good)
    expiry = eventually("the metric is there", lambda: re.search(
        r"certificates.*good until (\S+)", gateway.errors()))
    assert expiry and "nonsense" not in gateway.errors()


def test_when_the_certificate_ends_is_a_metric(serve):
    found = re.search(rb"^fedgate_certificate_expiry_time_seconds (\S+)$", serve().get("/metrics").body, re.M)
    assert found and float(found[1]) > 1.7e9


def test_push_and_pull(mutual, authority, tmp_path):
    gateway = mutual()
    issued = authority.issue("site-a", "site-a")
    (tmp_path / "a.fedwt").write_bytes(BODY)
    def run(*arguments):
        return subprocess.run([PROGRAM, *map(str, arguments), "--url", gateway.url], capture_output=True, text=True, timeout=60)
    who = ["--ca", authority.file, "--certificate", issued.certificate, "--key", issued.key]
    push = ["push", "--round", "1", "--client", "site-a", tmp_path / "a.fedwt"]
    assert run(*push, *who).returncode == 0
    assert run("pull", "--round", "1", "--wait", "30", "--output", tmp_path / "mean", *who).returncode == 0
    assert (decode((tmp_path / "mean").read_bytes())[0][0] == np.arange(100)).all()
    # An unknown authority is not trusted, and no certificate does not come in.
    assert "certificate" in run(*push).stderr.lower()
    assert "401" in run(*push, "--ca", authority.file).stderr


def test_push_and_pull_with_a_token(start, tmp_path):
    tokens = Tokens(tmp_path / "tokens.jsonl")
    (tmp_path / "token").write_text(tokens.create("--client", "site-a")["Authorization"].removeprefix("Bearer ") + "\n")
    gateway = start(Gateway, "--tokens", str(tokens.path), "--min-updates", "1")
    (tmp_path / "a.fedwt").write_bytes(BODY)
    def run(*arguments):
        return subprocess.run([PROGRAM, *map(str, arguments), "--url", gateway.url], capture_output=True, text=True, timeout=60)
    push = ["push", "--round", "1", "--client", "site-a", tmp_path / "a.fedwt"]
    assert "401" in run(*push).stderr
    assert run(*push, "--token-file", tmp_path / "token").returncode == 0
    assert run("pull", "--round", "1", "--wait", "30", "--output", tmp_path / "mean", "--token-file", tmp_path / "token").returncode == 0


@pytest.mark.parametrize("options,said", [
    (["--tls-certificate", "cert"], "http.tls_key_file"), (["--tls-key", "key"], "http.tls_certificate_file"),
    (["--client-ca", "ca"], "http.tls_certificate_file"),
    (["--tls-certificate", "none.pem", "--tls-key", "none.pem"], "none.pem")])
def test_files_that_are_missing(tmp_path, options, said):
    done = subprocess.run(
        [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path), *options], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and said in done.stderr
