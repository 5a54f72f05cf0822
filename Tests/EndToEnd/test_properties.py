"""Round trips of whatever arrays there may be: shapes, orders, special values, names.

The gateway computes a mean, in which a NaN loses its payload; `fedgate convert` changes no bit.
"""

import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from fedgate import PROGRAM
from libraries import FORMATS, NARROW, NUMPY, to_npz
from weights import same

# The same few examples each time; FEDGATE_EXAMPLES=1000 looks at so many others.
COUNT = int(os.environ.get("FEDGATE_EXAMPLES", 50))
EXAMPLES = settings(
    max_examples=COUNT, deadline=None, derandomize="FEDGATE_EXAMPLES" not in os.environ, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

SHAPES = st.one_of(
    st.just(()), arrays_of.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5),
    st.integers(5, 32).map(lambda n: (1,) * n), st.sampled_from([(0,), (3, 0, 2), (1000,), (33, 65)]))

# Bits that are easily lost: signed zeros, NaNs with payloads and signs, quiet and signalling, denormals, infinities, limits.
SPECIAL = {
    2: [0x0000, 0x8000, 0x7e00, 0xfe01, 0x7c01, 0x7c00, 0xfc00, 0x0001, 0x83ff, 0x7bff],
    4: [0, 0x80000000, 0x7fc00000, 0xffc12345, 0x7f800001, 0x7f800000, 0xff800000, 1, 0x807fffff, 0x7f7fffff],
    8: [0, 1 << 63, 0x7ff8 << 48, (0xfff8 << 48) | 12345, (0x7ff0 << 48) | 1, 0x7ff0 << 48, 0xfff0 << 48, 1, (1 << 63) | 1],
    1: [0, 0x80, 0x7f, 0xff, 0x7e, 1, 0x81],
}


@st.composite
def arrays(draw, dtypes):
    """An array of any bits, in C or Fortran order, a view with strides, or in the other byte order."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(SHAPES)
    count = int(np.prod(shape))
    if dtype == bool:
        bits = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)) if count < 200 else [1] * count, bool)
    else:
        unsigned = np.dtype(f"u{dtype.itemsize}")
        pool = SPECIAL[dtype.itemsize] + draw(st.lists(st.integers(0, 2 ** (8 * dtype.itemsize) - 1), max_size=8))
        random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        bits = np.array(pool, unsigned)[random.integers(0, len(pool), count)] if count else np.zeros(0, unsigned)
    array = bits.view(dtype).reshape(shape)
    layout = draw(st.sampled_from(["C", "F", "reversed", "axes", "swapped"]))
    if layout == "F":
        return np.asfortranarray(array).reshape(shape)
    if layout == "reversed" and array.ndim:
        return array[::-1]
    if layout == "axes":
        return array.transpose(draw(st.permutations(range(array.ndim))))
    if layout == "swapped" and str(dtype) not in NARROW:
        return array.astype(dtype.newbyteorder(">")) if dtype.kind in "iu" else array.byteswap().view(dtype.newbyteorder(">"))
    return array


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20).filter(
    lambda name: ".." not in name and "\\" not in name and all(name.split("/")[:-1]))


def sets(dtypes):
    return st.dictionaries(NAMES, arrays(dtypes), min_size=1, max_size=4)


def normal(array):
    """As the gateway keeps arrays: in C order, little-endian."""
    return np.array(array.astype(array.dtype.newbyteorder("<")) if array.dtype.kind in "iub" else little(array), order="C",
                    ndmin=0)


def little(array):
    """Without arithmetic, which would quiet a signalling NaN."""
    if array.dtype.byteorder != ">":
        return array
    return np.ascontiguousarray(array).reshape(array.shape).byteswap().view(array.dtype.newbyteorder("<"))


def convert(directory, body, source, target):
    """Through the program, from one format to the other."""
    (Path(directory) / "from").write_bytes(body)
    done = subprocess.run([PROGRAM, "convert", "--from", source, "--to", target, "from", "to"], cwd=directory,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (Path(directory) / "to").read_bytes()


CASES = [
    # A library that writes; what it cannot write is left out of its examples.
    ("npz, stored", NUMPY), ("npz, deflated", NUMPY), ("numpy_pickle", NUMPY + NARROW), ("protobuf", NUMPY + NARROW),
    ("msgpack", NUMPY + NARROW), ("json_base64", NUMPY + NARROW), ("safetensors", NUMPY + NARROW),
    ("binary_custom", NUMPY + NARROW),
]
# What keeps its own order and layout in the file, rather than what `tobytes` makes of it.
KEEPS_LAYOUT = ("npz, stored", "npz, deflated", "numpy_pickle")


@pytest.mark.parametrize("name, dtypes", CASES, ids=[name for name, _ in CASES])
def test_arrays_come_back_bit_for_bit(tmp_path, name, dtypes):
    format = FORMATS[name]
    source = name.split(",")[0]

    @EXAMPLES
    @given(sets(dtypes))
    def check(given):
        expected = {key: normal(array) for key, array in given.items()}
        body = format.write(given if name in KEEPS_LAYOUT else expected)
        within = convert(tmp_path, body, source, "fedwt")
        assert agree(FORMATS["binary_custom"].read(within), expected), "as FEDWT001"
        if format.read and not any(str(a.dtype) in format.lacks_out for a in expected.values()):
            back = convert(tmp_path, within, "fedwt", source)
            assert agree(format.read(back), expected), "as it was"

    check()


def agree(got, expected):
    return list(map(str, sorted(got))) == sorted(expected) and all(
        same([np.asarray(got[name])], [expected[name]]) for name in expected)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_every_protocol(tmp_path, protocol):
    @EXAMPLES
    @given(sets(NUMPY))
    def check(given):
        body = convert(tmp_path, pickle.dumps(given, protocol), "pickle", "fedwt")
        assert agree(FORMATS["binary_custom"].read(body), {key: normal(array) for key, array in given.items()})

    check()


def test_a_chain_of_all_formats_loses_nothing(tmp_path):
    @settings(EXAMPLES, max_examples=max(1, COUNT // 3))
    @given(sets(NUMPY))
    def check(given):
        body, source = to_npz(np.savez)(given), "npz"
        for target in ("safetensors", "msgpack", "protobuf", "json", "pickle", "fedwt", "npz"):
            body, source = convert(tmp_path, body, source, target), target
        assert agree(FORMATS["npz, stored"].read(body), {key: normal(array) for key, array in given.items()})

    check()
