"""Fixtures: gateways on the embedded log, Kafka, and numbers of rounds that no other test uses."""

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cluster import Cluster
from fedgate import PROGRAM, Aggregator, Gateway, Process

numbers = itertools.count(1)


def pytest_sessionstart(session):
    if not Path(PROGRAM).exists():
        pytest.exit(f"there is no {PROGRAM}: `swift build` makes it, or FEDGATE names another", returncode=2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows with a failure what the processes had to say."""
    report = yield
    if report.failed:
        for process in Process.started:
            report.sections.append((f"stderr of {process}", process.errors()[-4000:]))
    return report


@pytest.fixture
def number():
    """A round that no other test uses."""
    return next(numbers)


@pytest.fixture
def fresh():
    """Makes such rounds."""
    return lambda: next(numbers)


@pytest.fixture
def start(tmp_path):
    """Starts gateways and aggregators that end with the test."""
    processes = []

    def start(kind, *options, data="data", **settings):
        processes.append(kind(tmp_path / data, *options, **settings))
        return processes[-1].start()

    yield start
    for process in processes:
        process.end()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway on the embedded log that a module's tests share; rounds close at two updates."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway") / "data").start()
    yield gateway
    assert gateway.end() in (0, None)


def kafka_home():
    home = os.environ.get("KAFKA_HOME")
    if not home or not (Path(home) / "bin" / "local-cluster").exists():
        pytest.skip("needs KAFKA_HOME, a Kafka with bin/local-cluster")
    if not shutil.which("java"):
        pytest.skip("Kafka needs java")
    return home


@pytest.fixture(scope="session")
def brokers(tmp_path_factory):
    """The bootstrap addresses of a Kafka that tests share and leave running."""
    if os.environ.get("FEDGATE_TEST_KAFKA"):
        # Rounds of earlier runs are on those topics.
        global numbers
        numbers = itertools.count(int.from_bytes(os.urandom(5), "little"))
        yield os.environ["FEDGATE_TEST_KAFKA"]
        return
    cluster = Cluster(kafka_home(), tmp_path_factory.mktemp("kafka") / "cluster")
    yield cluster.start()
    cluster.destroy()


@pytest.fixture
def make_cluster(tmp_path):
    """Makes clusters whose brokers a test may kill."""
    clusters = []

    def make(nodes, *options):
        clusters.append(Cluster(kafka_home(), tmp_path / f"cluster-{len(clusters)}", nodes, *options))
        clusters[-1].start()
        return clusters[-1]

    yield make
    for cluster in clusters:
        cluster.destroy()


SECURE = """
kafka:
  bootstrap_servers: ["{server}"]
  librdkafka:
    security.protocol: SASL_SSL
    ssl.ca.location: {directory}/ca.pem
    sasl.mechanisms: {mechanism}
    sasl.username: gateway
"""


@pytest.fixture
def secure(make_cluster, tmp_path, monkeypatch):
    """Makes settings for brokers that want TLS and a password, by mechanism."""
    cluster = make_cluster(1, "--secure")
    monkeypatch.setenv("FEDGATE_KAFKA_LIBRDKAFKA_SASL_PASSWORD", "gateway-secret")
    host, port = cluster.brokers.split(":")

    def settings(mechanism):
        file = tmp_path / f"{mechanism}.yaml"
        file.write_text(SECURE.format(
            server=f"{host}:{int(port) + 50}", directory=cluster.directory, mechanism=mechanism))
        return file

    return settings


@pytest.fixture
def kcat():
    """Runs kcat and returns what it printed."""
    if not shutil.which("kcat"):
        pytest.skip("needs kcat")

    def kcat(*arguments, text=None):
        return subprocess.run(
            ["kcat", *arguments], input=text, capture_output=True, check=True, timeout=60).stdout.decode(errors="replace")

    return kcat
