"""The page for people: what it shows, that it is live, and that nothing in it runs which a client wrote."""

import json
import re
import socket

import numpy as np
import pytest
from browser import Browser
from fedgate import Gateway, eventually
from weights import encode

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
WEIGHTS = encode([np.arange(1000, dtype=np.float32)])


def test_browsers_get_the_page_and_others_the_routes(gateway):
    page = gateway.request("GET", "/", headers=BROWSER)
    assert page.status == 200 and page.headers.get_content_type() == "text/html"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"] and "Accept" in page.headers["Vary"]
    held = gateway.request("GET", "/", headers={**BROWSER, "If-None-Match": page.headers["ETag"]})
    assert held.status == 304
    for accept in ({}, {"Accept": "*/*"}):
        text = gateway.request("GET", "/", headers=accept)
        assert text.headers.get_content_type() == "text/plain" and b"curl -T" in text.body
    # Everything that the page asks for is here, and nothing from elsewhere.
    addresses = re.findall(r'(?:href|src)="([^"]+)"', page.body.decode())
    for address in addresses:
        if not address.startswith("data:"):
            eventually(address, lambda: gateway.get(address).status == 200)


def test_what_it_shows_as_json(gateway, number):
    gateway.stored(number, "site-a", WEIGHTS)
    status = gateway.get("/status").json
    assert status["ready"] and set(status["checks"].values()) == {None}
    shown = {one["round_number"]: one for one in status["rounds"]}[number]
    assert (shown["state"], shown["reported"], shown["missing"]) == ("open", ["site-a"], 1)
    assert status["updates"] >= 1 and status["update_bytes"] >= len(WEIGHTS)


def events(gateway, seconds=30):
    """The snapshots of an event stream."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=seconds) as connection:
        connection.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
        text = b""
        while True:
            piece = connection.recv(65536)
            assert piece
            text += piece
            *whole, text = text.split(b"\n\n")
            for event in whole:
                data = re.search(rb"data: (\{.*\})", event)
                if data:
                    yield json.loads(data[1])


def test_it_is_live(gateway, number):
    stream = events(gateway)
    next(stream)
    gateway.stored(number, "site-live", WEIGHTS)
    for snapshot in stream:
        if any(one["round_number"] == number and one["reported"] == ["site-live"] for one in snapshot["rounds"]):
            break


def test_a_flood_of_rounds_and_clients_stays_small(start, number):
    gateway = start(Gateway, "--min-updates", "1000")
    small = encode([np.ones(1, np.float32)])
    for round_number in range(40):
        gateway.stored(round_number, "a", small)
    for client in range(60):
        gateway.stored(39, f"client-{client}", small)
    status = gateway.get("/status").json
    assert len(status["rounds"]) == 24 and status["rounds"][0]["round_number"] == 39
    assert len(status["rounds"][0]["reported"]) == 24 and status["rounds"][0]["reported_count"] == 61


@pytest.fixture
def browse(tmp_path):
    """Opens addresses in browsers that end with the test."""
    browsers = []

    def browse(url, width=1280, height=800, dark=False):
        browsers.append(Browser(tmp_path / f"browser-{len(browsers)}", width, height, dark))
        browsers[-1].open(url)
        return browsers[-1]

    yield browse
    for browser in browsers:
        browser.end()


@pytest.fixture
def busy(start):
    """A gateway with something to see, and a client whose name is an attack."""
    gateway = start(Gateway, "--min-updates", "3")
    large = encode([np.random.default_rng(1).standard_normal(500_000).astype(np.float32)])
    for number in (1, 2):
        for client in ("hospital-bern", "hospital-lyon", "hospital-oslo"):
            gateway.stored(number, client, large)
        gateway.result(number)
    gateway.stored(3, "hospital-bern", large)
    gateway.stored(3, "<img src=x onerror=alert(1)>", large)
    gateway.put(3, "hospital-oslo", b"no weights at all")
    return gateway


def test_a_browser_shows_it_and_what_comes(busy, browse):
    browser = browse(busy.url)

    def text(): return browser.run("document.body.innerText") or ""
    shown = eventually("the page is filled", lambda: "Round 3" in text() and text())
    for words in ("ready", "hospital-lyon", "unsupported-format", "2 of 3 clients", "<img src=x onerror=alert(1)>"):
        assert words in shown, shown
    # The name stands there as text, and nothing was fetched or run for it.
    assert browser.run("document.images.length") == 0
    busy.stored(7, "site-late", WEIGHTS)
    eventually("the new round is shown", lambda: "Round 7" in text() and "site-late" in text())
    # What it fits on has no sideways scrolling.
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width, height, dark", [(1280, 800, False), (390, 844, True)])
def test_on_a_desk_and_on_a_phone_in_the_dark(busy, browse, tmp_path, width, height, dark):
    browser = browse(busy.url, width, height, dark)
    eventually("the page is filled", lambda: browser.run("document.querySelectorAll('.round').length") == 3)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    red = int(re.search(r"rgb\((\d+)", browser.run("getComputedStyle(document.body).backgroundColor"))[1])
    assert red < 60 if dark else red > 200
    browser.photograph(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 15_000


def test_a_gateway_that_is_gone_is_said_and_comes_back(busy, browse):
    browser = browse(busy.url)

    def state(): return browser.run("document.getElementById('state').textContent")
    eventually("ready", lambda: state() == "ready")
    port = busy.port
    busy.kill()
    eventually("said", lambda: state() == "connecting")
    busy.arguments[busy.arguments.index("127.0.0.1:0")] = f"127.0.0.1:{port}"
    busy.start()
    eventually("ready again", lambda: state() == "ready")
