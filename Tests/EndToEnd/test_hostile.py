"""Raw sockets that do what no client should."""

import re
import socket
import threading
import time

import numpy as np
import pytest

from fedgate import Gateway
from weights import encode

HOST = b"Host: gateway\r\n"
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"
BODY = encode([np.zeros(4)])


def talk(port, *pieces, patience=60):
    """Sends the pieces and reads until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused while we were talking; what it said is still there
        return read(connection)


def read(connection):
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def statuses(received):
    """The statuses of all final responses; bodies are JSON and hold no status line."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received) if status != b"100"]


def put(*headers, version=b"1.1", host=HOST):
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"PUT /rounds/1/updates/a HTTP/" + version + b"\r\n" + host + lines + b"\r\n"


CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: %d" % len(BODY)
IN_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)

FRAMING = {
    "length and chunks": put(LENGTH, CHUNKED) + IN_CHUNKS,
    "chunks and length": put(CHUNKED, b"Content-Length: 4") + IN_CHUNKS,
    "two lengths": put(LENGTH, b"Content-Length: 5") + BODY,
    "two equal lengths": put(LENGTH, LENGTH) + BODY,
    "a list of lengths": put(LENGTH + b", %d" % len(BODY)) + BODY,
    "a signed length": put(b"Content-Length: +%d" % len(BODY)) + BODY,
    "a length below nought": put(b"Content-Length: -1") + BODY,
    "a hexadecimal length": put(b"Content-Length: 0x10") + BODY,
    "a length beyond 64 bits": put(b"Content-Length: 18446744073709551617") + BODY,
    "an empty length": put(b"Content-Length:") + BODY,
    "another transfer encoding": put(b"Transfer-Encoding: gzip, chunked") + IN_CHUNKS,
    "an unknown transfer encoding": put(b"Transfer-Encoding: xchunked") + IN_CHUNKS,
    "a transfer encoding twice": put(CHUNKED, b"Transfer-Encoding: identity") + IN_CHUNKS,
    "chunks under HTTP/1.0": put(CHUNKED, version=b"1.0") + IN_CHUNKS,
    "a blank before the colon": put(b"Content-Length : 4", CHUNKED) + IN_CHUNKS,
    "a chunk size with a prefix": put(CHUNKED) + b"0x%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a chunk size below nought": put(CHUNKED) + b"-1\r\n" + BODY,
    "a chunk size beyond 64 bits": put(CHUNKED) + b"1%016x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a chunk size that is none": put(CHUNKED) + b"zz\r\n" + BODY,
    "a chunk longer than it says": put(CHUNKED) + b"8\r\n%b\r\n0\r\n\r\n" % BODY,
    "no host": put(LENGTH, host=b"") + BODY,
    "two hosts": put(LENGTH, b"Host: other") + BODY,
    "NUL in a header": put(LENGTH, b"Fed-Metadata: {}\0") + BODY,
}


@pytest.mark.parametrize("name", FRAMING)
def test_ambiguous_framing_is_refused_and_the_connection_closed(gateway, name):
    # What follows must not be answered: a proxy in front could have taken it for a body.
    received = talk(gateway.port, FRAMING[name] + SMUGGLED)
    # (libmicrohttpd 0.9.75 sends the headers of some of its own refusals twice, and closes.)
    assert all(400 <= status < 500 for status in statuses(received)), received
    assert gateway.get("/healthz").status == 200
    assert gateway.get("/rounds/1").status == 404, "nothing was stored"


NOT_HTTP = {
    "nothing": b"",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100 + b"\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "another version": b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n",
    "a method of blanks": b"    /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long target": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long header": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
    "many headers": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 20_000 + b"\r\n",
    "a malformed escape": b"GET /rounds/%zz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "no UTF-8": b"GET /rounds/%ff%fe HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "an unknown expectation": put(LENGTH, b"Expect: miracles", b"Connection: close") + BODY,
}


@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_is_no_request_is_refused(gateway, name):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        try:
            connection.sendall(NOT_HTTP[name])
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed already
        received = read(connection)
    assert all(400 <= status < 600 for status in statuses(received)), received
    assert gateway.get("/healthz").status == 200


def test_too_large_is_said_before_the_body_is_asked_for(start):
    gateway = start(Gateway, "--max-body", "1MiB")
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        connection.sendall(put(b"Content-Length: 10000000000", b"Expect: 100-continue"))
        received = connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 413 "), received


def test_a_wrong_byte_is_answered_before_the_rest_has_come(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        connection.sendall(put(b"Content-Length: 10000000") + b"FEDWT002" + b"\0" * 1000)
        received = connection.recv(65536)
    assert statuses(received) == [415], received


def test_requests_in_a_row_are_answered_in_a_row(gateway, number):
    upload = lambda site: b"PUT /rounds/%d/updates/%b HTTP/1.1\r\n" % (number, site) + HOST + LENGTH + b"\r\n\r\n" + BODY
    closing = SMUGGLED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    received = talk(gateway.port, SMUGGLED + upload(b"a") + SMUGGLED + upload(b"b") + closing)
    assert statuses(received) == [200, 202, 200, 202, 200]
    gateway.result(number)


def test_slow_clients_are_sent_away(gateway):
    """Headers that never end, and a body of a byte now and then."""
    started = put(b"Content-Length: 100000") + b"FEDWT001"
    kinds = {"headers": b"GET /healthz HTTP/1.1\r\nX: ", "body": started}
    closed = {}

    def drip(kind):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=120) as connection:
            connection.sendall(kinds[kind])
            connection.settimeout(0.5)
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                try:
                    if not connection.recv(65536):
                        closed[kind] = True
                        return
                except TimeoutError:
                    pass
                except ConnectionResetError:
                    closed[kind] = True
                    return
                try:
                    connection.sendall(b"\x01")
                except OSError:
                    closed[kind] = True
                    return

    threads = [threading.Thread(target=drip, args=[kind]) for kind in kinds]
    for thread in threads:
        thread.start()
    assert gateway.get("/healthz").status == 200, "others are served meanwhile"
    for thread in threads:
        thread.join(130)
    assert closed == {"headers": True, "body": True}


def misbehave(gateway, number):
    """One of each kind of hostile request."""
    for request in list(FRAMING.values()) + list(NOT_HTTP.values()):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            read(connection)
    for length in (20, len(BODY) - 1):
        # A client that goes away in the middle of what it promised.
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
            connection.sendall(put(b"Content-Length: 800000") + BODY[:length])


def test_memory_stays_flat_and_the_server_alive(gateway, number):
    for _ in range(10):
        misbehave(gateway, number)
    before = gateway.memory()
    for _ in range(40):
        misbehave(gateway, number)
    grown = gateway.memory() - before
    assert grown < 24 << 20, f"{grown >> 20} MiB more after {40 * (len(FRAMING) + len(NOT_HTTP) + 2)} requests"
    for site in "ab":
        gateway.stored(number, site, BODY)
    gateway.result(number)


def test_many_idle_connections_leave_room_for_others(gateway):
    idle = [socket.create_connection(("127.0.0.1", gateway.port), timeout=60) for _ in range(500)]
    try:
        assert gateway.get("/healthz").status == 200
    finally:
        for connection in idle:
            connection.close()


def test_stalled_uploads_leave_memory_for_others(start):
    """Announced bodies share a budget; who does not send holds its part only for so long."""
    gateway = start(Gateway, "--memory", "16MiB")
    stalled = []
    try:
        for site in range(8):
            stalled.append(socket.create_connection(("127.0.0.1", gateway.port), timeout=120))
            stalled[-1].sendall(put(b"Content-Length: 8000000") + BODY[:30])
        deadline = time.monotonic() + 120
        while (answer := gateway.put(7, "patient", BODY)).status != 202:
            assert answer.status == 503 and answer.headers["Retry-After"] and time.monotonic() < deadline, answer
            time.sleep(float(answer.headers["Retry-After"]))
    finally:
        for connection in stalled:
            connection.close()
