"""The dataset types of the protocol's first implementation, and what its own test suite asks for."""

import json

import numpy as np
import pytest

from fedgate import Gateway
from libraries import FORMATS
from protocol import EmbeddedLog, message, opened, package
from weights import decode, encode, same

UPDATES, RESULTS, CLIENTS = "federated_weight_updates", "federated_aggregation_results", "federated_clients"
WIRE = ["binary_custom", "numpy_pickle", "protobuf", "msgpack", "json_base64"]


def layers(seed=1):
    """A convolution, its bias and a dense layer."""
    random = np.random.default_rng(seed)
    return [random.standard_normal(shape).astype(np.float32) for shape in ((32, 32, 3, 64), (64,), (128, 64))]


@pytest.mark.parametrize("format, compression", [
    *((format, "zstd") for format in WIRE), *(("binary_custom", compression) for compression in ("none", "gzip", "lz4"))])
def test_weights_come_back(start, format, compression):
    """Through the log, compressed, in each of the formats that the first implementation names."""
    gateway = start(Gateway, "--envelope", "json", "--compression", compression)
    weights = layers()
    body = FORMATS[format].write({f"layer{i}": array for i, array in enumerate(weights)})
    for client in "ab":
        answer = gateway.put(1, client, body, f"format={format}")
        assert answer.status == 202 and answer.json["compression"] == compression, answer
        assert answer.json["original_size"] == len(body) and answer.json["arrays"] == len(weights)
    assert same(decode(gateway.result(1))[0], weights)
    for value in EmbeddedLog(gateway.data).values(UPDATES):
        fields, header, payload = opened(value)
        assert (header["format"], header["compression"], payload) == (format, compression, body)
        assert header["data_type"] == "model_weights" and header["client_id"] == fields["sender_id"]


def sparse_weights():
    random = np.random.default_rng(2)
    return [array * (random.random(array.shape) > 0.95) for array in layers(3)]


def gradients():
    """Small, mostly near nought, as they are when training has gone on for a while."""
    return [array * np.float32(1e-3) for array in layers(4)]


@pytest.mark.parametrize("compression", ["gzip", "zstd", "auto"])
@pytest.mark.parametrize("data_type, weights", [
    ("model_weights", sparse_weights), ("model_weights", layers), ("gradients", gradients)],
    ids=["sparse weights", "dense weights", "gradients"])
def test_every_kind_of_data_shrinks(start, record_property, compression, data_type, weights):
    gateway = start(Gateway, "--envelope", "json", "--compression", compression)
    body = encode(weights())
    for client in "ab":
        receipt = gateway.put(1, client, body, f"data_type={data_type}").json
    ratio = receipt["original_size"] / receipt["stored_size"]
    record_property("ratio", ratio)
    print(f"{weights.__name__}, {compression}: {ratio:.2f}")
    assert receipt["original_size"] == len(body) and ratio > 1
    result, _ = decode(gateway.result(1))
    assert all(np.array_equal(a, b) for a, b in zip(result, weights()))


def test_each_type_of_data_set_says_what_it_is(start):
    gateway = start(Gateway, "--envelope", "json", "--compression", "zstd")
    for client, data_type in (("a", "model_weights"), ("b", "gradients")):
        assert gateway.put(1, client, encode([np.arange(6.0)]), f"data_type={data_type}&model_version=2.1").status == 202
    gateway.result(1)
    assert gateway.request("POST", "/clients/a/status", b'{"epoch": 3}').status == 202
    log = EmbeddedLog(gateway.data)
    updates = [opened(value)[1] for value in log.values(UPDATES)]
    assert [(h["data_type"], h["model_version"], h["round_number"]) for h in updates] == [
        ("model_weights", "2.1", 1), ("gradients", "2.1", 1)]
    (fields, header, payload), = [opened(value) for value in log.values(RESULTS)]
    assert header["data_type"] == "aggregation_result" and fields["message_type"] == "aggregation_result"
    assert same(decode(payload)[0], [np.arange(6.0)]) and sorted(fields["metadata"]["counted"]) == ["a", "b"]
    (fields, header, payload), = [opened(value) for value in log.values(CLIENTS)]
    assert (header["data_type"], header["format"], json.loads(payload)) == ("metadata", "json_base64", {"epoch": 3})
    for refused in ("metadata", "aggregation_result", "bytes", "weights"):
        answer = gateway.put(2, "a", encode([np.arange(6.0)]), f"data_type={refused}")
        assert answer.status == 400 and "data_type" in answer.json["detail"], answer


def test_an_update_of_any_type_is_read(start):
    """A reader takes any data type in any message; what the payload is, its format says."""
    gateway = start(Gateway)
    gateway.stored(1, "first", encode([np.ones(3)]))
    assert gateway.end() == 0
    log = EmbeddedLog(gateway.data)
    types = ["model_weights", "gradients", "metadata", "aggregation_result", "bytes"]
    formats = dict(zip(types, WIRE))
    for number, data_type in enumerate(types, 10):
        for client, value in (("a", 1.0), ("b", 4.0)):
            payload = FORMATS[formats[data_type]].write({"w": np.full((2, 3), value)})
            made = package(payload, data_type, formats[data_type], "gzip", client_id=client, round_number=number)
            log.append(UPDATES, client, message(made, client, number, num_samples=1))
    gateway.start()
    for number in range(10, 10 + len(types)):
        assert same(decode(gateway.result(number))[0], [np.full((2, 3), 2.5)])


@pytest.mark.parametrize("data_type", ["model_weights", "metadata", "aggregation_result", "bytes"])
def test_a_result_of_any_type_is_served(start, data_type):
    gateway = start(Gateway, "--min-updates", "9")
    gateway.stored(1, "first", encode([np.ones(3)]))
    assert gateway.end() == 0
    made = package(encode([np.arange(4, dtype=np.int16)]), data_type, compression="lz4", round_number=7)
    EmbeddedLog(gateway.data).append(RESULTS, "7", message(made, "aggregator", 7, "aggregation_result", counted={}))
    gateway.start()
    assert same(decode(gateway.result(7))[0], [np.arange(4, dtype=np.int16)])
