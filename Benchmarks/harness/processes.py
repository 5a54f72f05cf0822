"""Processes that end with the benchmark, and what the kernel says about them."""

import os
import signal
import socket
import subprocess

TICKS = os.sysconf("SC_CLK_TCK")
running: list[subprocess.Popen] = []


class Failure(Exception):
    """Something that the person at the terminal must know; ends the benchmark."""


def start(command: list[str], log_path: str) -> subprocess.Popen:
    """Starts a process in a session of its own, so that Ctrl-C reaches it only through `stop`."""
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    running.append(process)
    return process


def stop(process: subprocess.Popen, patience: float = 45) -> None:
    """Asks the process to end, then makes it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process in running:
        running.remove(process)


def stop_all() -> None:
    for process in list(running):
        stop(process, patience=3)


def output(command: list[str], timeout: float) -> str:
    """Runs a program to its end and returns what it printed; what it says on stderr goes into the failure."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    running.append(process)
    try:
        out, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failure(f"{os.path.basename(command[0])} did not end in {timeout:.0f} s") from None
    finally:
        stop(process, patience=3)
    if process.returncode != 0:
        raise Failure(f"{os.path.basename(command[0])}: {errors.strip() or process.returncode}")
    if errors.strip():
        print(errors.strip(), flush=True)
    return out


def tail(path: str, lines: int = 15) -> str:
    with open(path, errors="replace") as file:
        return "".join(file.readlines()[-lines:])


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, all its threads, those that ended too."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_rss(pid: int) -> float:
    """Megabytes that were resident at most."""
    return _status(pid, "VmHWM:")


def resident(pid: int) -> float:
    """Megabytes that are resident now."""
    return _status(pid, "VmRSS:")


def _status(pid: int, field: str) -> float:
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(field):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def free_port(*more: int) -> int:
    """A port P of 127.0.0.1 that is free, and P + offset for every further offset."""
    for _ in range(200):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if all(port + offset < 65536 and is_free(port + offset) for offset in more):
            return port
    raise Failure("no free port")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
