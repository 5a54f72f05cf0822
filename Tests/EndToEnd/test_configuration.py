"""Settings: the protocol's own file, mistakes, what passes through to Kafka's client."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fedgate import PROGRAM, Gateway, eventually
from weights import decode, encode

HERE = Path(__file__).parent / "configurations"
MISTAKES = sorted((HERE / "mistakes").glob("*.yaml"))


def config(*arguments, **variables):
    return subprocess.run(
        [PROGRAM, "config", *map(str, arguments)], capture_output=True, text=True, timeout=60,
        env={**os.environ, **variables})


def test_the_protocols_file_loads_unchanged():
    done = config("check", HERE / "protocol.yaml")
    assert done.returncode == 0, done
    # What is on in it and not there is said, with what happens instead.
    assert "communication.enable_differential_updates true" in done.stderr and "whole models" in done.stderr


def test_and_a_gateway_runs_with_it(start, brokers, number):
    gateway = start(
        Gateway, "--config", str(HERE / "protocol.yaml"), "--kafka", brokers, "--aggregator", "--min-updates", "1")
    arrays = [np.linspace(0, 1, 3_000_000, dtype=np.float32)]
    receipt = gateway.stored(number, "site-a", encode(arrays))
    # 12 MB beyond the 10 MiB of a record go in chunks, as zstd at level 3.
    assert receipt["compression"] == "zstd"
    result, _ = decode(gateway.result(number))
    assert (result[0] == arrays[0]).all()
    assert "enable_differential_updates" in gateway.errors()


@pytest.mark.parametrize("file", MISTAKES, ids=lambda path: path.stem)
def test_a_mistake_says_what_would_be_right(file):
    expected = file.read_text().splitlines()[0].removeprefix("# expected: ")
    done = config("check", file)
    assert done.returncode == 2 and expected in done.stderr, done
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1
    # A gateway does not start with it either.
    served = subprocess.run(
        [PROGRAM, "serve", "--config", str(file)], capture_output=True, text=True, timeout=60)
    assert served.returncode == 2 and expected in served.stderr


def test_there_are_ten_mistakes_and_more(): assert len(MISTAKES) >= 10


def test_what_is_printed_loads_and_hides_secrets(tmp_path):
    first = config(
        "print", "--kafka", "localhost:9092", "--memory", "1GiB", FEDGATE_KAFKA_LIBRDKAFKA_SASL_PASSWORD="geheim",
        FEDGATE_LOG_LEVEL="debug")
    assert first.returncode == 0 and "geheim" not in first.stdout
    assert "memory: 1GiB  # --memory" in first.stdout and "level: debug  # FEDGATE_LOG_LEVEL" in first.stdout
    file = tmp_path / "again.yaml"
    file.write_text(first.stdout)
    assert config("check", file).returncode == 0
    # A mistake in a secret does not show it either.
    bad = config(
        "check", "--kafka", "localhost:9092", FEDGATE_KAFKA_LIBRDKAFKA_SASL_OAUTHBEARER_CLIENT_SECRETT="geheim")
    assert bad.returncode == 2 and "geheim" not in bad.stderr and "client.secrett" in bad.stderr


def test_a_variable_may_name_the_file():
    done = config("print", FEDGATE_CONFIG=str(HERE / "protocol.yaml"))
    assert "default_compression: zstd" in done.stdout


def test_brokers_that_want_tls_and_a_password(start, secure):
    gateway = start(Gateway, "--config", str(secure("PLAIN")), "--aggregator", "--min-updates", "1")
    arrays = [np.arange(10, dtype=np.float32)]
    gateway.stored(1, "site-a", encode(arrays))
    assert (decode(gateway.result(1))[0][0] == arrays[0]).all()
    assert "gateway-secret" not in gateway.errors()


def test_scram_that_cannot_work_is_explained(secure, tmp_path):
    file = secure("SCRAM-SHA-512")
    if "SCRAM" not in config("check", file).stderr:
        pytest.skip("needs a librdkafka before 2.6.1; with later ones test_image.py has SCRAM at work")
    log = tmp_path / "log"
    with open(log, "wb") as errors:
        process = subprocess.Popen(
            [PROGRAM, "serve", "--config", str(file), "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")],
            stderr=errors)
    try:
        # At start, and again when the broker refuses what is right.
        eventually("said twice", lambda: log.read_text().count("Use librdkafka 2.6.1") >= 2)
        assert "gateway-secret" not in log.read_text()
    finally:
        process.kill()
        process.wait()
