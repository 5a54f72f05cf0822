"""Every format, every dtype, both directions, against the library that defines the format; `-s` prints the table.

    .venv/bin/python -m pytest Tests/EndToEnd/test_formats_table.py -s

In: the library writes, the gateway takes it from two clients, and their mean is what they sent. Out: the gateway (or
`fedgate convert`) writes, and the library reads it. Bit for bit; where a format has no such dtype, the gateway says so.
"""

import itertools
import subprocess

import numpy as np
import pytest

from fedgate import PROGRAM, eventually
from libraries import DTYPES, FORMATS, from_fedwt, to_fedwt
from weights import same

SHORT = {"float16": "f16", "float32": "f32", "float64": "f64", "bfloat16": "bf16", "float8_e4m3fn": "e4m3",
         "float8_e5m2": "e5m2", "bool": "bool"}
CELLS = [(format, dtype, way) for format, dtype in itertools.product(FORMATS, DTYPES)
         for way in ("in", "out") if getattr(FORMATS[format], "write" if way == "in" else "read")]
MARKS = {"passes": "✓", "lacks": "–", None: "✗"}


@pytest.fixture(scope="module")
def table():
    """What came of each cell; printed at the end."""
    cells = {}
    yield cells
    width = max(len(name) for name in FORMATS) + 2
    columns = [SHORT.get(dtype, dtype.replace("uint", "u").replace("int", "i")) for dtype in DTYPES]
    lines = ["", "format".ljust(width) + "library".ljust(20) + "".join(f"{name:>6}" for name in columns)]
    for name, format in FORMATS.items():
        line = name.ljust(width) + format.library.ljust(20)
        for dtype in DTYPES:
            marks = [MARKS[cells.get((name, dtype, way))] if (name, dtype, way) in CELLS else " " for way in ("in", "out")]
            line += f"{'':3}" + " ".join(marks)
        lines.append(line)
    count = {mark: sum(1 for cell in CELLS if cells.get(cell) == mark) for mark in MARKS}
    lines += [f"in, out: ✓ passes ({count['passes']})   – the format has no such dtype ({count['lacks']})   "
              f"✗ does not pass, or was not run ({count[None]})   blank: there is no such direction", ""]
    print("\n".join(lines))


def sets(format, dtype):
    """The arrays that a cell sends together."""
    arrays = format.arrays(dtype)
    return [{name: array} for name, array in arrays.items()] if format.single else [arrays]


def agree(got, expected, format):
    """Whether what was read is what was written; bare elements have neither name nor shape."""
    if set(got) == {None}:
        (value,), (array,) = got.values(), expected.values()
        return value == array.tobytes() if isinstance(value, bytes) else same([value], [array])
    return set(got) == set(expected) and all(same([np.asarray(got[name])], [array]) for name, array in expected.items())


@pytest.fixture(scope="module")
def published(gateway):
    """Rounds whose result has these arrays, each made once."""
    numbers, rounds = itertools.count(1 << 20), {}

    def publish(key, arrays):
        if key not in rounds:
            rounds[key] = next(numbers)
            for client in "ab":
                gateway.stored(rounds[key], client, to_fedwt(arrays))
            gateway.result(rounds[key])
        return rounds[key]

    return publish


def query(format, arrays):
    text = format.query(*arrays.values()) if callable(format.query) else format.query
    return f"?{text}" if text else ""


@pytest.mark.parametrize("name, dtype, way", CELLS, ids=[" ".join(cell) for cell in CELLS])
def test_cell(gateway, fresh, published, table, tmp_path, name, dtype, way):
    format = FORMATS[name]
    lacks = dtype in (format.lacks_in if way == "in" else format.lacks_out)
    for place, arrays in enumerate(sets(format, dtype)):
        if way == "in":
            takes(gateway, fresh(), format, arrays, lacks)
        elif format.convert:
            converts(tmp_path, format, arrays, lacks)
        else:
            gives(gateway, published((dtype, format.arrays, place if format.single else "all"), arrays), format, arrays, lacks)
    table[name, dtype, way] = "lacks" if lacks else "passes"


def takes(gateway, number, format, arrays, lacks):
    body = format.write(arrays)
    for client in "ab":
        path = f"/rounds/{number}/updates/{client}{query(format, arrays)}"
        answer = gateway.request("PUT", path, body, format.headers)
        if lacks:
            assert answer.status == 422 and answer.json["array"] == 0, answer
            return
        assert answer.status == 202 and answer.json["arrays"] == len(arrays), answer
    got = from_fedwt(gateway.result(number))
    assert agree({None: next(iter(got.values()))} if format.single else got, arrays, format)


def gives(gateway, number, format, arrays, lacks):
    path = f"/rounds/{number}/result" + ("?format=raw" if callable(format.query) else query(format, arrays))

    def ask():
        answer = gateway.request("GET", path, headers=format.accept)
        # A coded copy is made once somebody has asked for it.
        coding = format.accept.get("Accept-Encoding")
        return answer if answer.headers.get("Content-Encoding") == coding else None

    answer = eventually("the result is there in its coding", ask)
    if lacks:
        assert answer.status == 406 and answer.json["array"] == 0, answer
        return
    assert answer.status == 200, answer
    assert agree(format.read(answer.body), arrays, format)


def converts(directory, format, arrays, lacks):
    (directory / "from.fedwt").write_bytes(to_fedwt(arrays))
    subprocess.run([PROGRAM, "convert", *format.convert, "from.fedwt", "to.fedwt"], cwd=directory, check=True)
    written = format.read((directory / "to.fedwt").read_bytes())
    # A dtype that the pickle cannot hold is written as coordinates.
    assert written == {} if lacks else agree(written, arrays, format)
