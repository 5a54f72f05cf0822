"""kill -9 and orderly ends on the embedded log: what was acknowledged is there, and counts once."""

import http.client
import itertools
import subprocess
import threading

import numpy as np

from fedgate import PROGRAM, Gateway, eventually
from weights import decode, encode, same

SITES = 6
ROUNDS = 12


def update(number, site):
    """Whole numbers whose weighted sums are exact, so that no order of adding matters."""
    return np.full(2000, 1000 * number + site, np.float64)


def mean(number):
    weights = range(1, SITES + 1)
    return sum(n * update(number, n - 1) for n in weights) / sum(weights)


def insist(gateway, stop, number, site, acknowledged):
    """Uploads until it is acknowledged, as a client does that meets a dead gateway."""
    while not stop.is_set():
        try:
            answer = gateway.put(number, f"site-{site}", encode([update(number, site)]), f"num_samples={site + 1}")
        except (OSError, http.client.HTTPException):
            stop.wait(0.05)
            continue
        # Closed already: the update was stored, but the answer was lost, and all others have reported since.
        assert answer.status in (202, 409, 503), answer
        if answer.status == 202:
            acknowledged.append((number, site))
        if answer.status != 503:
            return


def test_kill_9_while_updates_arrive(start):
    gateway = start(Gateway, "--min-updates", str(SITES))
    stop, acknowledged = threading.Event(), []

    def client(site):
        for number in range(ROUNDS):
            insist(gateway, stop, number, site, acknowledged)

    threads = [threading.Thread(target=client, args=[site]) for site in range(SITES)]
    for thread in threads:
        thread.start()
    try:
        for kill in range(1, 4):
            enough = kill * SITES * ROUNDS // 5
            eventually(f"{enough} updates are acknowledged", lambda: len(acknowledged) >= enough)
            gateway.kill()
            gateway.start()
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
    finally:
        stop.set()
    for number in range(ROUNDS):
        assert same(decode(gateway.result(number))[0], [mean(number)])
        reported = gateway.round(number)["reported"]
        assert sorted(reported) == [f"site-{site}" for site in range(SITES)], "each counts once"


def test_acknowledged_updates_survive_without_a_repeat(start):
    gateway = start(Gateway, "--min-updates", "3")
    for number, site in itertools.product(range(5), range(2)):
        gateway.stored(number, f"site-{site}", encode([np.full(3, float(site))]))
    gateway.kill()
    gateway.start()
    for number in range(5):
        assert sorted(gateway.round(number)["reported"]) == ["site-0", "site-1"]
        gateway.stored(number, "site-2", encode([np.full(3, 5.0)]))
        assert same(decode(gateway.result(number))[0], [np.full(3, 2.0)])


def test_results_are_the_same_after_a_restart(start):
    gateway = start(Gateway)
    for number, site in itertools.product(range(3), "ab"):
        gateway.stored(number, site, encode([np.random.default_rng(number).normal(size=100)]))
    before = {number: (gateway.result(number), gateway.round(number)) for number in range(3)}
    etag = gateway.get("/rounds/latest/result").headers["ETag"]
    assert gateway.end() == 0
    gateway.start()
    eventually("the gateway is ready", lambda: gateway.get("/readyz").status == 200)
    for number, (body, state) in before.items():
        assert gateway.get(f"/rounds/{number}/result").body == body and gateway.round(number) == state
    assert gateway.request("GET", "/rounds/latest/result", headers={"If-None-Match": etag}).status == 304
    assert gateway.put(1, "late", encode([np.zeros(100)])).status == 409


def test_results_are_made_anew_from_the_log(start):
    gateway = start(Gateway)
    for site in "ab":
        gateway.stored(1, site, encode([np.arange(50.0)]))
    before = gateway.result(1)
    gateway.kill()
    subprocess.run(["rm", "-rf", gateway.data / "results"], check=True)
    gateway.start()
    assert gateway.result(1) == before


def test_an_end_during_a_long_poll_and_an_upload(start):
    gateway = start(Gateway)
    answers = []
    ask = threading.Thread(target=lambda: answers.append(gateway.get("/rounds/1/result?wait=60")))
    ask.start()
    upload = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    upload.putrequest("PUT", "/rounds/1/updates/a")
    upload.putheader("Content-Length", "1000000")
    upload.endheaders(encode([np.zeros(100)])[:200])
    eventually("the long poll is counted", lambda: gateway.get("/healthz").status == 200)
    assert gateway.end() == 0
    ask.join(60)
    upload.close()
    assert answers == [] or answers[0].status in (404, 503)


def test_a_data_directory_belongs_to_one_gateway(start):
    gateway = start(Gateway)
    second = subprocess.run(
        [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", gateway.data], capture_output=True, timeout=60)
    assert second.returncode == 1 and str(gateway.data) in second.stderr.decode()
    assert gateway.get("/healthz").status == 200
