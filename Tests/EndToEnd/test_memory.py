"""What works on bodies, compressing and decompressing, stays within `--memory` whatever clients do."""

import http.client
import re
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
import zstandard
from fedgate import Gateway, eventually
from protocol import package
from weights import decode, encode

MEMORY = 64 << 20
# Beyond --memory: the pools of contexts, connections, the trial of --compression auto on each thread, the allocator.
BESIDE = 64 << 20


def peak(gateway):
    """The most that was resident, in bytes."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{gateway.process.pid}/status").read_text())[1]) * 1024


def waiting(gateway):
    return float(re.search(r"^fedgate_uploads_waiting (\S+)$", gateway.get("/metrics").body.decode(), re.M)[1])


def open_zstd(arrays, window_log):
    """A zstd stream of such a window that has all of the arrays but its last bytes."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=window_log, write_content_size=False)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return stream.compress(encode(arrays)[:-1000]) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


class Stalled:
    """Uploads that are begun and never ended."""

    def __init__(self, gateway, count, body, *headers):
        self.gateway, self.sockets, self.threads = gateway, [], []
        for site in range(count):
            connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=120)
            self.sockets.append(connection)
            head = [f"PUT /rounds/1/updates/{site} HTTP/1.1", "Host: gateway", "Transfer-Encoding: chunked", *headers]
            sent = "\r\n".join(head).encode() + b"\r\n\r\n%x\r\n" % len(body) + body
            self.threads.append(threading.Thread(target=self.send, args=[connection, sent], daemon=True))
            self.threads[-1].start()

    @staticmethod
    def send(connection, sent):
        try:
            connection.sendall(sent)
        except OSError:
            pass  # sent away, which is right too

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        for thread in self.threads:
            thread.join(60)


def test_windows_share_the_memory(start):
    gateway = start(Gateway, "--memory", str(MEMORY))
    weights = np.zeros(3 << 20, np.float32)
    weights[:100_000] = np.random.default_rng(1).normal(size=100_000)
    before = peak(gateway)
    with Stalled(gateway, 40, open_zstd([weights], 23), "Content-Encoding: zstd"):
        eventually("uploads wait for memory", lambda: waiting(gateway) > 20)
        # Those that need no window are served meanwhile.
        gateway.stored(2, "plain", encode([np.ones(10, np.float32)]))
        assert peak(gateway) - before < MEMORY + BESIDE, f"{peak(gateway) - before >> 20} MiB"
    eventually("their memory came back", lambda: waiting(gateway) == 0)
    body = zstandard.compress(encode([weights[:1000]]))
    assert gateway.put(3, "a", body, headers={"Content-Encoding": "zstd"}).status == 202


def test_a_window_that_no_memory_suffices_for_is_named(start):
    gateway = start(Gateway, "--memory", str(MEMORY))
    before = peak(gateway)
    body = open_zstd([np.zeros(1 << 20, np.float32)], 27)
    answer = gateway.put(1, "a", body, headers={"Content-Encoding": "zstd"})
    assert answer.status == 413 and "window" in answer.json["detail"] and answer.json["limit"] == MEMORY // 2, answer
    assert peak(gateway) - before < 32 << 20


@pytest.mark.parametrize("compression", ["auto", "zstd"])
def test_compressors_share_the_memory(start, compression):
    gateway = start(Gateway, "--memory", str(MEMORY), "--compression", compression)
    body = encode([np.random.default_rng(2).normal(size=1 << 19).astype(np.float32)])
    before = peak(gateway)
    with Stalled(gateway, 100, body[: 1 << 20]):
        eventually("uploads wait for memory", lambda: waiting(gateway) > 50)
        assert peak(gateway) - before < MEMORY + BESIDE, f"{peak(gateway) - before >> 20} MiB"


def test_the_objects_of_pickles_share_the_memory(start):
    """A byte of a pickle may make an object: here the same integer is put into the memo again and again."""
    gateway = start(Gateway, "--memory", str(MEMORY))
    before = peak(gateway)
    answer = gateway.put(1, "a", b"\x80\x04K\x01" + b"\x94" * 999_000)
    assert (answer.status, answer.json["limit"]) == (413, MEMORY // 2) and "objects" in answer.json["detail"], answer
    with Stalled(gateway, 40, b"\x80\x04K\x01" + b"\x94" * 600_000):
        eventually("uploads wait for memory", lambda: waiting(gateway) > 20)
        gateway.stored(2, "plain", encode([np.ones(10, np.float32)]))
        assert peak(gateway) - before < MEMORY + BESIDE, f"{peak(gateway) - before >> 20} MiB"


class Crowd:
    """Clients that send a body of their own at one time."""

    def __init__(self, gateway, count, size, chunked):
        self.gateway, self.chunked, self.answers = gateway, chunked, {}
        self.bodies = [encode([np.arange(size // 4, dtype=np.float32) + site]) for site in range(count)]
        threads = [threading.Thread(target=self.send, args=[site]) for site in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def send(self, site):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=120)
        body = self.bodies[site]
        pieces = (body[start:start + 50_000] for start in range(0, len(body), 50_000)) if self.chunked else body
        connection.request("PUT", f"/rounds/1/updates/{site}", pieces, encode_chunked=self.chunked,
                           headers={"Transfer-Encoding": "chunked"} if self.chunked else {})
        answer = connection.getresponse()
        self.answers[site] = answer.status, answer.read()
        connection.close()


@pytest.mark.parametrize("options, count, size, chunked", [
    (["--memory", "8MiB"], 14, 7_000_000, False),
    (["--memory", "8MiB"], 12, 3_000_000, True),
    (["--memory", "16MiB", "--compression", "zstd"], 40, 1_000_000, True),
    (["--memory", "16MiB", "--compression", "zstd"], 14, 7_000_000, False),
], ids=["announced", "growing", "growing and compressed", "announced and compressed"])
def test_a_crowd_that_needs_more_memory_than_there_is_gets_on(start, options, count, size, chunked):
    """Who waits for memory holds none that others wait for, so that nobody is sent away."""
    gateway = start(Gateway, *options, "--min-updates", str(count))
    crowd = Crowd(gateway, count, size, chunked)
    assert {status for status, _ in crowd.answers.values()} == {202}, crowd.answers
    mean, = decode(gateway.result(1))[0]
    assert (mean == np.arange(size // 4, dtype=np.float32) + np.float32((count - 1) / 2)).all()


@pytest.mark.parametrize("chunk", [1000, 4096, 5000, 8192])
def test_a_staged_body_that_waits_for_the_log_comes_whole(start, chunk):
    """What waits lies in the server's buffer, which moves what is left of a body to its front."""
    gateway = start(Gateway, "--min-updates", "1")
    weights = np.arange(5_000_000, dtype=np.uint32).view(np.float32)
    raw = weights.tobytes()
    packed = package(encode([weights]), "model_weights")
    for number, (body, query, headers) in enumerate([
            (raw, f"?dtype=float32&shape={len(weights)}", {"Content-Type": "application/octet-stream"}), (packed, "", {})], 1):
        pieces = (body[start:start + chunk] for start in range(0, len(body), chunk))
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
        connection.request("PUT", f"/rounds/{number}/updates/a{query}", pieces, encode_chunked=True,
                           headers=headers | {"Transfer-Encoding": "chunked"})
        answer = connection.getresponse()
        assert answer.status == 202, answer.read()
        connection.close()
        read, = decode(gateway.result(number))[0]
        assert (read.view(np.uint32) == weights.view(np.uint32)).all(), number
