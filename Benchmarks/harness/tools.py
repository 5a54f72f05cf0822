"""The benchmark's C programs, each one file, compiled where they are needed."""

import os

from . import processes
from .gateway import ROOT

HERE = os.path.join(ROOT, "Benchmarks")
DIRECTORY = os.path.join(ROOT, ".build", "benchmarks")
PROGRAMS = {
    "floor": ("floor/floor.c", ["libmicrohttpd", "rdkafka", "libcrypto"]),
    "producer": ("producer/producer.c", ["rdkafka"]),
    "topic": ("producer/topic.c", ["rdkafka"]),
    "load": ("load/load.c", []),
    "polls": ("load/polls.c", []),
}


def build(*names: str) -> str:
    """Compiles the programs, all unless some are named, with the C compiler at hand; returns the directory that they are in."""
    os.makedirs(DIRECTORY, exist_ok=True)
    for name in names or PROGRAMS:
        source, libraries = PROGRAMS[name]
        flags = processes.output(["pkg-config", "--cflags", "--libs", *libraries], 20).split() if libraries else []
        command = [os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra",
                   os.path.join(HERE, source), "-o", os.path.join(DIRECTORY, name), *flags, "-pthread"]
        processes.output(command, 120)
    return DIRECTORY
