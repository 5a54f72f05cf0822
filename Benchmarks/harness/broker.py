"""The Kafka side: a throw-away broker or somebody's, and the topic that the records go to."""

import json
import os
import shutil
import subprocess

from . import processes
from .processes import Failure

TOPIC = "federated_weight_updates"
MAX_RECORD = 32 * 1024 * 1024
# A deleted segment's file normally stays for a minute, which at these rates would fill the memory that it lies in.
TOPIC_SETTINGS = {
    "max.message.bytes": MAX_RECORD, "retention.bytes": 500_000_000, "segment.bytes": 100_000_000,
    "file.delete.delay.ms": 1000,
}
BROKER_SETTINGS = {
    "socket.receive.buffer.bytes": -1, "socket.send.buffer.bytes": -1, "message.max.bytes": MAX_RECORD,
    "socket.request.max.bytes": 4 * MAX_RECORD, "log.segment.bytes": 100_000_000, "log.retention.bytes": 500_000_000,
    "log.retention.check.interval.ms": 1000, "log.initial.task.delay.ms": 500, "log.segment.delete.delay.ms": 1000,
}


class Broker:
    """Where the records go; `pid` is 0 for a broker that is not ours."""

    def __init__(self, tools: str, address: str | None, directory: str):
        self.topic_tool = os.path.join(tools, "topic")
        self.directory = os.path.join(directory, "kafka")
        self.ours = address is None
        self.pid = 0
        self.address = address or ""

    def start(self, may_delete: bool) -> None:
        if self.ours:
            self.start_cluster(BROKER_SETTINGS)
        elif json.loads(self.tool("ends"))["high"] > 0 and not may_delete:
            raise Failure(f"{self.address} has records in {TOPIC}, and the benchmark deletes them: "
                          "--may-delete-records says that it may")
        self.tool("create", *(f"{key}={value}" for key, value in TOPIC_SETTINGS.items()))

    def start_cluster(self, settings: dict, heap: str = "2g") -> None:
        """Makes a broker of KAFKA_HOME's under the directory."""
        home = os.environ.get("KAFKA_HOME")
        script = os.path.join(home or "", "bin", "local-cluster")
        if not home or not os.access(script, os.X_OK):
            raise Failure("a broker is needed: set KAFKA_HOME to a Kafka with bin/local-cluster, or name one by --kafka HOST:PORT")
        self.script = script
        port = processes.free_port(50, 101)
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        environment = os.environ | {"KAFKA_HEAP_OPTS": f"-Xms{heap} -Xmx{heap}"}
        # Its output is a file: the broker inherits it and outlives the script, so a pipe would never end.
        log_path = self.directory + ".start"
        with open(log_path, "w+b") as log:
            done = subprocess.run([script, "start", "-n", "1", "-d", self.directory, "-p", str(port), *flags],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True)
        if done.returncode != 0:
            raise Failure("the broker did not start:\n" + processes.tail(log_path))
        self.address = f"127.0.0.1:{port}"
        with open(os.path.join(self.directory, "node-1", "pid")) as file:
            self.pid = int(file.read())

    def tool(self, command: str, *rest: str) -> str:
        return processes.output([self.topic_tool, command, self.address, TOPIC, *rest], timeout=60)

    def end_offset(self) -> int:
        """Records ever written to the topic; trimming does not change it."""
        return json.loads(self.tool("ends"))["high"]

    def trim(self) -> None:
        self.tool("trim")

    def cpu_seconds(self) -> float:
        return processes.cpu_seconds(self.pid) if self.pid else 0.0

    def stop(self) -> None:
        if self.ours and os.path.isdir(self.directory):
            subprocess.run([self.script, "destroy", "-d", self.directory], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            shutil.rmtree(self.directory, ignore_errors=True)
