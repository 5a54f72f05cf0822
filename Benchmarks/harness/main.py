"""How every part begins and ends: signals, a directory of its own, failures as one line, the report."""

import os
import shutil
import signal
import sys
import tempfile
from typing import Callable

from . import processes
from .processes import Failure
from .report import Report, show


def interrupted(number: int, frame) -> None:
    raise KeyboardInterrupt


def run(part: str, measure: Callable[[Report, str], None], parent: str | None, report_path: str | None) -> int:
    """Calls `measure` with a report and a directory that is gone afterwards, as are all processes; prints the report."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    directory = tempfile.mkdtemp(prefix=f"fedgate-{part}-", dir=parent)
    report = Report(part)
    try:
        measure(report, directory)
        print("\n" + show(report.lines), flush=True)
        return 0
    except Failure as problem:
        print(f"benchmark: {problem}", file=sys.stderr)
        report.holds("the run", "failed: " + str(problem).splitlines()[0], "", False)
        return 1
    except KeyboardInterrupt:
        print("benchmark: interrupted", file=sys.stderr)
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        processes.stop_all()
        shutil.rmtree(directory, ignore_errors=True)
        report.write(report_path)


def size_of(text: str) -> int:
    """Bytes of `10k`, `1.5m`, `1g`."""
    units = {"k": 10**3, "m": 10**6, "g": 10**9}
    unit = units.get(text[-1:].lower(), 1)
    return int(float(text[:-1] if unit > 1 else text) * unit)


def noise() -> str:
    """How busy the machine is with others, for the record."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
