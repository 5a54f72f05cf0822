"""kill -9 and SIGSTOP of every process on Kafka: what was acknowledged counts, and each round has one result."""

import collections
import http.client
import signal
import threading
import time

import numpy as np
import pytest

from fedgate import Aggregator, Gateway, eventually
from test_kafka import messages, ready
from weights import decode, encode, same

SITES = 4


def update(number, site):
    """Whole numbers whose weighted sums are exact, so that no order of adding matters."""
    return np.full(5000, 100.0 * (number % 1000) + site)


def mean(number):
    return sum((site + 1) * update(number, site) for site in range(SITES)) / sum(range(1, SITES + 1))


class Clients:
    """Sites that upload every round until it is acknowledged, as clients do that meet a dead gateway."""

    def __init__(self, gateway, numbers):
        self.gateway, self.numbers, self.acknowledged = gateway, numbers, []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=[site]) for site in range(SITES)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(120)

    def run(self, site):
        for number in self.numbers:
            while not self.stop.is_set() and not self.send(number, site):
                self.stop.wait(0.1)

    def send(self, number, site):
        try:
            body = encode([update(number, site)])
            answer = self.gateway.put(number, f"site-{site}", body, f"num_samples={site + 1}")
        except (OSError, http.client.HTTPException):
            return False
        # 409: it was stored, but the answer was lost, and the round has closed since.
        assert answer.status in (202, 409, 503, 504), answer
        if answer.status == 202:
            self.acknowledged.append((number, site))
        return answer.status in (202, 409)

    def wait(self, part):
        enough = int(part * SITES * len(self.numbers))
        eventually(f"{enough} updates are acknowledged", lambda: len(self.acknowledged) >= enough, 120)

    def finish(self):
        for thread in self.threads:
            thread.join(180)
        assert not any(thread.is_alive() for thread in self.threads)


def check(gateway, numbers, kcat, brokers):
    for number in numbers:
        assert same(decode(gateway.result(number, 120))[0], [mean(number)]), "each update counts, and once"
    results = collections.Counter(
        message["round_number"] for message in messages(kcat, brokers, "federated_aggregation_results"))
    assert all(results[number] == 1 for number in numbers), "one result a round"


def test_kill_9_of_gateway_and_aggregator(start, brokers, kcat, fresh):
    numbers = [fresh() for _ in range(6)]
    gateway = ready(start(Gateway, "--kafka", brokers, "--min-updates", str(SITES)))
    aggregator = start(Aggregator, "--kafka", brokers, "--min-updates", str(SITES), data="aggregator")
    with Clients(gateway, numbers) as clients:
        for part in (0.2, 0.5, 0.8):
            clients.wait(part)
            gateway.kill()
            aggregator.kill()
            gateway.start()
            aggregator.start()
        clients.finish()
    check(gateway, numbers, kcat, brokers)


@pytest.mark.parametrize("nodes", [1, 3])
def test_kill_9_of_a_broker(start, make_cluster, kcat, fresh, nodes):
    cluster = make_cluster(nodes)
    numbers = [fresh() for _ in range(4)]
    gateway = ready(start(Gateway, "--kafka", cluster.brokers, "--min-updates", str(SITES)))
    start(Aggregator, "--kafka", cluster.brokers, "--min-updates", str(SITES), data="aggregator")
    with Clients(gateway, numbers) as clients:
        clients.wait(0.3)
        cluster.kill(1)
        if nodes == 1:
            time.sleep(1)
            cluster.up()
        clients.finish()
    if nodes > 1:
        cluster.up()
    check(gateway, numbers, kcat, cluster.brokers)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_two_aggregators_make_one_result(start, brokers, kcat, fresh, how):
    numbers = [fresh(), fresh()]
    gateway = ready(start(Gateway, "--kafka", brokers, "--min-updates", str(SITES)))
    options = ["--kafka", brokers, "--min-updates", str(SITES)]
    pair = [start(Aggregator, *options, data=f"aggregator-{index}") for index in range(2)]

    def active():
        found = [one for one in pair if "the aggregator is active" in one.errors(one.mark)]
        return found[0] if found else None

    first = eventually("one of them is active", active)
    clients = Clients(gateway, numbers)
    # In the midst of the first round.
    for site in range(SITES - 1):
        eventually("an update is stored", lambda: clients.send(numbers[0], site))
    first.send(how)
    eventually("the last update is stored", lambda: clients.send(numbers[0], SITES - 1))
    gateway.result(numbers[0], 120)
    if how == signal.SIGSTOP:
        first.send(signal.SIGCONT)
    for site in range(SITES):
        eventually("an update is stored", lambda: clients.send(numbers[1], site))
    check(gateway, numbers, kcat, brokers)
