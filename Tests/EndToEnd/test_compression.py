"""Payloads on the log are compressed as each deserves; what a client gets does not depend on it."""

import numpy as np
import pytest
from fedgate import Gateway
from weights import decode, encode


def upload(gateway, number, arrays):
    """Two clients send the same, so that the mean is that again; gives the first receipt."""
    return [gateway.stored(number, client, encode(arrays)) for client in "ab"][0]


def assert_same(gateway, number, arrays):
    result, _ = decode(gateway.result(number))
    for got, given in zip(result, arrays, strict=True):
        assert got.dtype == given.dtype and got.tobytes() == given.tobytes()


@pytest.mark.parametrize("envelope", ["binary", "json"])
def test_auto_chooses_by_what_it_sees(start, envelope):
    random = np.random.default_rng(7)
    weights = [random.standard_normal((400, 300)).astype(np.float32), np.ones(7, np.float32)]
    noise = [random.integers(0, 256, 500_000).astype(np.uint8)]
    counts = [np.arange(200_000, dtype=np.int64) % 50]
    gateway = start(Gateway, "--compression", "auto", "--envelope", envelope)
    shrinks = upload(gateway, 1, weights)
    stays = upload(gateway, 2, noise)
    repeats = upload(gateway, 3, counts)
    for number, arrays in ((1, weights), (2, noise), (3, counts)):
        assert_same(gateway, number, arrays)
    assert shrinks["filter"] == "byteplane" and shrinks["compression"] in ("zstd", "lz4")
    assert shrinks["stored_size"] < 0.9 * shrinks["original_size"]
    assert (stays["compression"], stays["filter"], stays["compression_ratio"]) == ("none", "none", 1)
    assert repeats["compression"] != "none" and repeats["compression_ratio"] > 20
    # A replica, or the gateway when it comes back, has the receipt from the log.
    alone = gateway.stored(4, "a", encode(weights))
    gateway.end()
    gateway.start()
    assert gateway.stored(4, "a", encode(weights)) == alone
    assert alone["compression_ratio"] == shrinks["compression_ratio"] and 1.1 < alone["compression_ratio"] < 1.3


def test_auto_in_chunks(start):
    """A model that is larger than a record: filtered blocks go over the chunks' edges."""
    random = np.random.default_rng(8)
    weights = [random.standard_normal(3_000_000).astype(np.float64), random.standard_normal(2_500_000).astype(np.float32)]
    gateway = start(Gateway, "--compression", "auto")
    receipt = upload(gateway, 1, weights)
    assert receipt["filter"] == "byteplane" and receipt["stored_size"] < receipt["original_size"]
    assert_same(gateway, 1, weights)
