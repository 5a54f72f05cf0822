"""Uploads in parts, over connections that break."""

import hashlib
import json
import random
import socket
import struct
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from fedgate import PROGRAM, Gateway, eventually
from weights import decode, encode, mean, same

PART = {"Content-Type": "application/partial-upload"}


def body(seed, size=1000):
    return encode([np.random.default_rng(seed).normal(size=size).astype(np.float32)])


def begin(gateway, number, client, first=b"", query="", **headers):
    answer = gateway.put(number, client, first, query, {"Upload-Complete": "?0", **headers})
    assert answer.status == 201, answer
    assert answer.headers["Upload-Offset"] == str(len(first)) and "max-size=" in answer.headers["Upload-Limit"]
    return answer.headers["Location"]


def part(gateway, location, offset, data, last):
    return gateway.request("PATCH", location, data, {**PART, "Upload-Offset": str(offset),
                                                     "Upload-Complete": "?1" if last else "?0"})


def offset_of(gateway, location):
    answer = gateway.request("HEAD", location)
    assert answer.status == 204, answer
    return int(answer.headers["Upload-Offset"])


def test_in_parts(gateway, number):
    whole = body(1)
    location = begin(gateway, number, "a", whole[:100], "num_samples=3")
    answer = part(gateway, location, 100, whole[100:1000], last=False)
    assert answer.status == 204 and answer.headers["Upload-Offset"] == "1000"
    assert gateway.get(location).json == {"offset": 1000, "complete": False, "length": None, "round_number": number,
                                          "client_id": "a"}
    assert gateway.get(f"/rounds/{number}").status == 404
    receipt = part(gateway, location, 1000, whole[1000:], last=True)
    assert receipt.status == 202 and receipt.json["original_size"] == len(whole)
    assert receipt.json["checksum"] == hashlib.sha256(whole).hexdigest()
    # Who did not hear the answer asks again.
    assert gateway.request("HEAD", location).headers["Upload-Complete"] == "?1"
    again = part(gateway, location, len(whole), b"", last=True)
    assert again.body == receipt.body and again.headers["Fed-Repeat"] == "true"
    assert part(gateway, location, len(whole), b"x", last=True).problem == "upload-complete"
    gateway.stored(number, "b", whole)
    assert same(decode(gateway.result(number))[0], mean([(3, decode(whole)[0]), (1, decode(whole)[0])]))


def test_refusals(gateway, fresh):
    number, whole = fresh(), body(2)
    location = begin(gateway, number, "a", whole[:10])
    answer = part(gateway, location, 9, whole[9:], last=True)
    assert answer.status == 409 and answer.problem == "mismatching-offset", answer
    assert answer.headers["Upload-Offset"] == "10" and answer.json["offset"] == 10
    for headers, status in (({**PART, "Upload-Offset": "10"}, 400), ({**PART, "Upload-Complete": "?1"}, 400),
                            ({**PART, "Upload-Offset": "-1", "Upload-Complete": "?1"}, 400),
                            ({**PART, "Upload-Offset": "10", "Upload-Complete": "1"}, 400),
                            ({"Upload-Offset": "10", "Upload-Complete": "?1"}, 415)):
        answer = gateway.request("PATCH", location, whole[10:], headers)
        assert answer.status == status, (headers, answer)
    assert gateway.put(number, "a", b"", headers={"Upload-Complete": "yes"}).status == 400
    assert gateway.put(number, "a", b"", headers={"Upload-Complete": "?0", "Upload-Length": "99999999999999"}).status == 413
    assert gateway.request("DELETE", location).status == 204
    assert gateway.request("DELETE", location).problem == "upload-unknown"
    assert gateway.request("HEAD", location).status == 404
    # What is whole and wrong is refused as in one request, and may be dropped or kept as it is.
    location = begin(gateway, number, "a", whole[:-1])
    answer = part(gateway, location, len(whole) - 1, b"", last=True)
    assert answer.status == 422 and answer.problem == "malformed-weights", answer
    assert part(gateway, location, len(whole) - 1, whole[-1:], last=True).status == 202
    location = begin(gateway, number, "b", b"", **{"Upload-Length": str(len(whole) + 1)})
    assert part(gateway, location, 0, whole, last=True).status == 400
    assert part(gateway, location, len(whole), b"12", last=True).status == 413


def test_digest_and_key_of_the_beginning_count(gateway, number):
    whole = body(3)
    location = begin(gateway, number, "a", **{"Content-Digest": "sha-256=:" + "A" * 43 + "=:"})
    assert part(gateway, location, 0, whole, last=True).problem == "digest-mismatch"
    first = part(gateway, begin(gateway, number, "a", **{"Idempotency-Key": "k"}), 0, whole, last=True)
    again = part(gateway, begin(gateway, number, "a", **{"Idempotency-Key": "k"}), 0, whole, last=True)
    assert first.status == 202 and again.body == first.body and again.headers["Fed-Repeat"] == "true"


def test_broken_anywhere(start):
    """Two hundred uploads, each broken off at random bytes, resumed, and counted once."""
    chance = random.Random(5)
    gateway = start(Gateway, "--min-updates", "200")
    sizes = (1, 700, 20_000)
    updates = []
    for number in range(200):
        whole = body(number, sizes[number % 3])
        updates.append((number % 7 + 1, decode(whole)[0]))
        client = f"phone-{number}"
        location = begin(gateway, number % 3, client, b"", f"num_samples={number % 7 + 1}")
        offset, tries = 0, 0
        while True:
            rest = whole[offset:]
            cut = chance.randrange(len(rest) + 1) if tries < 3 else len(rest)
            with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
                head = (f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Type: application/partial-upload\r\n"
                        f"Upload-Offset: {offset}\r\nUpload-Complete: ?1\r\nContent-Length: {len(rest)}\r\n"
                        "Connection: close\r\n\r\n")
                connection.sendall(head.encode() + rest[:cut])
                if tries >= 3:
                    answer = b""
                    while piece := connection.recv(65536):
                        answer += piece
                    if answer.startswith(b"HTTP/1.1 202 "):
                        receipt = json.loads(answer.split(b"\r\n\r\n", 1)[1])
                        break
                    # What was left of a broken connection may still have been read after the offset was told.
                    assert b"/problems/mismatching-offset" in answer or b"/problems/upload-" in answer, answer
            tries += 1
            assert tries < 20
            offset = offset_of(gateway, location)
            assert offset <= len(whole)
        assert receipt["checksum"] == hashlib.sha256(whole).hexdigest()
    for number in range(3):
        reported = gateway.round(number)["reported"]
        assert len(reported) == len(updates[number::3])
    assert not any(path.stat().st_size for path in (gateway.data / "results-uploads").glob("*.part"))


def test_a_restart_in_between(start):
    gateway = start(Gateway, "--min-updates", "1")
    whole = body(4, 200_000)
    location = begin(gateway, 1, "a", whole[:500_000])
    gateway.kill()
    gateway.start()
    assert offset_of(gateway, location) == 500_000
    receipt = part(gateway, location, 500_000, whole[500_000:], last=True)
    assert receipt.status == 202
    gateway.kill()
    gateway.start()
    assert part(gateway, location, len(whole), b"", last=True).body == receipt.body
    assert same(decode(gateway.result(1))[0], decode(whole)[0])


def test_the_last_request_has_the_turn(gateway, number):
    """A connection that hangs blocks nobody."""
    whole = body(5)
    location = begin(gateway, number, "a")
    with socket.create_connection(("127.0.0.1", gateway.port)) as hanging:
        hanging.sendall(f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Type: application/partial-upload\r\n"
                        f"Upload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Length: {len(whole)}\r\n\r\n".encode()
                        + whole[:50])
        offset = eventually("some bytes came", lambda: offset_of(gateway, location))
        assert part(gateway, location, offset, whole[offset:], last=True).status == 202
        hanging.sendall(whole[50:])
        assert hanging.recv(1000).startswith(b"HTTP/1.1 409 ")


def test_those_that_nobody_appends_to_hold_no_descriptor(gateway, fresh):
    whole = body(6)
    descriptors = Path(f"/proc/{gateway.process.pid}/fd")
    before = len(list(descriptors.iterdir()))
    for index in range(100):
        number = fresh()
        begin(gateway, number, f"empty-{index}")
        location = begin(gateway, number, f"whole-{index}")
        assert part(gateway, location, 0, whole, last=True).status == 202
    eventually("their files are closed", lambda: len(list(descriptors.iterdir())) < before + 50)


def test_abandoned_ones_go(start):
    gateway = start(Gateway, "--upload-expiry", "1")
    location = begin(gateway, 1, "a", b"FEDWT001")
    spool = gateway.data / "results-uploads"
    assert list(spool.iterdir())
    eventually("the abandoned upload is gone", lambda: not list(spool.iterdir()))
    assert gateway.request("HEAD", location).status == 404


class BreakingProxy:
    """Forwards to a gateway, and breaks every connection after some bytes."""

    def __init__(self, port, most):
        self.target, self.most, self.broken = port, most, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.pump, args=(client, server, self.most), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, 1 << 60), daemon=True).start()

    def pump(self, source, sink, most):
        try:
            while most > 0 and (piece := source.recv(min(65536, most))):
                sink.sendall(piece)
                most -= len(piece)
            self.broken += most == 0
        except OSError:
            pass
        for end in (source, sink):
            try:
                if end is source:
                    # Hard, or a client that still sends would wait for a window that never opens; what the gateway
                    # was sent it shall get.
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


@pytest.mark.parametrize("megabytes", [0, 24])
def test_push_goes_on_by_itself(start, tmp_path, megabytes):
    gateway = start(Gateway, "--min-updates", "1")
    whole = body(6, max(60_000, megabytes << 18))
    (tmp_path / "weights").write_bytes(whole)
    proxy = BreakingProxy(gateway.port, len(whole) // 5)
    done = subprocess.run(
        [PROGRAM, "push", tmp_path / "weights", "--round", "1", "--client", "a", "--url",
         f"http://127.0.0.1:{proxy.port}"], capture_output=True, timeout=120)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["checksum"] == hashlib.sha256(whole).hexdigest()
    assert proxy.broken >= 4
    assert same(decode(gateway.result(1))[0], decode(whole)[0])


class HoldingProxy(BreakingProxy):
    """Forwards to a gateway, and holds what comes after some bytes until it is told to go on."""

    def __init__(self, port, most):
        self.holding, self.goes_on = threading.Event(), threading.Event()
        super().__init__(port, most)

    def pump(self, source, sink, most):
        forwarded = 0
        while piece := source.recv(65536):
            forwarded += len(piece)
            if forwarded > most:
                self.holding.set()
                self.goes_on.wait(60)
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


def test_push_ends_when_the_round_has_closed_meanwhile(start, tmp_path):
    gateway = start(Gateway, "--min-updates", "1")
    (tmp_path / "weights").write_bytes(body(6, 1 << 20))
    proxy = HoldingProxy(gateway.port, 1 << 20)
    push = subprocess.Popen(
        [PROGRAM, "push", tmp_path / "weights", "--round", "1", "--client", "a", "--url", f"http://127.0.0.1:{proxy.port}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert proxy.holding.wait(60)
    gateway.stored(1, "b", body(6, 1 << 20))
    gateway.result(1)
    proxy.goes_on.set()
    _, said = push.communicate(timeout=60)
    assert push.returncode == 1 and "The round is closed (409)" in said
    eventually("the line of the request", lambda: "method=PATCH" in gateway.errors())
    assert gateway.errors().count("method=PATCH") == 1
