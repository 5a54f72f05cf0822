"""Metrics, log lines, traces, readiness and the ordered end."""

import json
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from fedgate import Gateway, Monitored, eventually
from weights import encode

TABLE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


class Talking(Gateway):
    """A gateway that logs JSON, its address too."""

    def __init__(self, data, *options):
        super().__init__(data, "--log-format", "json", *options)

    def ready(self):
        assert self.is_alive(), self.errors()[-2000:]
        said = [line for line in self.lines() if line["message"] == "listening"]
        self.port = int(said[-1]["url"].rsplit(":", 1)[1]) if said else None
        return said

    def lines(self):
        return [json.loads(line) for line in self.errors(self.mark).splitlines()]

    def line(self, request_id):
        """The one access line of a request."""
        def find():
            return [line for line in self.lines() if line["message"] == "request" and line["request_id"] == request_id]
        found = eventually(f"{request_id} is logged", find)
        assert len(found) == 1, found
        return found[0]


def table():
    """docs/metrics.md: name to type, labels and meaning."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", TABLE.read_text(), re.M)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels)), text) for name, kind, labels, text in rows}


def described(text):
    """What a page of metrics says: name to type and help."""
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
    return {name: (kinds[name], help) for name, help in re.findall(r"^# HELP (\w+) (.*)$", text, re.M)}


def check_metrics(text):
    documented = table()
    for name, (kind, help) in described(text).items():
        assert name in documented, f"{name} is missing in {TABLE.name}: | `{name}` | {kind} | | {help} |"
        assert documented[name][0] == kind and documented[name][2] == help, (documented[name], kind, help)
    for family in prometheus(text):
        for sample in family.samples:
            base = next(n for n in (sample.name, re.sub(r"_(bucket|sum|count)$", "", sample.name)) if n in documented)
            assert set(sample.labels) - {"le"} <= documented[base][1], (sample, documented[base])
    return documented


def promtool(text):
    if not shutil.which("promtool"):
        pytest.skip("needs promtool, of Debian's package prometheus")
    done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, timeout=60)
    assert done.returncode == 0 and not done.stdout and not done.stderr, done


def exercise(gateway, number):
    gateway.stored(number, "secret-client", encode([np.zeros(3)]))
    gateway.put(number, "secret-client", b"nonsense")
    gateway.request("GET", f"/secret-path-{number}?token=secret", described=False)
    gateway.request("HEAD", f"/rounds/{number}/result", described=False)


def test_metrics_are_as_documented_and_as_promtool_wants_them(start, number):
    gateway = start(Gateway, "--min-updates", "1")
    # No bound of a bucket is such a number.
    number += 987_654
    exercise(gateway, number)
    gateway.result(number)
    text = gateway.get("/metrics").body.decode()
    documented = check_metrics(text)
    served = set(described(text))
    assert {name for name in documented if "_kafka_" not in name} == served
    assert "secret" not in text
    assert not re.search(rf'="[^"\n]*{number}[^"\n]*"', text)
    assert 'route="/rounds/{round}/updates/{client_id}"' in text
    assert 'fedgate_problems_total{problem="unsupported-format"} 1' in text
    promtool(text)


def test_openmetrics_where_accept_prefers_it(start, number):
    gateway = start(Gateway)
    exercise(gateway, number)
    answer = gateway.get("/metrics", Accept="application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2")
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    families = list(openmetrics(answer.body.decode()))
    assert any(family.name == "fedgate_requests" for family in families)


def test_the_profile_knows_what_was_done(start, number):
    gateway = start(Gateway)
    gateway.stored(number, "a", encode([np.zeros(1000)]))
    profile = gateway.get("/profile").json
    for name in ("serialization_times", "deserialization_times", "throughput_mbps"):
        assert set(profile[name]) == {"mean", "std", "min", "max", "count"}, name
    decode = profile["operations"]["decode_binary_custom"]
    assert decode["times"]["count"] == 1 and decode["errors"] == 0 and decode["input_bytes"] > 4000
    assert gateway.put(number, "b", encode([np.zeros(9)])[:-1]).status == 422
    assert gateway.get("/profile").json["operations"]["decode_binary_custom"]["errors"] == 1


def test_each_request_has_one_line_with_its_outcome_and_no_secret(start, number):
    gateway = start(Talking)
    body = encode([np.zeros(3)])
    stored = gateway.put(number, "a", body, headers={
        "X-Request-Id": "mine-1", "Authorization": "Bearer sesame", "traceparent": TRACEPARENT})
    assert stored.headers["X-Request-Id"] == "mine-1"
    line = gateway.line("mine-1")
    assert line["outcome"] == "stored" and line["status"] == 202 and line["bytes_in"] == len(body)
    assert (line["topic"], line["partition"], line["offset"]) == tuple(
        stored.json[name] for name in ("topic", "partition", "offset"))
    assert line["route"] == "/rounds/{round}/updates/{client_id}" and line["path"] == f"/rounds/{number}/updates/a"
    assert line["method"] == "PUT" and line["trace_id"] == TRACE and line["duration_seconds"] > 0
    refused = gateway.request("GET", "/rounds/x?token=sesame", headers={"X-Request-Id": "bad id\t"}, described=False)
    made = refused.headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{6,}", made) and refused.json["request_id"] == made
    assert gateway.line(made)["outcome"] == "bad-request"
    assert "sesame" not in gateway.errors()


def headers_on_the_log(gateway, topic):
    """The headers of the embedded log's records: a count, then lengths and bytes."""
    import sqlite3
    with sqlite3.connect(gateway.data / "log" / "log.sqlite") as database:
        blobs = [row[0] for row in database.execute("SELECT headers FROM record WHERE topic = ?", (topic.encode(),))]
    records = []
    for blob in blobs:
        def take(size):
            nonlocal blob
            part, blob = blob[:size], blob[size:]
            return part
        count = int.from_bytes(take(4), "little")
        parts = [take(int.from_bytes(take(4), "little")).decode() for _ in range(2 * count)]
        records.append(dict(zip(parts[::2], parts[1::2])))
    return records


def test_a_trace_goes_from_http_to_the_log_and_to_the_result(start, fresh):
    gateway = start(Talking, "--min-updates", "2")
    one, several = fresh(), fresh()
    body = encode([np.zeros(3)])
    gateway.put(one, "a", body, headers={"traceparent": TRACEPARENT, "tracestate": "vendor=1, ,other=2"})
    gateway.put(one, "b", body, headers={"traceparent": "00-nonsense", "tracestate": "vendor=1"})
    gateway.result(one)
    first, second = headers_on_the_log(gateway, "federated_weight_updates")
    assert first["traceparent"] == TRACEPARENT and first["tracestate"] == "vendor=1,other=2"
    assert "traceparent" not in second and "tracestate" not in second
    assert headers_on_the_log(gateway, "federated_aggregation_results")[0]["traceparent"] == TRACEPARENT
    other = TRACEPARENT.replace(TRACE, TRACE[::-1])
    gateway.put(several, "a", body, headers={"traceparent": TRACEPARENT})
    gateway.put(several, "b", body, headers={"traceparent": other})
    gateway.result(several)
    result = headers_on_the_log(gateway, "federated_aggregation_results")[1]["traceparent"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", result) and TRACE not in result
    closed = eventually("the round's line", lambda: [
        line for line in gateway.lines() if line["message"] == "round closed" and line["round"] == str(several)])[0]
    assert closed["trace_id"] in result and TRACE in closed["trace_links"] and TRACE[::-1] in closed["trace_links"]


def test_the_log_level_is_read_again(start, tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text("log: {level: error}\n")
    gateway = start(Talking, "--config", str(settings))
    gateway.get("/rounds")
    settings.write_text("log: {level: debug}\n")
    gateway.send(signal.SIGHUP)
    eventually("the level is another", lambda: [line for line in gateway.lines() if line["message"] == "reloaded"])
    gateway.request("GET", "/healthz", headers={"X-Request-Id": "probe"})
    assert gateway.line("probe")["level"] == "debug"


def test_a_drain_under_load_loses_nothing(start, number):
    gateway = start(Talking, "--drain-delay", "1", "--min-updates", "1000000")
    body = encode([np.zeros(50_000)])
    stored, refused, stop = [], [], threading.Event()

    def load(client):
        while not stop.is_set():
            try:
                answer = gateway.put(number, f"{client}-{len(stored)}", body)
            except OSError:
                return
            (stored if answer.status == 202 else refused).append(answer)

    threads = [threading.Thread(target=load, args=(client,)) for client in range(4)]
    for thread in threads:
        thread.start()
    eventually("some are stored", lambda: len(stored) > 20)
    poll = threading.Thread(target=lambda: gateway.get(f"/rounds/{number}/result?wait=60"))
    poll.start()
    gateway.send(signal.SIGTERM)
    eventually("it is not ready", lambda: gateway.get("/readyz").status == 503)
    assert gateway.process.wait(30) == 0
    stop.set()
    for thread in threads + [poll]:
        thread.join()
    assert refused and all(answer.problem == "stopping" and answer.headers["Retry-After"] for answer in refused)
    assert any("acknowledged every record" in line["message"] for line in gateway.lines())
    gateway.start()
    assert len(gateway.round(number)["reported"]) == len({answer.json["client_id"] for answer in stored})


def test_a_second_signal_ends_at_once(start):
    gateway = start(Talking, "--drain-delay", "60")
    gateway.send(signal.SIGTERM)
    eventually("it is not ready", lambda: gateway.get("/readyz").status == 503)
    gateway.send(signal.SIGTERM)
    assert gateway.process.wait(10) == 128 + signal.SIGTERM


def test_readiness_follows_the_broker_and_the_end_comes_without_it(make_cluster, start, number, kcat):
    cluster = make_cluster(1)
    gateway = start(Talking, "--kafka", cluster.brokers, "--drain-timeout", "2")
    eventually("it is ready", lambda: gateway.get("/readyz").status == 200)
    gateway.put(number, "a", encode([np.zeros(3)]), headers={"traceparent": TRACEPARENT})
    shown = kcat("-b", cluster.brokers, "-C", "-t", "federated_weight_updates", "-e", "-f", "%h\n")
    assert f"traceparent={TRACEPARENT}" in shown
    eventually("librdkafka's statistics came", lambda: 'fedgate_kafka_broker_up{broker="1"} 1'
               in gateway.get("/metrics").body.decode())
    text = gateway.get("/metrics").body.decode()
    documented = check_metrics(text)
    assert {name for name in documented if "_aggregator_" not in name} == {
        name for name in described(text) if "_aggregator_" not in name}
    promtool(text)
    cluster.kill(1)
    answer = eventually("it is not ready", lambda: (a := gateway.get("/readyz")).status == 503 and a)
    assert not all(check["ok"] for check in answer.json["checks"].values()) and answer.json["reason"]
    cluster.up()
    eventually("it is ready again", lambda: gateway.get("/readyz").status == 200)
    cluster.kill(1)
    eventually("it is not ready", lambda: gateway.get("/readyz").status == 503)
    gateway.send(signal.SIGTERM)
    assert gateway.process.wait(60) == 0


def test_an_aggregator_shows_its_metrics_and_whether_it_works(make_cluster, start):
    cluster = make_cluster(1)
    aggregator = start(Monitored, "--kafka", cluster.brokers)
    eventually("it is active", lambda: b"\nfedgate_aggregator_active 1\n" in aggregator.ask("/metrics").body)
    eventually("it is ready", lambda: aggregator.ask("/readyz").status == 200)
    text = aggregator.ask("/metrics").body.decode()
    documented = check_metrics(text)
    assert {name for name in documented if name.startswith(("fedgate_aggregator_", "process_"))} <= set(described(text))
    assert "\nfedgate_ready 1\n" in text
    standby = start(Monitored, "--kafka", cluster.brokers, data="standby")
    eventually("who stands by is ready too", lambda: standby.ask("/readyz").status == 200)
    # The second one's coming may move the work to it.
    eventually("one of them is active", lambda: {b"0", b"1"} == {
        re.search(rb"\nfedgate_aggregator_active (\d)\n", one.ask("/metrics").body)[1] for one in (aggregator, standby)})
    assert standby.end() == 0

    cluster.kill(1)
    answer = eventually("it is not ready", lambda: (a := aggregator.ask("/readyz")).status == 503 and a)
    assert answer.json["checks"]["log_write"]["ok"] is False and answer.json["reason"]
    assert aggregator.ask("/healthz").status == 200
    assert b"\nfedgate_ready 0\n" in aggregator.ask("/metrics").body
    cluster.up()
    eventually("it is ready again", lambda: aggregator.ask("/readyz").status == 200)
    assert aggregator.ask("/rounds").problem == "not-found"
    refused = aggregator.ask("/metrics", "POST")
    assert refused.problem == "method-not-allowed" and refused.headers["Allow"] == "GET, HEAD"
    aggregator.send(signal.SIGTERM)
    assert aggregator.process.wait(60) == 0
    promtool(text)


def test_an_aggregator_that_waits_for_its_log_says_so(start):
    aggregator = start(Monitored, "--kafka", "127.0.0.1:1")
    assert aggregator.ask("/healthz").status == 200
    answer = aggregator.ask("/readyz")
    assert answer.status == 503 and not answer.json["checks"]["aggregator"]["ok"]
    aggregator.send(signal.SIGTERM)
    assert aggregator.process.wait(60) == 1
