"""The same upload again: by a client that did not hear the answer, at the same gateway or another."""

import base64
import hashlib
import threading

import numpy as np
import pytest

from fedgate import Aggregator, Gateway
from weights import decode, encode, mean, same

A = encode([np.array([1, 2, 3], np.float32)])
B = encode([np.array([4, 5, 6], np.float32)])


def repeated(answer, first):
    assert answer.status == 202 and answer.headers["Fed-Repeat"] == "true", answer
    return answer.body == first.body


def fresh_one(answer):
    assert answer.status == 202 and answer.headers["Fed-Repeat"] is None, answer
    return answer


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """A gateway whose rounds do not close."""
    gateway = Gateway(tmp_path_factory.mktemp("patient") / "data", "--min-updates", "1000").start()
    yield gateway
    gateway.end()


def test_the_same_body_gets_the_first_receipt(patient, fresh):
    number = fresh()
    first = fresh_one(patient.put(number, "a", A))
    assert repeated(patient.put(number, "a", A), first)
    assert patient.round(number)["reported"] == ["a"]
    other = fresh_one(patient.put(number, "b", A))
    assert other.json["message_id"] != first.json["message_id"]
    assert fresh_one(patient.put(fresh(), "a", A)).body != first.body


def test_other_metadata_is_another_update(patient, number):
    first = fresh_one(patient.put(number, "a", A, "num_samples=1"))
    fresh_one(patient.put(number, "a", A, "num_samples=2"))
    fresh_one(patient.put(number, "a", A, "num_samples=2", {"Fed-Metadata": '{"site": 1}'}))
    fresh_one(patient.put(number, "a", A, "num_samples=2&model_version=7", {"Fed-Metadata": '{"site": 1}'}))
    last = fresh_one(patient.put(number, "a", A, "num_samples=1"))
    assert last.json["offset"] > first.json["offset"]


def test_only_the_latest_is_compared(start):
    gateway = start(Gateway)
    for body in (A, B, A):
        fresh_one(gateway.put(1, "a", body))
    gateway.stored(1, "b", B)
    assert same(decode(gateway.result(1))[0], mean([(1, decode(A)[0]), (1, decode(B)[0])]))


def test_keys(patient, number):
    key = {"Idempotency-Key": '"attempt-1"'}
    first = fresh_one(patient.put(number, "a", A, headers=key))
    assert repeated(patient.put(number, "a", A, headers={"Idempotency-Key": "attempt-1"}), first)
    for query, body in (("", B), ("num_samples=3", A)):
        answer = patient.put(number, "a", body, query, headers=key)
        assert answer.status == 422 and answer.problem == "key-reused", answer
    fresh_one(patient.put(number, "a", B, headers={"Idempotency-Key": "attempt-2"}))
    # A key stays good when another update came after it.
    assert repeated(patient.put(number, "a", A, headers=key), first)
    fresh_one(patient.put(number, "b", B, headers=key))
    for wrong in ('""', "two words", "x" * 256, '"a"b"'):
        answer = patient.put(number, "a", A, headers={"Idempotency-Key": wrong})
        assert answer.status == 400 and "Idempotency-Key" in answer.json["detail"], answer


def test_many_at_one_time_with_one_key(patient, number):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(patient.put(number, "a", A, headers={"Idempotency-Key": "k"})))
               for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [202] * 12
    assert len({answer.body for answer in answers}) == 1
    assert sum(answer.headers["Fed-Repeat"] is None for answer in answers) == 1


def test_after_a_restart(start):
    gateway = start(Gateway, "--min-updates", "3")
    plain = fresh_one(gateway.put(1, "a", A, "num_samples=2"))
    keyed = fresh_one(gateway.put(1, "b", B, headers={"Idempotency-Key": "k"}))
    for end in (gateway.end, gateway.kill):
        end()
        gateway.start()
        assert repeated(gateway.put(1, "a", A, "num_samples=2"), plain)
        assert repeated(gateway.put(1, "b", B, headers={"Idempotency-Key": "k"}), keyed)


def test_after_the_round_closed(gateway, number):
    first = fresh_one(gateway.put(number, "a", A))
    gateway.stored(number, "b", B)
    gateway.result(number)
    assert repeated(gateway.put(number, "a", A), first)
    for client, body in (("a", B), ("c", A)):
        answer = gateway.put(number, client, body)
        assert answer.status == 409 and answer.problem == "round-closed", answer


def test_after_the_round_closed_and_a_restart(start):
    """The receipts of closed rounds are read from the log again, those of rounds in between and of large updates, too."""
    gateway = start(Gateway)
    large = encode([np.arange(4_000_000, dtype=np.float32)])
    first = fresh_one(gateway.put(1, "a", A, "num_samples=2"))
    fresh_one(gateway.put(3, "b", A))
    keyed = fresh_one(gateway.put(1, "b", A, headers={"Idempotency-Key": "k"}))
    gateway.result(1)
    big = fresh_one(gateway.put(2, "a", large))
    gateway.stored(2, "b", large)
    gateway.stored(3, "a", B)
    gateway.result(3)
    for end in (gateway.end, gateway.kill):
        end()
        gateway.start()
        assert repeated(gateway.put(1, "a", A, "num_samples=2"), first)
        assert repeated(gateway.put(2, "a", large), big)
        assert repeated(gateway.put(1, "b", A, headers={"Idempotency-Key": "k"}), keyed)
        assert gateway.put(1, "b", A, "num_samples=9", {"Idempotency-Key": "k"}).problem == "key-reused"
        for number, client, body in ((1, "a", B), (2, "b", A), (1, "d", A)):
            answer = gateway.put(number, client, body)
            assert answer.status == 409 and answer.problem == "round-closed", answer


def test_digests(patient, fresh):
    def field(name, body):
        return f"{name}=:{base64.b64encode(hashlib.new(name.replace('-', ''), body).digest()).decode()}:"

    for digest in (field("sha-256", A), field("sha-512", A), field("sha-512", A) + ", " + field("sha-256", A),
                   "unixsum=:AAA=:", field("sha-256", A) + ";note=1, md5=:AA==:"):
        fresh_one(patient.put(fresh(), "a", A, headers={"Content-Digest": digest}))
    number = fresh()
    for digest in (field("sha-256", B), field("sha-512", B), field("sha-256", A) + "," + field("sha-512", B)):
        answer = patient.put(number, "a", A, headers={"Content-Digest": digest})
        assert answer.status == 422 and answer.problem == "digest-mismatch", answer
    for digest in ("sha-256", "sha-256=AAA", "sha-256=:AAA=:", "", "sha-256=:" + "A" * 44 + ":,"):
        answer = patient.put(number, "a", A, headers={"Content-Digest": digest})
        assert answer.status == 400 and "Content-Digest" in answer.json["detail"], (digest, answer)
    assert patient.get(f"/rounds/{number}").status == 404


def test_at_another_gateway(brokers, start, fresh):
    """On Kafka: what one gateway stored, the other knows."""
    number = fresh()
    one = start(Gateway, "--kafka", brokers, data="one")
    two = start(Gateway, "--kafka", brokers, data="two")
    start(Aggregator, "--kafka", brokers, "--min-updates", "3", data="aggregator")
    first = fresh_one(one.put(number, "a", A))
    assert repeated(two.put(number, "a", A), first)
    keyed = fresh_one(two.put(number, "b", B, headers={"Idempotency-Key": "k"}))
    assert repeated(one.put(number, "b", B, headers={"Idempotency-Key": "k"}), keyed)
    assert one.put(number, "b", A, headers={"Idempotency-Key": "k"}).problem == "key-reused"
    one.stored(number, "c", A)
    two.result(number)
    counted = {client for client in two.round(number)["reported"]}
    assert counted == {"a", "b", "c"}
    assert same(decode(two.result(number))[0], mean([(1, decode(body)[0]) for body in (A, B, A)]))
    # One that begins when the round is over.
    three = start(Gateway, "--kafka", brokers, data="three")
    three.result(number)
    assert repeated(three.put(number, "a", A), first)
    assert repeated(three.put(number, "b", B, headers={"Idempotency-Key": "k"}), keyed)
    assert three.put(number, "d", A).problem == "round-closed"
