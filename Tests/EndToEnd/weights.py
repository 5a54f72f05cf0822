"""Weights as the tests need them: by NumPy, and byte by byte where NumPy has no such dtype or the bytes are wrong."""

import json
import struct
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "digits"))

from fedwt import Cursor, decode, encode  # noqa: E402  what the examples use is what is tested

__all__ = ["Cursor", "Record", "assemble", "decode", "encode", "mean", "same", "sparse"]


def mean(updates):
    """The weighted mean of [(samples, arrays)], as protocol.md defines it: in float64, in the order counted."""
    total = sum(samples for samples, _ in updates)
    out = []
    for arrays in zip(*(arrays for _, arrays in updates)):
        accumulated = np.zeros(arrays[0].shape, np.float64)
        for (samples, _), array in zip(updates, arrays):
            accumulated += float(samples) * array.astype(np.float64)
        out.append(cast(accumulated / total, arrays[0].dtype))
    return out


def cast(values, dtype):
    """Back to the updates' dtype: bool by majority, integers to even and saturated."""
    if dtype == bool:
        return values >= 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
    return values.astype(dtype)


def same(left, right):
    """Whether two lists of arrays have the same shapes, dtypes and bits."""
    return len(left) == len(right) and all(
        a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(left, right))


class Record:
    """One array, each of whose fields can be made to lie."""

    def __init__(self, dtype, shape, data, *, count=None, flag=0, length=None, index=None):
        self.dtype, self.shape, self.data, self.flag, self.index = dtype, shape, data, flag, index
        self.count = int(np.prod(shape, dtype=object)) if count is None else count
        self.length = len(data) if length is None else length


def assemble(*records, magic=b"FEDWT001", count=None, metadata=b"{}", metadata_length=None):
    """FEDWT001 from its fields."""
    out = magic + struct.pack("<II", len(records) if count is None else count,
                              len(metadata) if metadata_length is None else metadata_length) + metadata
    for r in records:
        name = r.dtype.encode()
        out += struct.pack(f"<B{len(r.shape)}IB", len(r.shape), *r.shape, len(name)) + name + struct.pack("<Q", r.count)
    for position, r in enumerate(records):
        out += struct.pack("<IBQ", position if r.index is None else r.index, r.flag, r.length) + r.data
    return out


def sparse(array, metadata=None):
    """One array as coordinates and values (flag 2)."""
    places = np.nonzero(array)
    data = struct.pack(f"<I{array.ndim}IQ", array.ndim, *array.shape, len(places[0]))
    data += b"".join(place.astype("<u4").tobytes() for place in places) + array[places].tobytes()
    return assemble(Record(str(array.dtype), array.shape, data, flag=2), metadata=json.dumps(metadata or {}).encode())
