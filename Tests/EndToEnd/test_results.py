"""Getting results: conditions, waiting, the latest."""

import base64
import gzip
import hashlib
import json
import threading

import numpy as np
import zstandard

from fedgate import Gateway, eventually
from weights import encode


def close(gateway, number, value=1.0):
    """Uploads what closes a round, and returns its result."""
    for site in "ab":
        gateway.stored(number, site, encode([np.full(5, value)]))
    return gateway.result(number)


def test_etag_is_the_digest_and_its_holder_gets_304(gateway, number):
    body = close(gateway, number)
    answer = gateway.get(f"/rounds/{number}/result")
    etag = answer.headers["ETag"]
    assert answer.body == body and etag == f'"{hashlib.sha256(body).hexdigest()}"'
    assert answer.headers["Fed-Round"] == str(number) and "immutable" in answer.headers["Cache-Control"]
    for condition in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = gateway.get(f"/rounds/{number}/result", If_None_Match=condition)
        assert again.status == 304 and again.body == b"" and again.headers["ETag"] == etag, condition
    assert gateway.get(f"/rounds/{number}/result", If_None_Match='"other"').status == 200


def test_head_has_the_headers_of_get(gateway, number):
    body = close(gateway, number)
    get = gateway.get(f"/rounds/{number}/result")
    head = gateway.request("HEAD", f"/rounds/{number}/result")
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == str(len(body))
    for name in ("ETag", "Content-Type", "Cache-Control", "Fed-Round"):
        assert head.headers[name] == get.headers[name]
    held = {"If-None-Match": get.headers["ETag"]}
    assert gateway.request("HEAD", f"/rounds/{number}/result", headers=held).status == 304


def test_pending_is_404_with_retry_after(gateway, number):
    gateway.stored(number, "a", encode([np.ones(2)]))
    for path in (f"/rounds/{number}/result", f"/rounds/{number}/result?wait=1"):
        answer = gateway.get(path)
        assert answer.status == 404 and answer.problem == "round-pending" and answer.json["retriable"] is True
        assert int(answer.headers["Retry-After"]) >= 1
    assert gateway.request("HEAD", f"/rounds/{number}/result").status == 404


def wait_with(gateway, path, headers, act):
    """Asks in a thread, acts, and returns the thread's answer."""
    answers = []
    asking = threading.Thread(target=lambda: answers.append(gateway.request("GET", path, headers=headers)))
    asking.start()
    act()
    asking.join(90)
    assert answers, "the long poll was not answered"
    return answers[0]


def test_a_long_poll_is_answered_by_the_result(gateway, fresh):
    for suffix, headers in (("?wait=60", {}), ("", {"Prefer": "wait=60"}), ("?wait=60", {"Prefer": "wait=0"})):
        number = fresh()
        answer = wait_with(gateway, f"/rounds/{number}/result{suffix}", headers, lambda: close(gateway, number))
        assert answer.status == 200 and answer.body == close_again(gateway, number)
        assert answer.headers.get("Preference-Applied") == (None if suffix else "wait=60")


def close_again(gateway, number):
    return gateway.get(f"/rounds/{number}/result").body


def test_many_long_polls_for_one_result(gateway, number):
    """Answers are made once for all who ask alike: each client still gets its own, with its own request's id."""
    path = f"/rounds/{number}/result?wait=60"
    kinds = [("GET", path, {}, 200), ("HEAD", path, {}, 200), ("GET", path, {"Range": "bytes=0-7"}, 206),
             ("GET", path, {"If-None-Match": "*"}, 304), ("GET", path, {"If-Match": '"other"'}, 412),
             ("GET", path + "&format=npz", {}, 200)]
    answers = {}

    def ask(name, method, target, headers):
        answers[name] = gateway.request(method, target, headers=headers | {"X-Request-Id": name})

    asked = {f"client-{n}": kinds[n % len(kinds)] for n in range(60)}
    threads = [threading.Thread(target=ask, args=(name, *kind[:3])) for name, kind in asked.items()]
    for thread in threads:
        thread.start()
    eventually("all wait", lambda: b"\nfedgate_long_polls 60\n" in gateway.get("/metrics").body)
    body = close(gateway, number)
    for thread in threads:
        thread.join(90)
    for name, (method, target, _, status) in asked.items():
        answer = answers[name]
        assert answer.status == status and answer.headers.get_all("X-Request-Id") == [name], (name, target)
        assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]
        if status == 200 and "npz" not in target:
            assert answer.body == (b"" if method == "HEAD" else body) and answer.headers["Content-Length"] == str(len(body))
    assert answers["client-2"].body == body[:8] and answers["client-5"].body[:2] == b"PK"


def test_the_latest_result(start):
    gateway = start(Gateway)
    assert gateway.get("/rounds/latest/result").status == 404
    close(gateway, 5, 5.0)
    latest = gateway.get("/rounds/latest/result")
    assert latest.headers["Fed-Round"] == "5" and latest.headers["Content-Location"] == "/rounds/5/result"
    assert "immutable" not in latest.headers["Cache-Control"]
    close(gateway, 3, 3.0)
    assert gateway.get("/rounds/latest/result").body == latest.body, "an earlier round came later"
    # Who holds the latest waits for the next; who does not is answered at once.
    assert gateway.get("/rounds/latest/result?wait=60").body == latest.body
    held = {"If-None-Match": latest.headers["ETag"]}
    assert gateway.request("GET", "/rounds/latest/result?wait=1", headers=held).status == 304
    answer = wait_with(gateway, "/rounds/latest/result?wait=60", held, lambda: close(gateway, 6, 6.0))
    assert answer.status == 200 and answer.headers["Fed-Round"] == "6"


def test_fedwt_is_what_is_had_without_a_preference(gateway, number):
    close(gateway, number)
    path = f"/rounds/{number}/result"
    for accept in ("application/vnd.fedwt", "*/*", "application/*;q=0.5", "text/html, */*;q=0.1"):
        assert gateway.get(path, Accept=accept).status == 200, accept
    for accept in ("text/html", "application/vnd.fedwt;q=0"):
        answer = gateway.get(path, Accept=accept)
        assert answer.status == 406 and answer.problem == "not-acceptable", accept
    assert gateway.get(path + "?format=fedwt").status == 200
    assert gateway.get(path + "?format=onnx").status == 406
    assert gateway.get(path + "?wait=soon").status == 400
    assert gateway.get(path + "?weight=30").status == 400


def test_ranges(gateway, number):
    body = close(gateway, number)
    path = f"/rounds/{number}/result"
    whole = gateway.get(path)
    etag, digest, size = whole.headers["ETag"], whole.headers["Repr-Digest"], len(body)
    assert digest == "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
    assert whole.headers["Content-Digest"] == digest and whole.headers["Accept-Ranges"] == "bytes"
    for asked, first, last in (("0-0", 0, 0), ("3-9", 3, 9), ("5-", 5, size - 1), ("-7", size - 7, size - 1),
                               (f"2-{10 ** 30}", 2, size - 1), (f"-{10 ** 30}", 0, size - 1)):
        answer = gateway.get(path, Range=f"bytes={asked}")
        assert answer.status == 206 and answer.body == body[first:last + 1], asked
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert answer.headers["Repr-Digest"] == digest and answer.headers["Content-Digest"] is None
    for ignored in ("bytes=0-1,3-4", "lines=1-2", "bytes=5-3", "bytes=x-", "bytes=-", "bytes"):
        assert gateway.get(path, Range=ignored).status == 200, ignored
    for beyond in (f"bytes={size}-", f"bytes={10 ** 30}-", "bytes=-0"):
        answer = gateway.get(path, Range=beyond)
        assert answer.status == 416 and answer.headers["Content-Range"] == f"bytes */{size}", beyond
    assert gateway.get(path, Range="bytes=1-2", If_Range=etag).status == 206
    assert gateway.get(path, Range="bytes=1-2", If_Range='"other"').status == 200
    assert gateway.get(path, Range="bytes=1-2", If_None_Match=etag).status == 304
    assert gateway.get(path, If_Match=etag).status == 200
    assert gateway.get(path, If_Match='"other"').problem == "precondition-failed"
    assert gateway.request("HEAD", path, headers={"Range": "bytes=1-2"}).status == 200


def test_retention(start):
    gateway = start(Gateway, "--keep-rounds", "2")
    bodies = [close(gateway, number, number) for number in range(4)]
    def expired(number):
        eventually(f"round {number} is expired", lambda: gateway.get(f"/rounds/{number}/result").status == 410)

    def check():
        expired(1)
        for number, body in enumerate(bodies):
            answer = gateway.get(f"/rounds/{number}/result")
            if number < 2:
                assert answer.status == 410 and answer.problem == "round-expired", answer
                assert gateway.round(number)["state"] == "expired"
            else:
                assert answer.body == body
            assert gateway.put(number, "c", encode([np.full(5, 1.0)])).problem == "round-closed"
        assert [r["state"] for r in gateway.get("/rounds").json["rounds"]] == ["expired"] * 2 + ["closed"] * 2
    check()
    gateway.end()
    gateway.start()
    check()
    gateway.end()
    gateway.arguments[-1:] = ["100", "--keep-bytes", str(len(bodies[3]))]
    gateway.start()
    last = close(gateway, 4, 4.0)
    expired(3)
    assert gateway.get("/rounds/latest/result").body == last
    assert [gateway.get(f"/rounds/{number}/result").status for number in (2, 3, 4)] == [410, 410, 200]


def coded(gateway, path, coding, **headers):
    """Asks until the copy in that coding is there."""
    def ask():
        answer = gateway.get(path, Accept_Encoding=coding, **headers)
        return answer if answer.headers["Content-Encoding"] == coding else None
    return eventually(f"{path} can be had in {coding}", ask)


def decoded(answer):
    coding = answer.headers["Content-Encoding"]
    if coding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(answer.body)
    return gzip.decompress(answer.body) if coding == "gzip" else answer.body


def digest_field(body):
    return "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"


def close_large(gateway, number, array):
    for site in "ab":
        gateway.stored(number, site, encode([array]))
    return gateway.result(number)


def test_content_codings(gateway, number):
    body = close_large(gateway, number, np.repeat(np.arange(1000.0), 50))
    path = f"/rounds/{number}/result"
    first = gateway.get(path, Accept_Encoding="gzip")
    assert first.body == body and first.headers["Content-Encoding"] is None, "the plain bytes until the copy is there"
    etags = {gateway.get(path).headers["ETag"]}
    for coding in ("gzip", "zstd"):
        answer = coded(gateway, path, coding)
        assert decoded(answer) == body and len(answer.body) < len(body) / 2
        assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.body).hexdigest()}"'
        assert answer.headers["Repr-Digest"] == answer.headers["Content-Digest"] == digest_field(answer.body)
        assert answer.headers["Vary"] == "Accept, Accept-Encoding, Fed-Base"
        etag = answer.headers["ETag"]
        etags.add(etag)
        head = gateway.request("HEAD", path, headers={"Accept-Encoding": coding})
        assert head.headers["Content-Encoding"] == coding and head.headers["Content-Length"] == str(len(answer.body))
        assert head.headers["Repr-Digest"] == digest_field(answer.body) and head.headers["Content-Digest"] is None
        held = gateway.get(path, Accept_Encoding=coding, If_None_Match=etag)
        assert held.status == 304 and held.headers["ETag"] == etag
        # A part of the copy, for who has another part of it; who says nothing gets parts of the plain bytes.
        part = gateway.get(path, Accept_Encoding=coding, Range="bytes=10-19", If_Range=etag)
        assert part.status == 206 and part.body == answer.body[10:20] and part.headers["Content-Encoding"] == coding
        assert part.headers["Content-Range"] == f"bytes 10-19/{len(answer.body)}"
        assert part.headers["Repr-Digest"] == digest_field(answer.body)
        plain = gateway.get(path, Accept_Encoding=coding, Range="bytes=10-19")
        assert plain.status == 206 and plain.body == body[10:20] and plain.headers["Content-Encoding"] is None
    assert len(etags) == 3
    # Who has the plain bytes keeps them.
    plain = gateway.get(path).headers["ETag"]
    assert gateway.get(path, Accept_Encoding="gzip", If_None_Match=plain).status == 304
    for accept, expected in (("gzip, zstd", "zstd"), ("gzip, zstd;q=0.5", "gzip"), ("identity, gzip;q=0.5", None),
                             ("br", None), ("", None), ("*", "zstd"), ("gzip;q=0", None), ("x-gzip", "gzip"),
                             ("identity;q=0, gzip", "gzip")):
        answer = gateway.get(path, Accept_Encoding=accept)
        assert answer.status == 200 and answer.headers["Content-Encoding"] == expected and decoded(answer) == body, accept
    answer = gateway.get(path, Accept_Encoding="identity;q=0, br")
    assert answer.status == 406 and answer.problem == "not-acceptable"
    # A tag of a coding that this client does not take is none of its own.
    gzipped = gateway.get(path, Accept_Encoding="gzip").headers["ETag"]
    assert gateway.get(path, If_None_Match=gzipped).status == 200
    assert gateway.get(path, Accept_Encoding="gzip", If_Match=gzipped).status == 200
    assert gateway.get(path, If_Match=gzipped).status == 412


def test_what_does_not_shrink_is_sent_as_it_is(gateway, number):
    body = close_large(gateway, number, np.random.default_rng(1).integers(0, 256, 100_000, dtype=np.uint8))
    sidecar = gateway.data / "results" / f"round-{number}.json"
    path = f"/rounds/{number}/result"
    assert gateway.get(path, Accept_Encoding="gzip").body == body
    eventually("it was tried", lambda: sidecar.exists() and json.loads(sidecar.read_text())["incompressible"] == ["gzip"])
    answer = gateway.get(path, Accept_Encoding="gzip")
    assert answer.body == body and answer.headers["Content-Encoding"] is None
    assert not list(sidecar.parent.glob(f"round-{number}.fedwt?*"))


def test_copies_outlive_the_process_and_go_with_their_round(start):
    gateway = start(Gateway, "--keep-rounds", "1")
    body = close_large(gateway, 1, np.ones(10_000))
    before = coded(gateway, "/rounds/latest/result", "gzip")
    copy = gateway.data / "results" / "round-1.fedwt.gz"
    assert copy.read_bytes() == before.body
    (copy.parent / "round-1.fedwt.zst.tmp").write_bytes(b"half of a copy")
    gateway.end()
    gateway.start()
    after = gateway.get("/rounds/1/result", Accept_Encoding="gzip")
    assert after.body == before.body and after.headers["ETag"] == before.headers["ETag"] and decoded(after) == body
    # A wait for another latest than the copy that one holds is a wait.
    held = {"Accept-Encoding": "gzip", "If-None-Match": before.headers["ETag"]}
    answer = wait_with(gateway, "/rounds/latest/result?wait=60", held, lambda: close(gateway, 2))
    assert answer.status == 200 and answer.headers["Fed-Round"] == "2"
    eventually("it is expired", lambda: gateway.get("/rounds/1/result", Accept_Encoding="gzip").status == 410)
    eventually("its files are gone", lambda: not list(copy.parent.glob("round-1.fedwt*")))
    assert {path.name for path in copy.parent.iterdir()} == {"log", "round-1.json", "round-2.fedwt", "round-2.json"}


def test_no_codings(start):
    gateway = start(Gateway, "--content-codings", "none")
    body = close_large(gateway, 1, np.ones(10_000))
    for _ in range(3):
        answer = gateway.get("/rounds/1/result", Accept_Encoding="gzip")
        assert answer.body == body and answer.headers["Content-Encoding"] is None
