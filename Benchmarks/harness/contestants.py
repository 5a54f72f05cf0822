"""What is measured: the bare producer, and servers that speak the same HTTP."""

import json
import os
import shlex
import subprocess
import time
from dataclasses import dataclass

from . import processes
from .broker import TOPIC, Broker
from .processes import Failure


LARGEST_RECORD = 30_000_000
CHUNK = 1 << 20
CHUNKS_IN_FLIGHT = 8


@dataclass
class Setting:
    """What is the same for every run."""
    tools: str
    directory: str
    broker: Broker
    run_bytes: int
    round: int = 0

    def next_round(self) -> int:
        """A round that no update was sent to yet, so that none is the repeat of an earlier run's."""
        self.round += 1
        return self.round


@dataclass
class Load:
    """One cell's load: bodies of one size, sent in turn."""
    bodies: list[str]
    size: int  # of a body; the bare producer sends those that no record holds as chunks
    connections: int
    seconds: float
    lead: float = 1.0  # seconds of the same load before what is measured
    requests: int = 10**12
    chunk: str = ""  # a body of a chunk's size

    @property
    def is_chunked(self) -> bool:
        return self.size > LARGEST_RECORD


class Producer:
    """librdkafka alone, with as many records in flight as the servers get connections, or chunks as their uploads may have."""
    name = "producer"
    max_size = 10**15

    def run(self, setting: Setting, load: Load) -> dict:
        before, broker = setting.broker.end_offset(), setting.broker.cpu_seconds()
        out = processes.output([
            os.path.join(setting.tools, "producer"), "--kafka", setting.broker.address, "--topic", TOPIC,
            "--body", load.chunk if load.is_chunked else load.bodies[0],
            "--in-flight", str(load.connections * (CHUNKS_IN_FLIGHT if load.is_chunked else 1)), "--seconds", str(load.seconds),
            "--requests", str(min(load.requests, setting.run_bytes // (CHUNK if load.is_chunked else load.size) + 1)),
        ], timeout=load.seconds + 90)
        result = json.loads(out)
        result["peak_rss_mb"] = result.pop("peak_rss_kb") * 1024 / 1e6
        result["broker_cpu_seconds"] = setting.broker.cpu_seconds() - broker
        result["records"] = setting.broker.end_offset() - before
        return result


class Server:
    """A process that takes `PUT /rounds/N/updates/CLIENT`."""

    def __init__(self, name: str, command: list[str], max_size: int):
        self.name, self.command, self.max_size = name, command, max_size

    def run(self, setting: Setting, load: Load) -> dict:
        port = processes.free_port()
        data = os.path.join(setting.directory, f"data-{port}-{setting.next_round()}")
        os.mkdir(data)
        values = {"PORT": str(port), "DATA": data, "KAFKA": setting.broker.address, "MAX": str(max(2 * load.size, 2**24)),
                  "TOPIC": TOPIC}
        command = [part.format(**values) for part in self.command]
        log_path = data + ".log"
        process = processes.start(command, log_path)
        try:
            self.wait_until_ready(setting, process, port)
            if load.lead > 0:
                self.send(setting, load, port, load.lead)
            before, cpu = setting.broker.end_offset(), processes.cpu_seconds(process.pid)
            broker = setting.broker.cpu_seconds()
            result = self.send(setting, load, port, load.seconds)
            time.sleep(0.3)  # what it still does behind the last answer is its cost too
            result["cpu_seconds"] = processes.cpu_seconds(process.pid) - cpu
            result["broker_cpu_seconds"] = setting.broker.cpu_seconds() - broker
            result["peak_rss_mb"] = processes.peak_rss(process.pid)
            result["records"] = setting.broker.end_offset() - before
            return result
        except (Failure, FileNotFoundError, ProcessLookupError) as problem:
            raise Failure(f"{self.name}: {problem}\n{shlex.join(command)}\n{processes.tail(log_path)}") from None
        finally:
            processes.stop(process)
            subprocess.run(["rm", "-rf", data, log_path], check=False)

    def send(self, setting: Setting, load: Load, port: int, seconds: float) -> dict:
        command = [os.path.join(setting.tools, "load"), "--port", str(port), "--connections", str(load.connections),
                   "--seconds", str(seconds), "--bytes", str(setting.run_bytes), "--requests", str(load.requests),
                   "--round", str(setting.next_round())]
        for body in load.bodies:
            command += ["--body", body]
        result = json.loads(processes.output(command, timeout=seconds + 120))
        result["load_cpu_seconds"] = result.pop("cpu_seconds")
        return result

    def wait_until_ready(self, setting: Setting, process: subprocess.Popen, port: int) -> None:
        """Until a small upload is answered 202, which says more than an open port: the record is on the log."""
        probe = os.path.join(setting.directory, "probe")
        command = [os.path.join(setting.tools, "load"), "--port", str(port), "--connections", "1", "--requests", "1",
                   "--patience", "20", "--body", probe, "--round", str(setting.next_round())]
        problem = ""
        for _ in range(200):
            if process.poll() is not None:
                raise Failure(f"ended while starting, status {process.returncode}")
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            problem = done.stderr.strip()
            if done.returncode == 0 and json.loads(done.stdout)["requests"] == 1:
                return
            time.sleep(0.15)
        raise Failure(f"takes no upload after 30 s: {problem}")


def floor(tools: str, hashes: bool) -> Server:
    command = [os.path.join(tools, "floor"), "--listen", "127.0.0.1:{PORT}", "--kafka", "{KAFKA}", "--topic", "{TOPIC}",
               "--max-body", "{MAX}"]
    return Server("floor" if hashes else "floor-no-sha", command + ([] if hashes else ["--no-sha"]), 10**15)


def fedgate(name: str, path: str, envelope: str, more: list[str]) -> Server:
    # Braces in the caller's own arguments are not ours to fill.
    more = [part.replace("{", "{{").replace("}", "}}") for part in more]
    return Server(f"{name} {envelope}", [
        path, "serve", "--listen", "127.0.0.1:{PORT}", "--data", "{DATA}", "--kafka", "{KAFKA}", "--envelope", envelope,
        "--compression", "none", "--max-body", "{MAX}", "--no-aggregator", *more], 10**15)
