"""A throw-away Kafka."""

import random
import socket
import subprocess


def is_free(port):
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_ports(nodes):
    """A port such that it and those that a cluster derives from it are free."""
    while True:
        port = random.randrange(20000, 30000)
        if all(is_free(port + offset + node) for offset in (0, 50, 101) for node in range(nodes)):
            return port


class Cluster:
    """Brokers on this machine that can be killed, by number, from 1."""

    def __init__(self, home, directory, nodes=1, *options):
        self.options = options
        self.script, self.directory, self.nodes = f"{home}/bin/local-cluster", str(directory), nodes

    def run(self, *arguments):
        done = subprocess.run(
            [self.script, *arguments, "-d", self.directory], stdin=subprocess.DEVNULL, capture_output=True, timeout=240)
        assert done.returncode == 0, done
        return done.stdout.decode().strip()

    def start(self):
        self.brokers = self.run("start", "-n", str(self.nodes), "-p", str(free_ports(self.nodes)), *self.options).splitlines()[-1]
        return self.brokers

    def kill(self, *node):
        self.run("kill", *map(str, node))

    def pause(self, *node):
        """The brokers take connections and answer nothing."""
        self.run("pause", *map(str, node))

    def resume(self, *node):
        self.run("resume", *map(str, node))

    def up(self):
        self.run("up")

    def destroy(self):
        self.run("destroy")
