"""Models that are larger than a record: in chunks to the log, and back as one body."""

import hashlib
import socket
import subprocess
import threading

import numpy as np
import pytest

from fedgate import Aggregator, Gateway
from weights import decode, encode, mean, same


def model(megabytes, seed):
    """Arrays such as a large model has, of one size for all seeds."""
    random = np.random.default_rng(seed)
    return [random.normal(size=(megabytes, 512, 512)).astype(np.float32), random.normal(size=17).astype(np.float64)]


@pytest.mark.parametrize("options", [(), ("--compression", "zstd"), ("--envelope", "json", "--chunk-size", "300000")],
                         ids=["plain", "zstd", "json"])
def test_larger_than_a_record(start, options):
    gateway = start(Gateway, *options)
    updates = [(1, model(24, 1)), (3, model(24, 2))]
    for site, (samples, update) in enumerate(updates):
        body = encode(update)
        receipt = gateway.stored(1, f"site-{site}", body, samples)
        assert receipt["original_size"] == len(body)
        if not options:
            assert receipt["checksum"] == hashlib.sha256(body).hexdigest() and receipt["stored_size"] > len(body)
    body = gateway.result(1)
    assert same(decode(body)[0], mean(updates))
    # A gateway that starts anew has it from its own disk, one without a disk from the log.
    gateway.end()
    gateway.start()
    assert gateway.result(1) == body
    gateway.end()
    subprocess.run(["rm", "-r", gateway.data / "results"], check=True)
    gateway.start()
    assert gateway.result(1) == body


def test_of_unknown_length(gateway, fresh, tmp_path):
    """As curl sends what it reads from a pipe."""
    number = fresh()
    updates = [(1, model(20, 3)), (1, model(20, 4))]
    for site, (_, update) in enumerate(updates):
        answer = subprocess.run(
            ["curl", "-sSf", "-T", "-", f"{gateway.url}/rounds/{number}/updates/site-{site}"],
            input=encode(update), check=True, capture_output=True, timeout=60).stdout
        assert b"message_id" in answer
    assert same(decode(gateway.result(number))[0], mean(updates))


def test_broken_off_does_not_exist(gateway, fresh):
    number = fresh()
    body = encode(model(24, 5))
    for part in (len(body) // 3, len(body) - 1):
        with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
            connection.sendall(b"PUT /rounds/%d/updates/a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                               % (number, len(body)) + body[:part])
    assert gateway.get(f"/rounds/{number}").status == 404
    updates = [(1, model(24, 6)), (1, model(24, 7))]
    for site, (_, update) in zip("ab", updates):
        gateway.stored(number, site, encode(update))
    assert same(decode(gateway.result(number))[0], mean(updates))


def test_small_ones_pass_by_large_ones(start):
    """Large uploads hold a few chunks of memory each, so that small ones find some."""
    gateway = start(Gateway, "--memory", "24MiB", "--min-updates", "1000")
    large = encode(model(48, 8))
    small = encode([np.arange(9, dtype=np.float32)])
    done = threading.Event()
    failures = []

    def upload(site):
        while not done.is_set():
            try:
                gateway.stored(1, site, large)
            except (AssertionError, OSError) as failure:
                failures.append(failure)

    threads = [threading.Thread(target=upload, args=(f"large-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        for count in range(50):
            gateway.stored(2, f"small-{count}", small)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[0]
    assert gateway.memory() < 160 << 20


def test_the_aggregator_dies_between_chunks(brokers, start, fresh):
    """On Kafka: who reads on from the log begins where the first chunk is."""
    number = fresh()
    gateway = start(Gateway, "--kafka", brokers, "--envelope", "binary", data="gateway")
    aggregator = start(Aggregator, "--kafka", brokers, data="aggregator")
    updates = [(5, model(30, 9)), (2, model(30, 10))]
    gateway.stored(number, "a", encode(updates[0][1]), updates[0][0])
    aggregator.kill()
    aggregator.start()
    gateway.stored(number, "b", encode(updates[1][1]), updates[1][0])
    assert same(decode(gateway.result(number))[0], mean(updates))
    other = start(Gateway, "--kafka", brokers, data="other")
    assert same(decode(other.result(number))[0], mean(updates))


@pytest.mark.parametrize("encoding", ["pickle", "coo", "never"])
def test_a_large_result_is_sparse_where_it_is_mostly_zero(start, encoding, monkeypatch):
    """Of a model in chunks, too: each array as its own zeros have it."""
    monkeypatch.setenv("FEDGATE_SERIALIZATION_SPARSE_ENCODING", encoding)
    random = np.random.default_rng(3)
    dense = random.standard_normal(5_000_000).astype(np.float32)
    thin = np.zeros((1500, 1000), np.float32)
    thin[random.integers(0, 1500, 1000), random.integers(0, 1000, 1000)] = 1.5
    gateway = start(Gateway)
    for site in "ab":
        gateway.stored(1, site, encode([dense, thin]))
    body = gateway.result(1)
    arrays, _ = decode(body)
    assert np.array_equal(arrays[0], dense) and np.array_equal(arrays[1], thin)
    assert (len(body) < dense.nbytes + 20_000) == (encoding != "never")
