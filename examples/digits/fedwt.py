"""FEDWT001, the byte layout of a set of weights: a list of NumPy arrays and a JSON object."""

import io
import json
import pickle
import struct

import numpy as np

MAGIC = b"FEDWT001"


def encode(arrays, metadata=None):
    """Writes arrays, all of them dense; metadata["layer_names"] may name them."""
    arrays = [np.asarray(a) for a in arrays]
    text = json.dumps(metadata or {}).encode()
    out = [MAGIC, struct.pack("<II", len(arrays), len(text)), text]
    for a in arrays:
        name = str(a.dtype.newbyteorder("=")).encode()
        out.append(struct.pack(f"<B{a.ndim}IB", a.ndim, *a.shape, len(name)) + name + struct.pack("<Q", a.size))
    for index, a in enumerate(arrays):
        data = a.astype(a.dtype.newbyteorder("<"), copy=False).tobytes()
        out += [struct.pack("<IBQ", index, 0, len(data)), data]
    return b"".join(out)


class Cursor:
    """Reads on from where it stands, and says where the bytes ended when there are too few."""

    def __init__(self, data):
        self.data, self.at = memoryview(data), 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError(f"offset {self.at}: {count} bytes are needed, {len(self.data) - self.at} are left")
        self.at += count
        return self.data[self.at - count:self.at]

    def unpack(self, layout):
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))


def decode(data):
    """Reads what `encode` or the gateway wrote: the arrays and the metadata."""
    cursor = Cursor(data)
    if cursor.take(8) != MAGIC:
        raise ValueError("offset 0: this is no FEDWT001")
    count, length = cursor.unpack("II")
    metadata = json.loads(bytes(cursor.take(length)))
    specs = []
    for _ in range(count):
        shape = cursor.unpack(f"{cursor.unpack('B')[0]}I")
        dtype = np.dtype(bytes(cursor.take(cursor.unpack("B")[0])).decode())
        specs.append((shape, dtype.newbyteorder("<"), cursor.unpack("Q")[0]))
    arrays = [None] * count
    for _ in range(count):
        index, flag, length = cursor.unpack("IBQ")
        shape, dtype, size = specs[index]
        body = Cursor(cursor.take(length))
        if flag == 0:
            arrays[index] = np.frombuffer(body.take(size * dtype.itemsize), dtype).reshape(shape)
        elif flag == 1:
            arrays[index] = decode_pickled(body.take(length), shape, dtype)
        elif flag == 2:
            arrays[index] = decode_sparse(body, shape, dtype)
        else:
            raise ValueError(f"offset {cursor.at - length - 9}: flag {flag} is not read here")
        if body.at != length:
            raise ValueError(f"array {index}: {length - body.at} bytes too many")
    if cursor.at != len(cursor.data):
        raise ValueError(f"offset {cursor.at}: bytes behind the end")
    return arrays, metadata


class ArraysOnly(pickle.Unpickler):
    """Makes NumPy arrays and nothing else: a pickle from elsewhere could call any function."""

    KNOWN = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}

    def find_class(self, module, name):
        if (module.replace("numpy._core", "numpy.core"), name) not in self.KNOWN:
            raise ValueError(f"the pickle of a sparse array names {module}.{name}")
        return super().find_class(module, name)


def decode_pickled(body, shape, dtype):
    """Reads the same as a pickled dict, as the protocol's first implementation writes it."""
    record = ArraysOnly(io.BytesIO(body)).load()
    array = np.zeros(shape, dtype)
    array[tuple(record["indices"])] = record["values"]
    return array


def decode_sparse(body, shape, dtype):
    """Reads coordinates and values, one row of coordinates a dimension; all else is zero."""
    if body.unpack(f"{body.unpack('I')[0]}I") != shape:
        raise ValueError(f"a sparse array's shape is not {shape}")
    nonzero = body.unpack("Q")[0]
    coordinates = [np.frombuffer(body.take(4 * nonzero), "<u4") for _ in shape]
    array = np.zeros(shape, dtype)
    array[tuple(coordinates)] = np.frombuffer(body.take(nonzero * dtype.itemsize), dtype)
    return array
