"""What was aimed at and what was seen: the lines of the table that `all` ends with."""

import json
from statistics import median

from .table import aligned


class Report:
    """Lines of one part of the benchmarks."""

    def __init__(self, part: str):
        self.part = part
        self.lines: list[dict] = []

    def at_least(self, what: str, value: float, aim: float, unit: str = "", digits: int = 2) -> None:
        self._add(what, f"{value:,.{digits}f}", f"≥ {aim:g}", unit, value >= aim)

    def at_most(self, what: str, value: float, aim: float, unit: str = "", digits: int = 0) -> None:
        self._add(what, f"{value:,.{digits}f}", f"≤ {aim:g}", unit, value <= aim)

    def holds(self, what: str, measured: str, aim: str, met: bool) -> None:
        self._add(what, measured, aim, "", met)

    def seen(self, what: str, measured: str) -> None:
        """Something without an aim."""
        self.lines.append({"part": self.part, "what": what, "measured": measured, "aim": "", "met": None})

    def _add(self, what: str, measured: str, aim: str, unit: str, met: bool) -> None:
        unit = unit and " " + unit
        self.lines.append({"part": self.part, "what": what, "measured": measured + unit, "aim": aim + unit, "met": met})

    def write(self, path: str | None) -> None:
        if path:
            with open(path, "w") as file:
                json.dump(self.lines, file, indent=1)


def show(lines: list[dict]) -> str:
    verdict = {True: "met", False: "NOT MET", None: ""}
    rows = [["part", "what", "measured", "aim", ""]]
    rows += [[line["part"], line["what"], line["measured"], line["aim"], verdict[line["met"]]] for line in lines]
    return "\n".join(aligned(rows, left=2))


def spread(values: list[float], digits: int = 0) -> str:
    """The median, and between what all lie."""
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"
