"""What works on bodies, compressing and decompressing, stays within `--memory` whatever clients do."""

import re
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
import zstandard
from fedgate import Gateway, eventually
from weights import encode

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
