"""Every format as the library that defines it writes and reads it: arrays by name to bytes, and back."""

import base64
import functools
import gzip
import io
import json
import pickle
from dataclasses import dataclass, field

import lz4.frame
import ml_dtypes  # noqa: F401  tells NumPy of bfloat16 and the 8-bit floats
import msgpack
import msgpack_numpy
import numpy as np
import safetensors
import safetensors.numpy
import zstandard
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from weights import Cursor, Record, assemble, decode, encode

NUMPY = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
         "bool"]
NARROW = ["bfloat16", "float8_e4m3fn", "float8_e5m2"]
DTYPES = NUMPY + NARROW


def values(dtype):
    """Arrays of one dtype: limits and signed zeros, a scalar, nothing at all, three dimensions."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        flat = np.array([True, False, True, True, False, True])
    elif dtype.kind in "iu":
        limits = np.iinfo(dtype)
        flat = np.array([limits.min, limits.max, 0, 1, 2, 3], dtype)
    else:
        flat = np.array([0.0, -0.0, 1.0, -1.5, 0.25, 2.0], np.float64).astype(dtype)
    return {"flat": flat, "scalar": flat[3:4].reshape(()), "empty": flat[:0].reshape(0, 3), "cube": flat.reshape(1, 2, 3)}


def some(dtype):
    """Those of which there are bytes: a request without a body is none."""
    return {name: array for name, array in values(dtype).items() if array.size}


def mostly_zero(dtype):
    """Arrays that are written sparse."""
    array = np.zeros((6, 10), dtype)
    array[1, 2] = array[5, 9] = 1
    line = np.zeros(64, dtype)
    line[7] = 2
    return {"matrix": array, "line": line}


def many(dtype):
    """An array that is worth compressing."""
    return {"many": np.tile(values(dtype)["flat"], 5000)}


def to_fedwt(arrays):
    return encode(list(arrays.values()), {"layer_names": list(arrays)})


def from_fedwt(body):
    arrays, metadata = decode(body)
    return dict(zip(metadata.get("layer_names", range(len(arrays))), arrays))


def to_coo(arrays):
    """As coordinates and values, flag 2."""
    records = []
    for array in arrays.values():
        places = np.nonzero(array)
        data = np.uint32(array.ndim).tobytes() + np.array(array.shape, "<u4").tobytes()
        data += np.uint64(len(places[0])).tobytes() + b"".join(place.astype("<u4").tobytes() for place in places)
        records.append(Record(str(array.dtype), array.shape, data + array[places].tobytes(), flag=2))
    return assemble(*records, metadata=json.dumps({"layer_names": list(arrays)}).encode())


def to_pickled_sparse(arrays):
    """As the protocol's first implementation writes what is mostly zero, flag 1."""
    records = []
    for array in arrays.values():
        places = np.nonzero(array)
        record = {"shape": array.shape, "dtype": str(array.dtype), "indices": [i.astype(np.uint32) for i in places],
                  "values": array[places]}
        records.append(Record(str(array.dtype), array.shape, pickle.dumps(record), flag=1))
    return assemble(*records, metadata=json.dumps({"layer_names": list(arrays)}).encode())


def from_pickled_sparse(body):
    """What the protocol's first implementation does with flag 1."""
    cursor = Cursor(body)
    _, count, length = cursor.take(8), *cursor.unpack("II")
    names = json.loads(bytes(cursor.take(length)))["layer_names"]
    for _ in range(count):
        cursor.unpack(f"{cursor.unpack('B')[0]}I")
        cursor.take(cursor.unpack("B")[0] + 8)
    arrays = {}
    for _ in range(count):
        index, flag, length = cursor.unpack("IBQ")
        data = cursor.take(length)
        if flag == 1:
            record = pickle.loads(data)
            array = arrays[names[index]] = np.zeros(record["shape"], record["dtype"])
            array[tuple(record["indices"])] = record["values"]
    return arrays


def to_npz(save):
    def write(arrays):
        out = io.BytesIO()
        save(out, **arrays)
        return out.getvalue()
    return write


def from_npz(body):
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def to_npy(arrays):
    out = io.BytesIO()
    np.save(out, *arrays.values())
    return out.getvalue()


def from_npy(body):
    return {None: np.load(io.BytesIO(body), allow_pickle=False)}


SAFETENSORS = {"F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
               "F8_E5M2": "float8_e5m2", "BOOL": "bool", **{f"{k}{n}": f"{'u' * (k == 'U')}int{n}"
                                                           for k in "IU" for n in (8, 16, 32, 64)}}


def from_safetensors(body):
    """By the library's core, since its NumPy face does not know the narrow floats."""
    return {name: np.frombuffer(tensor["data"], SAFETENSORS[tensor["dtype"]]).reshape(tensor["shape"])
            for name, tensor in safetensors.deserialize(body)}


@functools.cache
def weight_message():
    """The message of proto/weight_message.proto, as the real library reads it."""
    file = descriptor_pb2.FileDescriptorProto(name="weights.proto", package="t", syntax="proto3")
    kinds = {"uint32": 13, "uint64": 4, "string": 9, "bytes": 12}
    array = file.message_type.add(name="WeightArray")
    for number, (name, kind, label) in enumerate([("layer_id", "uint32", 1), ("shape", "uint64", 3), ("dtype", "string", 1),
                                                  ("data", "bytes", 1), ("name", "string", 1)], 1):
        array.field.add(name=name, number=number, type=kinds[kind], label=label)
    whole = file.message_type.add(name="WeightMessage")
    entry = whole.nested_type.add(name="MetadataEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=9, label=1)
    entry.field.add(name="value", number=2, type=9, label=1)
    whole.field.add(name="metadata", number=1, type=11, label=3, type_name=".t.WeightMessage.MetadataEntry")
    whole.field.add(name="weights", number=2, type=11, label=3, type_name=".t.WeightArray")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.WeightMessage"))


def to_protobuf(arrays):
    message = weight_message()(metadata={"site": "a"})
    for number, (name, array) in enumerate(arrays.items()):
        message.weights.add(layer_id=number, shape=array.shape, dtype=str(array.dtype), data=array.tobytes(), name=name)
    return message.SerializeToString()


def from_protobuf(body):
    message = weight_message().FromString(body)
    return {w.name: np.frombuffer(w.data, np.dtype(w.dtype)).reshape(tuple(w.shape)) for w in message.weights}


def to_msgpack(arrays):
    def packed(array):
        if str(array.dtype) not in NARROW:
            return msgpack_numpy.encode(array)
        # What msgpack-numpy reads, though it cannot write it: the type by its name.
        return {b"nd": True, b"type": str(array.dtype), b"kind": b"", b"shape": array.shape, b"data": array.tobytes()}
    weights = [{**packed(array), b"name": name} for name, array in arrays.items()]
    return msgpack.packb({"weights": weights, "metadata": {}})


def from_msgpack(body):
    decoded = msgpack.unpackb(body, object_hook=msgpack_numpy.decode)
    names = [m[b"name"] if b"name" in m else m["name"] for m in msgpack.unpackb(body, raw=False, strict_map_key=False)["weights"]]
    return dict(zip(names, decoded["weights"]))


def to_json(arrays):
    return json.dumps({"weights": [
        {"name": name, "shape": a.shape, "dtype": str(a.dtype), "data": base64.b64encode(a.tobytes()).decode()}
        for name, a in arrays.items()]}).encode()


def from_json(body):
    return {w["name"]: np.frombuffer(base64.b64decode(w["data"]), np.dtype(w["dtype"])).reshape(w["shape"])
            for w in json.loads(body)["weights"]}


def to_nested(arrays):
    """As lists of numbers, as a person types them."""
    def plain(a):
        return a.astype(np.float64).tolist() if a.dtype.kind in "fV" else a.tolist()
    return json.dumps({"weights": [{"name": name, "shape": a.shape, "dtype": str(a.dtype), "data": plain(a)}
                                   for name, a in arrays.items()]}).encode()


def to_multipart(arrays):
    """An array a part: a .npy file where NumPy has the type, and bare elements where not."""
    out = b""
    for name, array in arrays.items():
        kind, data = "", array.tobytes()
        if str(array.dtype) in NARROW:
            kind = f'\r\nContent-Type: application/octet-stream; dtype={array.dtype}; shape="{",".join(map(str, array.shape))}"'
        else:
            data = to_npy({name: array})
        head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"{kind}\r\n\r\n'
        out += head.encode() + data + b"\r\n"
    return out + b"--xyz--\r\n"


@dataclass
class Format:
    """A format, and who else writes and reads it."""

    library: str
    write: object = None
    read: object = None
    query: str = ""
    headers: dict = field(default_factory=dict)
    accept: dict = field(default_factory=dict)
    arrays: object = values
    # Options of `fedgate convert`, where that is what writes it.
    convert: tuple = ()
    # It holds one array.
    single: bool = False
    # Types that it has no way to say, when a library writes and when it reads.
    lacks_in: tuple = ()
    lacks_out: tuple = ()


def _raw_query(array):
    return f"dtype={array.dtype}&shape={','.join(map(str, array.shape))}"


N = tuple(NARROW)
FORMATS = {
    "binary_custom": Format("examples/digits", to_fedwt, from_fedwt, "format=binary_custom"),
    "binary_custom, coo": Format("by hand", to_coo, from_fedwt, "format=binary_custom", arrays=mostly_zero,
                                  convert=("--sparse", "coo")),
    "binary_custom, pickled": Format("pickle", to_pickled_sparse, from_pickled_sparse, "format=binary_custom",
                                      arrays=mostly_zero, convert=("--sparse", "pickle"), lacks_out=N),
    "numpy_pickle": Format("pickle, ml_dtypes", pickle.dumps, pickle.loads, "format=numpy_pickle", lacks_out=N),
    "protobuf": Format("protobuf", to_protobuf, from_protobuf, "format=protobuf"),
    "msgpack": Format("msgpack-numpy", to_msgpack, from_msgpack, "format=msgpack"),
    "json_base64": Format("json, base64", to_json, from_json, "format=json_base64"),
    "json, nested lists": Format("json", to_nested, None, "format=json"),
    "npy": Format("numpy", to_npy, from_npy, "format=npy", single=True, lacks_in=N, lacks_out=N),
    "npz, stored": Format("numpy", to_npz(np.savez), from_npz, "format=npz", lacks_in=N, lacks_out=N),
    "npz, deflated": Format("numpy", to_npz(np.savez_compressed), None, "format=npz", lacks_in=N),
    "safetensors": Format("safetensors", safetensors.numpy.save, from_safetensors, "format=safetensors"),
    "raw": Format("numpy", lambda a: next(iter(a.values())).tobytes(), lambda body: {None: body}, _raw_query, arrays=some,
                  single=True),
    "multipart": Format("numpy", to_multipart, None,
                        headers={"Content-Type": "multipart/form-data; boundary=xyz"}, lacks_in=N),
    "in gzip": Format("gzip", lambda a: gzip.compress(to_fedwt(a)), lambda b: from_fedwt(gzip.decompress(b)),
                      headers={"Content-Encoding": "gzip"}, accept={"Accept-Encoding": "gzip"}, arrays=many),
    "in zstd": Format("zstandard", lambda a: zstandard.compress(to_fedwt(a)),
                      lambda b: from_fedwt(zstandard.ZstdDecompressor().decompressobj().decompress(b)),
                      headers={"Content-Encoding": "zstd"}, accept={"Accept-Encoding": "zstd"}, arrays=many),
    "in lz4": Format("lz4", lambda a: lz4.frame.compress(to_fedwt(a)), None, headers={"Content-Encoding": "lz4"}),
    "in zstd in gzip": Format("zstandard, gzip", lambda a: gzip.compress(zstandard.compress(to_fedwt(a))), None,
                              headers={"Content-Encoding": "zstd, gzip"}),
}
