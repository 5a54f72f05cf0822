"""What goes wrong around a gateway: a broker that stops, a topic that is gone, a disk that is full, an end that hangs."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import numpy as np
import pytest

from conftest import kafka_home
from fedgate import Gateway, eventually
from weights import decode, encode

UPDATES = "federated_weight_updates"


def ready(gateway):
    eventually("the gateway is ready", lambda: gateway.get("/readyz").status == 200)
    return gateway


def in_flight(gateway, count):
    return f"\nfedgate_log_records_in_flight {count}\n" in gateway.get("/metrics").body.decode()


@pytest.fixture
def paused(make_cluster):
    """A broker that tests may stop; it is no more when they end."""
    cluster = make_cluster(1)
    yield cluster
    cluster.resume(1)


def test_a_delivery_that_expires_has_an_unknown_outcome_and_what_is_sent_again_counts_once(
        paused, start, monkeypatch, number):
    monkeypatch.setenv("FEDGATE_COMMUNICATION_MESSAGE_TIMEOUT", "3000")
    gateway = ready(start(Gateway, "--kafka", paused.brokers, "--aggregator", "--min-updates", "2"))
    one, other = (encode([np.full(3, value)]) for value in (1.0, 4.0))
    gateway.stored(number, "a", one, 1)
    command, key = json.dumps({"start": str(uuid.uuid4())}), {"Idempotency-Key": str(uuid.uuid4())}
    assert gateway.request("POST", "/commands", b"{}").status == 202
    paused.pause(1)
    answers = {}
    sends = [
        threading.Thread(target=lambda: answers.update(update=gateway.put(number, "b", other, "num_samples=2"))),
        threading.Thread(target=lambda: answers.update(command=gateway.request("POST", "/commands", command, key)))]
    for send in sends:
        send.start()
    for send in sends:
        send.join(60)
    for answer in answers.values():
        assert (answer.status, answer.problem, answer.json["retriable"]) == (504, "outcome-unknown", True), answer
    assert len(answers) == 2
    paused.resume(1)
    ready(gateway)
    eventually("it is stored", lambda: gateway.put(number, "b", other, "num_samples=2").status in (202, 409))
    assert (decode(gateway.result(number))[0][0] == np.full(3, 3.0)).all()
    assert sorted(gateway.round(number)["reported"]) == ["a", "b"]
    eventually("it is issued", lambda: gateway.request("POST", "/commands", command, key).status == 202)
    issued = [json.dumps(c["command"]) for c in gateway.get("/commands").json["commands"]]
    assert issued.count(command) == 1


def test_what_the_log_has_not_acknowledged_at_the_end_is_said(paused, start, number):
    gateway = ready(start(Gateway, "--kafka", paused.brokers, "--drain-timeout", "1"))
    gateway.stored(number, "a", encode([np.zeros(3)]))
    paused.pause(1)
    answers = []
    upload = threading.Thread(target=lambda: answers.append(gateway.put(number, "b", encode([np.zeros(3)]))))
    upload.start()
    eventually("its record is on its way", lambda: in_flight(gateway, 1))
    gateway.send(signal.SIGTERM)
    assert gateway.process.wait(90) == 3
    upload.join(30)
    assert "undelivered=1" in gateway.errors() and "did not acknowledge" in gateway.errors()
    # Not a receipt.
    assert answers[0].status in (503, 504)


# Holds one thread of a process as a disk does that does not answer, until the process ends.
HOLD = """
import ctypes, os, sys
libc, thread = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
libc.ptrace.argtypes = [ctypes.c_long] * 4
SEIZE, INTERRUPT = 0x4206, 0x4207
if libc.ptrace(SEIZE, thread, 0, 0) or libc.ptrace(INTERRUPT, thread, 0, 0): sys.exit(os.strerror(ctypes.get_errno()))
wall = 0x40000000
os.waitpid(thread, wall)
print("held", flush=True)
while os.WIFSTOPPED(os.waitpid(thread, wall)[1]): pass
"""


def test_an_end_that_hangs_is_broken_off(start, number):
    """The log's writer never comes back; thirty seconds, and those of the drain, are its time."""
    gateway = ready(start(Gateway, "--drain-timeout", "0"))
    gateway.stored(number, "a", encode([np.zeros(3)]))
    tasks = Path(f"/proc/{gateway.process.pid}/task")
    writer = next(task.name for task in tasks.iterdir() if (task / "comm").read_text() == "log-commit\n")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, writer], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if holder.stdout.readline() != "held\n":
            pytest.skip(f"needs to trace another process: {holder.stderr.read().strip()}")
        gateway.send(signal.SIGTERM)
        assert gateway.process.wait(90) == 3
    finally:
        gateway.process.kill()
        holder.wait(30)
    assert "took too long" in gateway.errors()


def test_a_topic_that_is_gone_is_500_and_not_ready(make_cluster, start, number):
    cluster = make_cluster(1)

    def topics(*arguments):
        subprocess.run(
            [Path(kafka_home()) / "bin" / "kafka-topics.sh", "--bootstrap-server", cluster.brokers, "--topic", UPDATES,
             *arguments], check=True, capture_output=True, timeout=120)

    gateway = ready(start(Gateway, "--kafka", cluster.brokers))
    gateway.stored(number, "a", encode([np.zeros(3)]))
    topics("--delete")
    answer = eventually("it is not ready", lambda: (a := gateway.get("/readyz")).status == 503 and a)
    assert not answer.json["checks"]["log_write"]["ok"] and UPDATES in answer.json["reason"]
    refused = gateway.put(number, "b", encode([np.zeros(3)]))
    assert (refused.status, refused.problem) == (500, "log-topic"), refused
    topics("--create", "--partitions", "4")
    eventually("it is stored", lambda: gateway.put(number + 1, "b", encode([np.zeros(3)])).status == 202, 120)
    ready(gateway)


def test_topics_whose_limit_is_lowered_get_chunks(make_cluster, start, number):
    cluster = make_cluster(1)
    gateway = ready(start(Gateway, "--kafka", cluster.brokers, "--aggregator", "--min-updates", "2"))
    body = encode([np.arange(120_000.0)])
    assert len(body) > 900_000
    gateway.stored(number, "a", body)
    for topic in UPDATES, "federated_aggregation_results":
        subprocess.run(
            [Path(kafka_home()) / "bin" / "kafka-run-class.sh", "kafka.admin.ConfigCommand", "--bootstrap-server",
             cluster.brokers, "--alter", "--entity-type", "topics", "--entity-name", topic, "--add-config",
             "max.message.bytes=300000"], check=True, capture_output=True, timeout=120)
    statuses = []

    def stored():
        answer = gateway.put(number, "b", body)
        statuses.append((answer.status, answer.json.get("type")))
        return answer.status == 202

    eventually("it is stored", stored)
    # It is not the client's fault, and not its business.
    assert set(statuses) <= {(503, "/problems/log-unreachable"), (202, None)} and len(statuses) > 1, statuses
    assert "admits less than before" in gateway.errors()
    assert (decode(gateway.result(number))[0][0] == np.arange(120_000.0)).all()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", path], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"needs to mount a small file system: {done.stderr.strip()}")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


def fill(path):
    """Leaves no byte."""
    with open(path, "wb", buffering=0) as ballast:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                pass


def test_a_full_disk_refuses_clearly_and_is_over_when_there_is_room(small_disk, start, monkeypatch, number):
    monkeypatch.setenv("FEDGATE_KAFKA_MAX_MESSAGE_SIZE", "1MiB")
    gateway = ready(start(Gateway, "--min-updates", "3", data="disk/data"))
    # Whole numbers, so that the mean of three equal ones is exact.
    body, large = (encode([np.random.default_rng(1).integers(1000, size=size).astype(np.float64)])
                   for size in (50_000, 500_000))
    gateway.stored(number, "a", body)
    gateway.stored(number + 1, "a", large)
    fill(small_disk / "ballast")
    for client, sent in (("b", body), ("c", body), ("d", large)):
        refused = gateway.put(number, client, sent)
        assert (refused.status, refused.problem) == (503, "busy") and refused.headers["Retry-After"], refused
        assert "full" in refused.json["detail"], refused
    begun = gateway.request("PUT", f"/rounds/{number}/updates/e", body, {"Upload-Complete": "?0"}, described=False)
    assert begun.status in (503, 507), begun
    answer = eventually("it is not ready", lambda: (a := gateway.get("/readyz")).status == 503 and a)
    assert "disk" in answer.json["reason"]
    assert gateway.round(number)["reported"] == ["a"]
    (small_disk / "ballast").unlink()
    ready(gateway)
    for client in "bc":
        gateway.stored(number, client, body)
    assert (decode(gateway.result(number))[0][0] == decode(body)[0][0]).all()
    for client in "bc":
        gateway.stored(number + 1, client, large)
    assert (decode(gateway.result(number + 1))[0][0] == decode(large)[0][0]).all()
    assert gateway.end() == 0
    with sqlite3.connect(gateway.data / "log" / "log.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_result_that_the_disk_does_not_take_is_answered_and_on_it_later(start):
    gateway = ready(start(Gateway, "--keep-rounds", "1"))

    def close(number):
        for client in "ab":
            gateway.stored(number, client, encode([np.full(3, float(number))]))
        return gateway.result(number)

    first = close(1)
    results = gateway.data / "results"
    # The weights have room, what says that they are there has not.
    obstacle = results / "round-2.json.tmp"
    obstacle.mkdir()
    second = close(2)

    def holds():
        """Nothing is given back, nothing goes for it."""
        assert gateway.get("/rounds/latest/result").body == second
        assert gateway.get("/rounds/1/result").body == first
        return gateway.errors().count("results cannot be followed") >= 3

    eventually("it is tried again", holds)
    assert not (results / "round-2.json").exists()
    obstacle.rmdir()
    eventually("it is on the disk", (results / "round-2.json").exists)
    eventually("the round before goes", lambda: gateway.get("/rounds/1/result").status == 410)
    eventually("it is said, once", lambda: gateway.errors().count("result stored") == 2)
    ready(gateway)
    gateway.kill()
    ready(gateway.start())
    assert gateway.get("/rounds/latest/result").body == second
    third = close(3)
    assert gateway.get("/rounds/latest/result").body == third
