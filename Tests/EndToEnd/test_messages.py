"""The small messages of the protocol: registrations, training commands, reports; and what streams as events."""

import base64
import hashlib
import json
import os
import socket
import struct
import subprocess
import threading
import time
import uuid

import numpy as np
import pytest

from events import Events
from fedgate import Aggregator, Gateway, eventually
from weights import encode

KINDS = ["status", "health", "errors"]


def post(gateway, path, body, method="POST", **headers):
    """Sends a message that has to be stored, and returns the receipt."""
    answer = gateway.request(method, path, body if isinstance(body, bytes) else json.dumps(body), headers)
    assert answer.status == 202, answer
    return answer.json


def command(gateway, body):
    return post(gateway, "/commands", body)


def commands(gateway, query=""):
    answer = gateway.get(f"/commands{query}")
    assert answer.status == 200, answer
    return answer.json


def every_command(gateway, after=None):
    """All commands, page by page."""
    found, cursor = [], after
    while True:
        page = commands(gateway, f"?after={cursor}" if cursor else "")
        if not page["commands"]:
            return found
        found += page["commands"]
        cursor = page["cursor"]


def ready(gateway):
    eventually("the gateway is ready", lambda: gateway.get("/readyz").status == 200)
    return gateway


@pytest.fixture(params=["embedded", "kafka"])
def make(request, start):
    """Makes gateways on a log; on Kafka several of them share it."""
    if request.param == "embedded":
        return lambda data="data", *options: ready(start(Gateway, *options, data=data))
    brokers = request.getfixturevalue("brokers")
    return lambda data="data", *options: ready(start(Gateway, "--kafka", brokers, *options, data=data))


def test_a_registration_is_read_back_as_it_was_sent(make):
    gateway = make()
    client = f"site {uuid.uuid4()} ä"
    path = f"/clients/{client.replace(' ', '%20').replace('ä', '%C3%A4')}"
    assert gateway.get(path).problem == "client-unknown"
    receipt = post(gateway, path, b'{"gpus": 2,\r\n "seed": 123456789012345678901234567890}', "PUT")
    assert receipt["topic"] == "federated_clients"
    answer = gateway.get(path)
    assert answer.json["client_id"] == client and b"123456789012345678901234567890" in answer.body
    post(gateway, path, {"gpus": 3, "client_id": client}, "PUT")
    assert gateway.get(path).json["registration"] == {"gpus": 3, "client_id": client}
    listed = [c for c in gateway.get("/clients").json["clients"] if c["client_id"] == client]
    assert listed == [gateway.get(path).json]


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_reports_are_read_back_in_order(make, kind):
    gateway = make()
    client = str(uuid.uuid4())
    path = f"/clients/{client}/{kind}"
    assert gateway.get(path).problem == "client-unknown"
    for number in range(20):
        post(gateway, path, {"number": number, "round_number": 3})
    assert [r["report"]["number"] for r in gateway.get(path).json["reports"]] == list(range(4, 20))
    other = next(k for k in KINDS if k != kind)
    assert gateway.get(f"/clients/{client}/{other}").json == {"reports": []}
    # A report is no registration.
    assert gateway.get(f"/clients/{client}").problem == "client-unknown"


def test_commands_follow_the_cursor(make):
    gateway = make()
    start = commands(gateway)["cursor"] if not every_command(gateway) else every_command(gateway)[-1]["cursor"]
    mark = str(uuid.uuid4())
    receipts = [command(gateway, {"mark": mark, "number": number}) for number in range(5)]
    page = commands(gateway, f"?after={start}")
    assert [c["command"]["number"] for c in page["commands"]] == list(range(5))
    assert [c["cursor"] for c in page["commands"]] == [f"{r['partition']}-{r['offset']}" for r in receipts]
    assert page["cursor"] == page["commands"][-1]["cursor"] and not page["truncated"]
    assert commands(gateway, f"?after={page['commands'][2]['cursor']}")["commands"] == page["commands"][3:]
    assert commands(gateway, f"?after={page['cursor']}") == {
        "commands": [], "cursor": page["cursor"], "truncated": False}


def test_a_long_poll_ends_with_the_command(gateway):
    cursor = command(gateway, {"n": 0})
    cursor = f"{cursor['partition']}-{cursor['offset']}"
    answers = []
    polls = [
        threading.Thread(target=lambda: answers.append(gateway.get(f"/commands?after={cursor}", Prefer="wait=60")))
        for _ in range(8)]
    for poll in polls:
        poll.start()
    waiting = "fedgate_command_listeners 8"
    eventually("all wait", lambda: waiting in gateway.get("/metrics").body.decode())
    command(gateway, {"n": 1})
    for poll in polls:
        poll.join(50)
    assert [a.json["commands"][0]["command"] for a in answers] == 8 * [{"n": 1}]
    assert all(a.headers["Preference-Applied"] == "wait=60" for a in answers)


def test_no_wait_is_longer_than_the_gateway_admits(start):
    gateway = start(Gateway, "--max-wait", "1")
    answer = gateway.get("/commands", Prefer="wait=600")
    assert answer.json["commands"] == [] and answer.headers["Preference-Applied"] == "wait=1"
    assert gateway.get("/rounds/1/result?wait=9007199254740991").problem == "round-pending"
    eventually("nobody waits", lambda: "fedgate_command_listeners 0" in gateway.get("/metrics").body.decode())


def test_a_long_poll_in_vain_gives_the_cursor_back(gateway):
    last = command(gateway, {})
    cursor = f"{last['partition']}-{last['offset']}"
    assert commands(gateway, f"?after={cursor}&wait=1") == {"commands": [], "cursor": cursor, "truncated": False}


def test_commands_stream_as_events(gateway):
    first = command(gateway, {"text": "two\nlines", "n": 0})
    with Events(gateway, f"/commands?after=0-{first['offset'] - 1}" if first["offset"] else "/commands") as events:
        assert events.headers["Cache-Control"] == "no-store"
        event, = events.take(1)
        assert (event.name, event.json["command"]) == ("command", {"text": "two\nlines", "n": 0})
        assert event.id == event.json["cursor"] == f"0-{first['offset']}"
        for n in range(1, 6):
            command(gateway, {"n": n})
        assert [e.json["command"]["n"] for e in events.take(5)] == [1, 2, 3, 4, 5]
        assert events.retry
    # Last-Event-ID goes before the query.
    with Events(gateway, "/commands?after=start", after=f"0-{first['offset'] + 3}") as events:
        assert [e.json["command"]["n"] for e in events.take(2)] == [4, 5]


def test_curl_reads_the_stream(gateway):
    command(gateway, {"from": "curl"})
    done = subprocess.run(
        ["curl", "-sN", "--max-time", "3", "-H", "Accept: text/event-stream", f"{gateway.url}/commands"],
        capture_output=True)
    assert done.returncode == 28
    assert b'event: command\ndata: {"cursor":"0-' in done.stdout and b'{"from": "curl"}}\n\n' in done.stdout


def test_an_idle_stream_shows_that_it_is_alive(gateway):
    with Events(gateway, "/commands?after=0-9007199254740991") as events:
        eventually("a comment", lambda: events.response.readline() == b":\n", 40)


def test_a_thousand_streams_hold_no_thread_and_all_get_the_event(gateway):
    last = command(gateway, {})
    before = threads(gateway)
    request = (f"GET /commands?after=0-{last['offset']} HTTP/1.1\r\nHost: x\r\n"
               "Accept: text/event-stream\r\n\r\n").encode()
    sockets = []
    try:
        for _ in range(1000):
            sockets.append(socket.create_connection(("127.0.0.1", gateway.port), 60))
            sockets[-1].sendall(request)
        eventually("all listen", lambda: "fedgate_command_listeners 1000" in gateway.get("/metrics").body.decode())
        assert threads(gateway) <= before + 2
        command(gateway, {"to": "all"})
        for each in sockets:
            text = b""
            while b'{"to": "all"}' not in text:
                piece = each.recv(65536)
                assert piece, text
                text += piece
    finally:
        for each in sockets:
            each.close()
    eventually("nobody listens", lambda: "fedgate_command_listeners 0" in gateway.get("/metrics").body.decode())


def threads(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/task"))


def test_who_does_not_read_costs_little(gateway):
    """Sixteen listeners that never read, and more commands than any socket holds."""
    last = command(gateway, {})
    request = (f"GET /commands?after=0-{last['offset']} HTTP/1.1\r\nHost: x\r\n"
               "Accept: text/event-stream\r\n\r\n").encode()
    lazy = [socket.create_connection(("127.0.0.1", gateway.port), 60) for _ in range(16)]
    for each in lazy:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        each.sendall(request)
    eventually("all listen", lambda: "fedgate_command_listeners 16" in gateway.get("/metrics").body.decode())
    before = gateway.memory()
    for _ in range(200):
        command(gateway, {"text": "x" * 60_000})
    # The commands themselves are kept once; sixteen copies would be 190 MB.
    assert gateway.memory() < before + (80 << 20)
    for each in lazy:
        each.close()


def test_stopping_ends_streams_and_polls_at_once(start):
    gateway = ready(start(Gateway))
    cursor = command(gateway, {})["offset"]
    answers = []
    poll = threading.Thread(target=lambda: answers.append(gateway.get(f"/commands?after=0-{cursor}&wait=60")))
    poll.start()
    with Events(gateway, f"/commands?after=0-{cursor}") as events, Events(gateway, "/rounds") as rounds:
        eventually("both wait", lambda: "fedgate_command_listeners 2" in gateway.get("/metrics").body.decode())
        began = time.monotonic()
        assert gateway.end() == 0
        assert list(events) == [] and list(rounds) == []
        assert time.monotonic() - began < 9, "the streams were waited for"
    poll.join(30)
    assert answers[0].json["commands"] == []


def test_a_restart_shows_the_same(make):
    first = make()
    client = str(uuid.uuid4())
    post(first, f"/clients/{client}", {"name": "one"}, "PUT")
    for kind in KINDS:
        post(first, f"/clients/{client}/{kind}", {"kind": kind})
    command(first, {"for": client})

    def state(gateway):
        paths = [f"/clients/{client}"] + [f"/clients/{client}/{kind}" for kind in KINDS]
        return [gateway.get(path).body for path in paths] + [c for c in every_command(gateway)]

    before = state(first)
    first.kill()
    assert state(make()) == before


@pytest.mark.parametrize("method, path", [("PUT", "/clients/a"), ("POST", "/commands")] + [
    ("POST", f"/clients/a/{kind}") for kind in KINDS])
def test_bad_messages_name_what_is_wrong(gateway, method, path):
    def refused(body, status=400, problem="bad-request", query="", **headers):
        answer = gateway.request(method, path + query, body, headers)
        assert (answer.status, answer.problem) == (status, problem), answer
        return answer.json["detail"]

    for body in [b"", b"[]", b"3", b"{", b"{} {}", b'{"a": NaN}', b"\xff{}", "{}".encode("utf-16"), b"null"]:
        assert "body" in refused(body)
    for number in [-1, 1.5, "1", 2**53, True]:
        assert "round_number" in refused(json.dumps({"round_number": number}))
    assert "nonsense" in refused(b"{}", query="?nonsense=1")
    too_large = json.dumps({"text": "x" * 65536})
    assert "65536" in refused(too_large, 413, "too-large")
    assert refused(b"{}", 415, "unsupported-format", **{"Content-Type": "text/plain"})
    assert refused(b"{}", 415, "unsupported-encoding", **{"Content-Encoding": "gzip"})
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    assert refused(b"{}", 422, "digest-mismatch", **{"Content-Digest": f"sha-256=:{wrong}:"})
    if method == "PUT" or path != "/commands":
        assert "client_id" in refused(b'{"client_id": "b"}', 409, "client-conflict")
        assert "client_id" in refused(b'{"client_id": 3}')
    deep = b'{"a":' * 3000 + b"1" + b"}" * 3000
    assert "body" in refused(deep)


def test_a_body_in_chunks_is_bounded_too(gateway):
    def body():
        for _ in range(100):
            yield b" " * 1000
    answer = gateway.request("POST", "/commands", body())
    assert answer.status == 413 and answer.json["limit"] == 65536


@pytest.mark.parametrize("client", ["gateway", "aggregator", ".", "..", "a%0Ab", "x" * 129])
def test_no_client_has_such_an_id(gateway, client):
    if client in (".", ".."):
        client = client.replace(".", "%2E")
    assert gateway.request("PUT", f"/clients/{client}", b"{}", described=False).status == 400
    assert gateway.request("GET", f"/clients/{client}/status", described=False).status == 400


@pytest.mark.parametrize("query", ["?after=", "?after=0", "?after=x-1", "?wait=-1", "?wait=x", "?before=1"])
def test_bad_questions_for_commands(gateway, query):
    assert gateway.get(f"/commands{query}").problem == "bad-request"


@pytest.mark.parametrize("path", ["/commands", "/rounds"])
def test_a_bad_last_event_id_is_refused(gateway, path):
    answer = gateway.get(path, Accept="text/event-stream", Last_Event_ID="nonsense")
    assert answer.problem == "bad-request" and "Last-Event-ID" in answer.json["detail"]


def test_metrics_count_messages(gateway):
    def count():
        text = gateway.get("/metrics").body.decode()
        line = next(x for x in text.splitlines() if 'stored_total{type="health_check"}' in x)
        return float(line.split()[-1])
    before = count()
    post(gateway, "/clients/secret-client/health", {})
    assert count() == before + 1
    assert "secret" not in gateway.get("/metrics").body.decode()


# Commands that are sent again.


def keyed(gateway, key, body, status=202):
    answer = gateway.request("POST", "/commands", json.dumps(body), {"Idempotency-Key": key})
    assert answer.status == status, answer
    return answer


def test_a_command_with_a_key_is_issued_once(make):
    gateway = make()
    key, body = str(uuid.uuid4()), {"start": str(uuid.uuid4())}
    first = keyed(gateway, key, body)
    assert "Fed-Repeat" not in first.headers
    again = keyed(gateway, f'"{key}"', body)
    assert again.json == first.json and again.headers["Fed-Repeat"] == "true"
    assert keyed(gateway, key, {"stop": 1}, 422).problem == "key-reused"
    assert keyed(gateway, str(uuid.uuid4()), body).json != first.json
    gateway.kill()
    gateway = make()
    again = keyed(gateway, key, body)
    assert again.json == first.json and again.headers["Fed-Repeat"] == "true"
    assert [c["command"] for c in every_command(gateway)].count(body) == 2
    assert keyed(gateway, "bad key", body, 400).problem == "bad-request"


def test_many_that_send_one_command_at_one_time_issue_one(gateway):
    key, body, answers = str(uuid.uuid4()), {"start": str(uuid.uuid4())}, []
    threads = [threading.Thread(target=lambda: answers.append(keyed(gateway, key, body))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({a.body for a in answers}) == 1
    assert sum(a.headers["Fed-Repeat"] == "true" for a in answers) == 11
    assert [c["command"] for c in every_command(gateway)].count(body) == 1


# Rounds as events.


def test_rounds_stream_as_events(gateway, fresh):
    number, other = fresh(), fresh()
    gateway.stored(number, "a", encode([np.zeros(2)]))
    with Events(gateway, "/rounds") as every, Events(gateway, f"/rounds/{number}") as one:
        first = one.take(1)[0]
        assert first.name == "round" and first.json == gateway.round(number)
        assert every.until(lambda e: e.json["round_number"] == number).json == first.json
        gateway.stored(other, "a", encode([np.zeros(2)]))
        every.until(lambda e: e.json["round_number"] == other and e.json["reported"] == ["a"])
        gateway.stored(number, "b", encode([np.zeros(2)]))
        last = one.until(lambda e: e.json["state"] == "closed")
        assert last.json == gateway.round(number) and int(last.id) > int(first.id)
        every.until(lambda e: e.json == last.json)
    # Who has seen it all gets nothing twice.
    with Events(gateway, f"/rounds?after={last.id}") as events:
        again = fresh()
        gateway.stored(again, "a", encode([np.zeros(2)]))
        assert events.take(1)[0].json["round_number"] == again


def test_an_unknown_round_has_no_stream(gateway, number):
    answer = gateway.get(f"/rounds/{number}", Accept="text/event-stream")
    assert (answer.status, answer.problem) == (404, "round-unknown")


def test_json_is_what_others_get(gateway):
    for accept in ["*/*", "application/json", "application/json, text/event-stream", "text/html"]:
        assert gateway.get("/rounds", Accept=accept).headers.get_content_type() == "application/json"


# Two gateways on one Kafka.


@pytest.fixture
def pair(start, brokers):
    return [ready(start(Gateway, "--kafka", brokers, data=name)) for name in ("one", "two")]


def test_both_gateways_show_the_same(pair):
    client = str(uuid.uuid4())
    for number in range(6):
        gateway = pair[number % 2]
        post(gateway, f"/clients/{client}-{number}", {"number": number}, "PUT")
        post(gateway, f"/clients/{client}/status", {"number": number})
        command(gateway, {"client": client, "number": number})

    def view(gateway):
        paths = [f"/clients/{client}-{number}" for number in range(6)] + [f"/clients/{client}/status"]
        found = [gateway.get(path) for path in paths]
        return [a.body for a in found] + every_command(gateway) if all(a.status == 200 for a in found) else None

    eventually("both show the same", lambda: view(pair[0]) and view(pair[0]) == view(pair[1]))
    mine = [c["command"]["number"] for c in every_command(pair[1]) if c["command"].get("client") == client]
    assert sorted(mine) == list(range(6))


def test_a_client_switches_in_mid_poll_and_nothing_is_lost_or_seen_twice(pair):
    mark = str(uuid.uuid4())
    known = every_command(pair[0])
    cursor = known[-1]["cursor"] if known else "start"
    seen = []
    for number in range(10):
        poll = []
        asked, other = pair[number % 2], pair[1 - number % 2]
        waiting = threading.Thread(target=lambda: poll.append(commands(asked, f"?after={cursor}&wait=30")))
        waiting.start()
        command(other, {"mark": mark, "number": number})
        waiting.join(40)
        seen += poll[0]["commands"]
        cursor = poll[0]["cursor"]
    assert [c["command"]["number"] for c in seen if c["command"].get("mark") == mark] == list(range(10))


def test_a_command_that_is_sent_to_both_gateways_is_issued_once(pair):
    for _ in range(5):
        key, body, answers = str(uuid.uuid4()), {"start": str(uuid.uuid4())}, []
        threads = [threading.Thread(target=lambda to=to: answers.append(keyed(to, key, body))) for to in 3 * pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # Both may have appended it; which one counts, the log decides for both.
        assert len({a.body for a in answers}) == 1 and len(answers) == 6
        assert sum(a.headers["Fed-Repeat"] == "true" for a in answers) == 5
        for gateway in pair:
            assert [c["command"] for c in every_command(gateway)].count(body) == 1


def test_killing_a_gateway_loses_nothing(pair, start, brokers):
    first, second = pair
    mark = str(uuid.uuid4())
    known = every_command(first)
    cursor = known[-1]["cursor"] if known else "start"
    with Events(first, "/commands", after=cursor) as events:
        sent = [command(first, {"mark": mark, "number": number}) for number in range(5)]
        assert [e.json["command"]["number"] for e in events.take(5)] == list(range(5))
        last = events.last
        unseen = [command(first, {"mark": mark, "number": number}) for number in range(5, 8)]
        first.kill()
        with pytest.raises(Exception):
            list(events)
            raise ConnectionError
    with Events(second, "/commands", after=last) as events:
        assert [e.json["command"]["number"] for e in events.take(3)] == [5, 6, 7]
        command(second, {"mark": mark, "number": 8})
        assert events.take(1)[0].json["command"]["number"] == 8
    ids = {f"{r['partition']}-{r['offset']}" for r in sent + unseen}
    assert ids <= {c["cursor"] for c in every_command(second)}


def test_a_stream_of_rounds_goes_on_at_another_gateway(pair, start, brokers, number):
    start(Aggregator, "--kafka", brokers, data="aggregator")
    with Events(pair[0], "/rounds") as events:
        pair[1].stored(number, "a", encode([np.zeros(2)]))
        seen = events.until(lambda e: e.json["round_number"] == number)
    pair[0].stored(number, "b", encode([np.zeros(2)]))
    with Events(pair[1], f"/rounds/{number}", after=seen.id) as events:
        events.until(lambda e: e.json["state"] == "closed")


# What others write and read.


def package(payload, sender, round_number, timestamp):
    head = json.dumps({
        "format": "json_base64", "compression": "none", "checksum": hashlib.sha256(payload).hexdigest(),
        "original_size": len(payload), "compressed_size": len(payload), "timestamp": timestamp,
        "model_version": "1.0", "client_id": sender, "round_number": round_number, "data_type": "metadata"}).encode()
    head = b"FEDPK001" + struct.pack("<I", len(head)) + head
    return head, head + payload


def foreign(kind, sender, body, round_number=0, timestamp=1700000000.0, message_id=None):
    """A message of the reference, in Python alone."""
    message_id = message_id or str(uuid.uuid4())
    head, whole = package(json.dumps(body).encode(), sender, round_number, timestamp)
    digest = hashlib.sha256(
        f"{message_id}\n{kind}\n{sender}\n{timestamp!r}\n{round_number}\n".encode() + head).hexdigest()
    return {"message_id": message_id, "message_type": kind, "sender_id": sender, "timestamp": timestamp,
            "round_number": round_number, "payload": base64.b64encode(whole).decode(), "metadata": {},
            "checksum": digest}


def test_messages_of_others_are_read(pair, brokers, kcat):
    client = str(uuid.uuid4())

    def send(topic, message):
        kcat("-b", brokers, "-P", "-t", topic, "-k", message["sender_id"], text=(json.dumps(message) + "\n").encode())

    send("federated_clients", foreign("client_registration", client, {"from": "python"}))
    send("federated_clients", foreign("error_report", client, {"error": "oom"}))
    same = foreign("training_command", "scheduler", {"go": client}, 4)
    send("federated_control", same)
    send("federated_control", same)
    for gateway in pair:
        found = eventually("it is there", lambda: (a := gateway.get(f"/clients/{client}")).status == 200 and a.json)
        assert found == {"client_id": client, "registered_at": "2023-11-14T22:13:20.000Z",
                         "registration": {"from": "python"}}
        eventually("its report too",
                   lambda: [r["report"] for r in gateway.get(f"/clients/{client}/errors").json["reports"]]
                   == [{"error": "oom"}])
        eventually("the command once",
                   lambda: [c["command"] for c in every_command(gateway)].count({"go": client}) == 1)


def test_what_cannot_be_read_is_counted_and_passed_over(pair, brokers, kcat):
    gateway, client = pair[0], str(uuid.uuid4())

    def unreadable():
        text = gateway.get("/metrics").body.decode()
        return sum(float(x.split()[-1]) for x in text.splitlines() if x.startswith("fedgate_unreadable_messages_total{"))

    before = unreadable()
    broken = foreign("status_update", client, {})
    broken["round_number"] = 7
    wrong = foreign("weight_update", client, {})
    listing = foreign("status_update", client, [1])
    for value in [b"nonsense\n"] + [(json.dumps(m) + "\n").encode() for m in (broken, wrong, listing)]:
        kcat("-b", brokers, "-P", "-t", "federated_clients", "-k", client, text=value)
    eventually("they are counted", lambda: unreadable() == before + 4)
    post(gateway, f"/clients/{client}/status", {"ok": True})
    assert [r["report"] for r in gateway.get(f"/clients/{client}/status").json["reports"]] == [{"ok": True}]
    assert "checksum" in gateway.errors() and "passed over" in gateway.errors()


@pytest.mark.parametrize("envelope", ["json", "binary"])
def test_what_the_gateway_writes_others_read(start, brokers, kcat, envelope):
    gateway = ready(start(Gateway, "--kafka", brokers, "--envelope", envelope))
    client = str(uuid.uuid4())
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    receipt = post(gateway, f"/clients/{client}/status", {"epoch": 3, "round_number": 9}, traceparent=trace)
    record = subprocess.run(
        ["kcat", "-b", brokers, "-C", "-t", "federated_clients", "-p", str(receipt["partition"]), "-o",
         str(receipt["offset"]), "-c", "1", "-q", "-e", "-f", "%k\n%h\n%s"], capture_output=True, check=True).stdout
    key, headers, value = record.split(b"\n", 2)
    headers = dict(pair.split(b"=", 1) for pair in headers.split(b",") if b"=" in pair)
    assert key.decode() == client and headers[b"traceparent"].decode() == trace
    if envelope == "json":
        message = json.loads(value)
        assert message["message_type"] == "status_update" and message["round_number"] == 9
        assert message["message_id"] == receipt["message_id"] and message["sender_id"] == client
        value = base64.b64decode(message["payload"])
    else:
        assert headers[b"ce_type"] == b"fedgate.status_update" and headers[b"ce_subject"] == b"9"
        assert headers[b"ce_id"].decode() == receipt["message_id"]
    assert value[:8] == b"FEDPK001"
    size, = struct.unpack("<I", value[8:12])
    head, payload = json.loads(value[12:12 + size]), value[12 + size:]
    assert (head["data_type"], head["format"], head["round_number"]) == ("metadata", "json_base64", 9)
    assert hashlib.sha256(payload).hexdigest() == head["checksum"]
    assert json.loads(payload) == {"epoch": 3, "round_number": 9}
