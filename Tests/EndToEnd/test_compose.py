"""docker/compose.yaml: that it is well-formed, and what it starts, started without containers."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import urllib.request

import numpy as np
import pytest
import yaml
from compose_spec import PyCompose

from conftest import kafka_home
from events import Events
from fedgate import PROGRAM, ROOT, Gateway, eventually
from weights import decode, encode

COMPOSE = ROOT / "docker" / "compose.yaml"
PINNED = re.compile(r"docker\.io/[a-z/]+:v?\d+\.\d+\.\d+(-[a-z]+)?")


def compose():
    return yaml.safe_load(COMPOSE.read_text())


def test_compose_is_as_its_specification_wants_it():
    """The reader refuses unknown keys and wrong types, and names that lead nowhere."""
    # Without anchors and merges, which are YAML's and resolved before.
    resolved = json.loads(json.dumps(compose()))
    PyCompose.from_json(json.dumps(resolved)).validate()
    for spoil in ({"imagee": "x"}, {"read_only": "perhaps"}, {"secrets": [{"source": "tokens", "wrong": "x"}]}):
        spoilt = {**resolved, "services": {"kafka": {**resolved["services"]["kafka"], **spoil}}}
        with pytest.raises(Exception):
            PyCompose.from_json(json.dumps(spoilt)).validate()


def test_every_image_is_pinned():
    for name, service in compose()["services"].items():
        assert service["image"] == "fedgate:local" or PINNED.fullmatch(service["image"]), name
    bases = re.findall(r"^FROM (\S+)", (ROOT / "docker" / "Dockerfile").read_text(), re.M)
    assert bases == ["docker.io/library/swift:6.3.1-bookworm", "docker.io/library/debian:trixie-slim"]


def test_what_compose_names_is_there():
    document = compose()
    for kind in ("configs", "secrets"):
        for name, entry in document[kind].items():
            path = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", entry["file"])
            assert (COMPOSE.parent / path).is_file(), name
    for name, service in document["services"].items():
        for other in service.get("depends_on", {}):
            assert other in document["services"], (name, other)
        for kind in ("configs", "secrets"):
            assert {entry["source"] for entry in service.get(kind, [])} <= set(document[kind]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (COMPOSE.parent / source).is_dir() if source.startswith(".") else source in document["volumes"]
    scraped = yaml.safe_load((ROOT / "docker/prometheus/prometheus.yaml").read_text())["scrape_configs"][0]
    targets = {target for group in scraped["static_configs"] for target in group["targets"]}
    address = re.compile(r"listen 0\.0\.0\.0:(\d+)")
    listening = {f"{name}:{address.search(' '.join(service['command']))[1]}"
                 for name, service in document["services"].items() if service["image"] == "fedgate:local"}
    assert targets == listening


class Through(Gateway):
    """A gateway, or the proxy, that something else has started."""

    def __init__(self, url):
        self.port = int(url.rsplit(":", 1)[1])


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """What compose.yaml starts: URLs by name, and the directory."""
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not nginx:
        pytest.skip("needs nginx")
    kafka_home()
    directory = tmp_path_factory.mktemp("compose")
    process = subprocess.Popen(
        [ROOT / "scripts" / "compose-local", directory], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        env={**os.environ, "FEDGATE": PROGRAM})
    urls = {}
    for line in process.stdout:
        name, url = line.split()
        urls[name] = url
        if name == "ready":
            break
    assert "ready" in urls, "it did not start"
    yield urls, directory
    process.send_signal(signal.SIGTERM)
    process.wait(90)


def test_both_gateways_show_the_same_and_the_aggregator_can_be_asked(running, fresh):
    urls, _ = running
    proxy, one, two = (Through(urls[name]) for name in ("ready", "gateway-1", "gateway-2"))
    number = fresh() + 7000
    proxy.stored(number, "a", encode([np.full(3, 1.0)]), samples=1)
    proxy.stored(number, "b", encode([np.full(3, 4.0)]), samples=2)
    results = [gateway.result(number) for gateway in (proxy, one, two)]
    assert results[0] == results[1] == results[2]
    assert np.array_equal(decode(results[0])[0][0], np.full(3, 3.0))
    assert proxy.request("PUT", "/clients/a", b'{"gpus": 1}').status == 202
    assert proxy.request("POST", "/commands", b'{"command": "start"}').status == 202
    for path in ("/clients/a", "/commands"):
        eventually("both show it", lambda: one.get(path).json == two.get(path).json)
    text = urllib.request.urlopen(urls["aggregator"] + "/metrics", timeout=30).read().decode()
    assert "\nfedgate_aggregator_active 1\n" in text and "\nfedgate_ready 1\n" in text
    assert proxy.request("GET", "/metrics", described=False).status == 404


def test_an_upload_in_parts_finds_its_gateway_through_the_proxy(running, fresh):
    proxy = Through(running[0]["ready"])
    body = encode([np.arange(9.0)])
    homes = set()
    for _ in range(4):
        number = fresh() + 7000
        begun = proxy.request("PUT", f"/rounds/{number}/updates/a", b"", {"Upload-Complete": "?0"})
        assert begun.status == 201
        place = begun.headers["Location"]
        homes.add(place.split("/")[1])
        for at, end, complete in ((0, 50, "?0"), (50, len(body), "?1")):
            answer = proxy.request("PATCH", place, body[at:end], {
                "Content-Type": "application/partial-upload", "Upload-Offset": str(at), "Upload-Complete": complete,
            }, described=False)
        assert answer.status == 202 and answer.json["round_number"] == number, answer
    assert homes == {"first", "second"}


def test_bodies_are_not_kept_in_the_proxy(running, fresh):
    """Half of a body has come to a gateway while the other half has not been sent."""
    import http.client
    proxy, urls = Through(running[0]["ready"]), running[0]

    def received():
        total = 0
        for name in ("gateway-1", "gateway-2"):
            text = urllib.request.urlopen(urls[name] + "/metrics", timeout=30).read().decode()
            total += float(re.search(r"^fedgate_payload_memory_bytes (\S+)$", text, re.M)[1])
        return total

    before = received()
    body = encode([np.zeros(1 << 20)])
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
    connection.putrequest("PUT", f"/rounds/{fresh() + 7000}/updates/a")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:len(body) // 2])
    eventually("a gateway has some of it", lambda: received() > before)
    connection.send(body[len(body) // 2:])
    assert connection.getresponse().status == 202
    connection.close()


def test_events_come_at_once_through_the_proxy(running):
    proxy = Through(running[0]["ready"])
    with Events(proxy, "/commands") as events:
        assert proxy.request("POST", "/commands", b'{"command": "now"}').status == 202
        assert any(event.json["command"] == {"command": "now"} for event in events)


def test_a_gateway_that_is_killed_takes_nobody_with_it(running, fresh):
    """The last test: one gateway is gone from here on."""
    urls, directory = running
    proxy = Through(urls["ready"])
    number = fresh() + 7000
    polled = []
    polls = [threading.Thread(target=lambda: polled.append(proxy.get(f"/rounds/{number}/result?wait=5").status))
             for _ in range(6)]
    for poll in polls:
        poll.start()
    os.kill(int((directory / "gateway-1.pid").read_text()), signal.SIGKILL)
    for poll in polls:
        poll.join()
    assert set(polled) <= {404, 502}
    proxy.stored(number, "a", encode([np.ones(3)]))
    proxy.stored(number, "b", encode([np.ones(3)]))
    assert np.array_equal(decode(proxy.result(number))[0][0], np.ones(3))
