"""The program under test as processes, and the requests that tests make."""

import http.client
import json
import os
import re
import signal
import subprocess
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import contract

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("FEDGATE", str(ROOT / ".build" / "debug" / "fedgate"))


def eventually(what, condition, patience=60):
    """Waits until the condition holds and returns its value; generous, since it only bounds failures."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.05)


@dataclass
class Answer:
    """A response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        """The name in the problem's type."""
        assert self.headers.get_content_type() == "application/problem+json", self
        return self.json["type"].removeprefix("/problems/")


class Process:
    """A process of the program, with its own data directory and a file for its stderr."""

    started = []

    def __init__(self, data, *arguments):
        self.data, self.arguments, self.process = Path(data), list(arguments), None
        self.log = self.data.with_name(f"{self.data.name}-{len(Process.started)}.log")
        Process.started.append(self)

    def __str__(self):
        return f"{self.arguments[0]} ({self.data.name})"

    def command(self):
        return [PROGRAM, *self.arguments, "--data", str(self.data)]

    def start(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.mark = len(self.errors())
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stderr=log)
        eventually(f"{self} is ready", self.ready)
        return self

    def ready(self):
        assert self.is_alive(), f"{self} ended: {self.errors()[-2000:]}"
        return True

    def errors(self, since=0):
        return self.log.read_text(errors="replace")[since:] if self.log.exists() else ""

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As a power failure would."""
        self.send(signal.SIGKILL)
        self.process.wait(30)

    def end(self):
        """An orderly end; the exit code, or None when it was not running any more."""
        if self in Process.started:
            Process.started.remove(self)
        if not self.is_alive():
            return None
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def memory(self):
        """Resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


class Aggregator(Process):
    """`fedgate aggregate`."""

    def __init__(self, data, *options):
        super().__init__(data, "aggregate", *options)


class Monitored(Aggregator):
    """An aggregator that answers what monitoring asks, on a free port."""

    def __init__(self, data, *options):
        super().__init__(data, "--private-listen", "127.0.0.1:0", *options)
        self.port = None

    def ready(self):
        super().ready()
        found = re.search(r"private listener url=http://127\.0\.0\.1:(\d+)", self.errors(self.mark))
        self.port = int(found[1]) if found else None
        return found

    def ask(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


class Gateway(Process):
    """`fedgate serve` on a free port."""

    scheme = "http"
    # What this client trusts and shows over TLS.
    context = None

    def __init__(self, data, *options):
        super().__init__(data, "serve", "--listen", "127.0.0.1:0", *options)
        self.port = None

    def ready(self):
        super().ready()
        found = re.search(r"^fedgate: listening on (https?)://127\.0\.0\.1:(\d+)$", self.errors(self.mark), re.M)
        if found:
            self.scheme, self.port = found[1], int(found[2])
        return found

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def connection(self):
        if self.scheme == "https":
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=90, context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)

    def request(self, method, path, body=None, headers=None, described=True):
        """One request on a connection of its own; its answer has to be one that openapi.yaml describes."""
        connection = self.connection()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        if described:
            contract.check(method, path, answer)
        return answer

    def get(self, path, **headers):
        return self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def put(self, number, client, body, query="", headers=None):
        """Uploads an update."""
        path = f"/rounds/{number}/updates/{urllib.parse.quote(client, safe='')}"
        return self.request("PUT", path + (f"?{query}" if query else ""), body, headers)

    def stored(self, number, client, body, samples=None):
        """Uploads an update that has to be stored, and returns the receipt."""
        answer = self.put(number, client, body, f"num_samples={samples}" if samples else "")
        assert answer.status == 202, answer
        return answer.json

    def result(self, number, patience=60):
        """Waits for the result's bytes."""
        def ask():
            answer = self.get(f"/rounds/{number}/result?wait=10")
            assert answer.status == 200 or (answer.status == 404 and answer.problem == "round-pending"), answer
            return answer if answer.status == 200 else None
        return eventually(f"round {number} has a result", ask, patience).body

    def round(self, number):
        answer = self.get(f"/rounds/{number}")
        assert answer.status == 200, answer
        return answer.json
