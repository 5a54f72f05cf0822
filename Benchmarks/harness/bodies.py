"""FEDWT001 files to upload: one float32 array of random finite values."""

import json
import os
import struct

BLOCK = 4_000_000
# A float32's top byte is its sign and the upper seven bits of its exponent: these four keep every value finite and near 1.
TOP_BYTES = bytes(b"\x3e\x3f\xbe\xbf"[value & 3] for value in range(256))


def random_floats(size: int) -> bytes:
    """Returns `size` bytes, a multiple of four, of little-endian float32."""
    values = bytearray(os.urandom(size))
    values[3::4] = values[3::4].translate(TOP_BYTES)
    return bytes(values)


def head(elements: int, variant: str) -> bytes:
    """Returns all that precedes the array's bytes."""
    metadata = json.dumps({"benchmark": variant}).encode()
    return b"".join([
        b"FEDWT001", struct.pack("<II", 1, len(metadata)), metadata,
        struct.pack("<BI", 1, elements), struct.pack("<B", 7), b"float32", struct.pack("<Q", elements),
        struct.pack("<IBQ", 0, 0, 4 * elements),
    ])


def write(path: str, size: int, variant: str) -> int:
    """Writes a body of at most `size` bytes (less by up to three) and returns its size."""
    elements = (size - len(head(0, variant))) // 4
    if elements < 1:
        raise ValueError(f"a body of {size} bytes has no room for an array")
    rest = 4 * elements
    block = random_floats(min(rest, BLOCK))
    with open(path, "wb") as file:
        file.write(head(elements, variant))
        while rest > 0:
            file.write(block[:rest])
            rest -= min(rest, len(block))
        return file.tell()
