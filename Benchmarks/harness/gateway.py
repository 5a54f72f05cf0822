"""A gateway of our own, on the embedded log or on a broker, and what can be asked of it."""

import http.client
import os
import re
import subprocess
import time

from . import processes
from .processes import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RELEASE = os.path.join(ROOT, ".build", "release", "fedgate")


class Gateway:
    """`fedgate serve` on a free port, with its data and its log under `directory`."""

    def __init__(self, program: str, directory: str, *options: str):
        if not os.access(program, os.X_OK):
            raise Failure(f"no program at {program}: swift build -c release, or --fedgate PATH")
        self.log_path = os.path.join(directory, "gateway.log")
        self.data = os.path.join(directory, "data")
        self.process = processes.start(
            [program, "serve", "--listen", "127.0.0.1:0", "--data", self.data, *options], self.log_path)
        self.port = int(self.wait_for(r"listening on http://127\.0\.0\.1:(\d+)", 60)[1])

    def wait_for(self, pattern: str, seconds: float) -> re.Match:
        """The first place of the log that matches, once there is one."""
        until = time.monotonic() + seconds
        while True:
            with open(self.log_path, errors="replace") as log:
                found = re.search(pattern, log.read())
            if found:
                return found
            if self.process.poll() is not None or time.monotonic() > until:
                raise Failure(f"fedgate does not say {pattern!r}:\n{processes.tail(self.log_path)}")
            time.sleep(0.05)

    def connection(self, timeout: float = 600) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def upload(self, number: int, client: str, body, **query: int) -> None:
        text = "&".join(f"{name}={value}" for name, value in query.items())
        connection = self.connection()
        connection.request("PUT", f"/rounds/{number}/updates/{client}?{text}", body)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status != 202:
            raise Failure(f"an upload was answered {answer.status}: {said[:300]!r}")

    def result(self, number: int, seconds: float = 60) -> http.client.HTTPResponse:
        """The answer with a round's result, its body not read yet; its connection ends with it."""
        until = time.monotonic() + seconds
        while True:
            connection = self.connection()
            connection.request("GET", f"/rounds/{number}/result?wait=30")
            answer = connection.getresponse()
            if answer.status == 200:
                return answer
            said = answer.read()
            connection.close()
            if answer.status != 404 or time.monotonic() > until:
                raise Failure(f"round {number}: {answer.status} {said[:300]!r}\n{processes.tail(self.log_path)}")

    def resident(self) -> float:
        """Megabytes that are resident now."""
        return processes.resident(self.process.pid)

    def peak(self) -> float:
        """Megabytes that were resident at most."""
        return processes.peak_rss(self.process.pid)

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.process.pid)

    def end(self) -> None:
        processes.stop(self.process)
