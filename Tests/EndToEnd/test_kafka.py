"""The same road through a real Kafka, gateway and aggregator as separate processes."""

import json
import subprocess
import sys

import numpy as np

from fedgate import ROOT, Aggregator, Gateway, eventually
from weights import decode, encode, mean, same

EXAMPLES = ROOT / "examples" / "kafka"


def messages(kcat, brokers, topic):
    """The JSON messages on a topic; records of the other envelope are not looked at."""
    lines = kcat("-b", brokers, "-C", "-t", topic, "-o", "beginning", "-e", "-u", "-q", "-f", "%s\\n").splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"message_id"')]


def ready(gateway):
    eventually("the gateway is ready", lambda: gateway.get("/readyz").status == 200)
    return gateway


def test_a_round(start, brokers, kcat, number):
    gateway = ready(start(Gateway, "--kafka", brokers))
    start(Aggregator, "--kafka", brokers, data="aggregator")
    one, other = [np.random.default_rng(seed).normal(size=(40, 5)).astype(np.float32) for seed in (1, 2)]
    gateway.stored(number, "site-a", encode([one]), 600)
    gateway.stored(number, "site-b", encode([other]), 200)
    assert same(decode(gateway.result(number))[0], mean([(600, [one]), (200, [other])]))
    assert sorted(gateway.round(number)["reported"]) == ["site-a", "site-b"]

    updates = [m for m in messages(kcat, brokers, "federated_weight_updates") if m["round_number"] == number]
    assert sorted(m["sender_id"] for m in updates) == ["site-a", "site-b"]
    assert all(m["message_type"] == "weight_update" and m["metadata"]["num_samples"] in (200, 600) for m in updates)


def test_a_second_gateway_has_the_results_too(start, brokers, number):
    first = ready(start(Gateway, "--kafka", brokers, "--aggregator"))
    for site in "ab":
        first.stored(number, site, encode([np.arange(9.0)]))
    body = first.result(number)
    second = ready(start(Gateway, "--kafka", brokers, data="second"))
    assert second.result(number) == body
    assert second.round(number) == first.round(number)


def test_binary_and_compressed_records(start, brokers, number):
    gateway = ready(
        start(Gateway, "--kafka", brokers, "--aggregator", "--envelope", "binary", "--compression", "zstd"))
    for site in "ab":
        assert gateway.stored(number, site, encode([np.zeros((100, 100))]))["compression"] == "zstd"
    assert same(decode(gateway.result(number))[0], [np.zeros((100, 100))])


def test_python_reads_updates_and_publishes_a_result(start, brokers, kcat, number, tmp_path):
    gateway = ready(start(Gateway, "--kafka", brokers))
    gateway.stored(number, "site-a", encode([np.ones((2, 3), np.float32)]))
    update = [m for m in messages(kcat, brokers, "federated_weight_updates") if m["round_number"] == number]
    read = subprocess.run(
        [sys.executable, EXAMPLES / "read_updates.py"], input=json.dumps(update[0]).encode(), capture_output=True,
        check=True)
    assert read.stdout.decode() == f"site-a round {number} ['float32[2, 3]']\n"

    model = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.full(2, 0.5)}
    np.savez(tmp_path / "model.npz", **model)
    made = subprocess.run(
        [sys.executable, EXAMPLES / "publish_result.py", str(number), tmp_path / "model.npz"], capture_output=True,
        check=True)
    kcat("-b", brokers, "-P", "-t", "federated_aggregation_results", "-k", str(number), text=made.stdout)
    assert same(decode(gateway.result(number))[0], list(model.values()))


def test_what_cannot_be_counted_is_a_dead_letter_with_its_reason(start, brokers, kcat, number):
    gateway = ready(start(Gateway, "--kafka", brokers, "--aggregator", "--min-updates", "1"))
    mark = f"nonsense of round {number}"
    kcat("-b", brokers, "-P", "-t", "federated_weight_updates", "-k", "site-x", text=(mark + "\n").encode())
    gateway.stored(number, "site-a", encode([np.zeros(3)]))
    gateway.result(number)

    def letter():
        lines = kcat("-b", brokers, "-C", "-t", "federated_dead_letter", "-o", "beginning", "-e", "-q", "-f",
                     "%k|%h|%s\\n").splitlines()
        return [line for line in lines if line.endswith("|" + mark)]
    found = eventually("it is there", letter)
    key, headers, _ = found[0].split("|")
    assert len(found) == 1 and key == "site-x"
    assert "fed-error=" in headers and "fed-error-topic=federated_weight_updates" in headers
    assert "fed-error-partition=" in headers and "fed-error-offset=" in headers
