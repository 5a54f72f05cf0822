"""What is refused, and what the refusal says."""

import gzip
import io
import itertools
import json
import pickle
import struct
import subprocess
import warnings
import zipfile

import ml_dtypes
import msgpack
import numpy as np
import pytest

import protocol
from fedgate import PROGRAM, Gateway, eventually
from libraries import FORMATS, to_fedwt, to_multipart, weight_message
from weights import Record, assemble, encode

FOUR = Record("float32", (2, 2), b"\0" * 16)
GOOD = assemble(FOUR)
HEADER = 8 + 4 + 4 + 2  # magic, counts, "{}"


def coordinates(shape, places, values, ndim=None, nonzero=None):
    """The bytes of a sparse array."""
    data = struct.pack("<I", len(shape) if ndim is None else ndim) + struct.pack(f"<{len(shape)}I", *shape)
    data += struct.pack("<Q", len(places) if nonzero is None else nonzero)
    for dimension in range(len(shape)):
        data += struct.pack(f"<{len(places)}I", *(place[dimension] for place in places))
    return data + struct.pack(f"<{len(values)}f", *values)


def flagged(data, shape=(2, 2), **lies):
    return assemble(Record("float32", shape, data, flag=2, **lies))


# body, and where the field that is wrong begins (None: somewhere in the body)
CORRUPT = {
    "empty magic": (b"FED", None),
    "wrong magic": (b"FEDWT002" + GOOD[8:], 0),
    "no arrays": (assemble(), None),
    "too many arrays": (assemble(FOUR, count=2**32 - 1), 8),
    "metadata longer than the body": (assemble(FOUR, metadata_length=2**32 - 1), 12),
    "metadata is no object": (assemble(FOUR, metadata=b"[]"), 16),
    "metadata is no JSON": (assemble(FOUR, metadata=b"{]"), None),
    "metadata with NaN": (assemble(FOUR, metadata=b'{"a":NaN}'), None),
    "names too few": (assemble(FOUR, metadata=b'{"layer_names":[]}'), None),
    "33 dimensions": (assemble(Record("float32", (1,) * 33, b"\0" * 4)), HEADER),
    "unknown dtype": (assemble(Record("float33", (2, 2), b"\0" * 16)), None),
    "object dtype": (assemble(Record("object", (2, 2), b"\0" * 32)), None),
    "complex dtype": (assemble(Record("complex64", (2, 2), b"\0" * 32)), None),
    "the shape's product overflows 64 bits": (assemble(Record("float32", (2**32 - 1,) * 4, b"", count=0)), None),
    "the shape's product overflows to the count": (assemble(Record("float32", (2**31, 2**31, 4), b"", count=0)), None),
    "petabytes": (assemble(Record("float64", (2**25, 2**25), b"", count=2**50)), None),
    "count is not the product": (assemble(Record("float32", (2, 2), b"\0" * 16, count=5)), None),
    "length is not the count": (assemble(Record("float32", (2, 2), b"\0" * 12)), None),
    "length beyond the body": (assemble(Record("float32", (2, 2), b"\0" * 16, length=2**63)), None),
    "index out of range": (assemble(Record("float32", (2, 2), b"\0" * 16, index=1)), None),
    "index twice": (assemble(FOUR, Record("float32", (1,), b"\0" * 4, index=0)), None),
    "unknown flag": (assemble(Record("float32", (2, 2), b"\0" * 16, flag=7)), None),
    "bytes behind the end": (GOOD + b"\0", len(GOOD)),
    "sparse: other shape": (flagged(coordinates((2, 3), [(0, 0)], [1])), None),
    "sparse: other number of dimensions": (flagged(coordinates((2, 2), [(0, 0)], [1], ndim=3)), None),
    "sparse: coordinate out of range": (flagged(coordinates((2, 2), [(0, 2)], [1])), None),
    "sparse: coordinate twice": (flagged(coordinates((2, 2), [(0, 1), (0, 1)], [1, 2])), None),
    "sparse: more values than elements": (flagged(coordinates((2, 2), [(0, 0)] * 5, [1] * 5)), None),
    "sparse: lying count": (flagged(coordinates((2, 2), [(0, 0)], [1], nonzero=2**61)), None),
    "sparse: no dimensions": (flagged(coordinates((), [()], [1]), shape=()), None),
}


@pytest.mark.parametrize("name", CORRUPT)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_corrupt_weights(gateway, number, name, chunked):
    body, offset = CORRUPT[name]
    answer = gateway.put(number, "bad", iter([body]) if chunked else body, "format=fedwt")
    assert answer.status == 422 and answer.problem == "malformed-weights", answer
    assert 0 <= answer.json["offset"] <= len(body), answer.json
    assert offset in (None, answer.json["offset"]), answer.json
    assert gateway.get(f"/rounds/{number}").status == 404, "nothing of it is on the log"


def test_truncated_anywhere(gateway, number):
    body = encode([np.arange(3, dtype=np.float32)], {"layer_names": ["w"]})
    for length in range(1, len(body)):
        answer = gateway.put(number, "cut", body[:length], "format=fedwt")
        assert answer.status == 422 and answer.problem == "malformed-weights", (length, answer)
        assert 0 <= answer.json["offset"] <= length, (length, answer.json)
    assert gateway.get(f"/rounds/{number}").status == 404
    assert gateway.put(number, "whole", body).status == 202


@pytest.mark.parametrize("other", [
    [np.zeros((2, 3), np.float32), np.zeros(3, np.float32)],
    [np.zeros((3, 2), np.float64), np.zeros(3, np.float32)],
    [np.zeros((3, 2), np.float32)],
    [np.zeros((3, 2), np.float32), np.zeros(3, np.float32), np.zeros(1, np.float32)],
    [np.zeros((6,), np.float32), np.zeros(3, np.float32)],
], ids=["shape", "dtype", "too few", "too many", "dimensions"])
def test_other_arrays_than_the_rounds(gateway, number, other):
    first = [np.zeros((3, 2), np.float32), np.zeros(3, np.float32)]
    gateway.stored(number, "first", encode(first))
    # A gateway knows the round's arrays from the log and may be behind; what it lets through does not count.
    answer = gateway.put(number, "other", encode(other))
    assert answer.status in (202, 422)
    if answer.status == 422:
        assert answer.problem == "schema-mismatch"
    gateway.stored(number, "third", encode(first))
    gateway.result(number)
    assert sorted(gateway.round(number)["reported"]) == ["first", "third"]


def test_other_names_than_the_rounds(gateway, number):
    gateway.stored(number, "first", encode([np.zeros(2)], {"layer_names": ["w"]}))
    assert gateway.put(number, "other", encode([np.zeros(2)], {"layer_names": ["v"]})).status in (202, 422)
    gateway.stored(number, "unnamed", encode([np.zeros(2)]))
    gateway.result(number)
    assert sorted(gateway.round(number)["reported"]) == ["first", "unnamed"]


REQUESTS = {
    "num_samples of nought": ("1/updates/a?num_samples=0", 400, "bad-request"),
    "num_samples below nought": ("1/updates/a?num_samples=-1", 400, "bad-request"),
    "num_samples with a fraction": ("1/updates/a?num_samples=1.5", 400, "bad-request"),
    "num_samples too large": ("1/updates/a?num_samples=9007199254740992", 400, "bad-request"),
    "a query item nobody knows": ("1/updates/a?num_sample=3", 400, "bad-request"),
    "a query item twice": ("1/updates/a?num_samples=3&num_samples=4", 400, "bad-request"),
    "a data type nobody knows": ("1/updates/a?data_type=weights", 400, "bad-request"),
    "a round below nought": ("-1/updates/a", 400, "bad-request"),
    "a round that is none": ("one/updates/a", 400, "bad-request"),
    "a round too large": ("9007199254740992/updates/a", 400, "bad-request"),
    "the gateway's own id": ("1/updates/gateway", 400, "bad-request"),
    "the aggregator's own id": ("1/updates/aggregator", 400, "bad-request"),
    "a dot": ("1/updates/%2E%2E", 400, "bad-request"),
    "a control character": ("1/updates/a%00b", 400, "bad-request"),
    "an escaped slash": ("1/updates/a%2Fb", 400, "bad-request"),
    "too long an id": ("1/updates/" + "a" * 129, 400, "bad-request"),
    "a format nobody knows": ("1/updates/a?format=onnx", 415, "unsupported-format"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_malformed_requests(gateway, name):
    path, status, problem = REQUESTS[name]
    answer = gateway.request("PUT", f"/rounds/{path}", GOOD)
    assert (answer.status, answer.problem) == (status, problem), answer
    assert answer.json["detail"]


@pytest.mark.parametrize("headers, status, problem", [
    ({"Fed-Metadata": "[1]"}, 400, "bad-request"),
    ({"Fed-Metadata": '{"num_samples": 3}'}, 400, "bad-request"),
    ({"Fed-Metadata": '{"counted": {}}'}, 400, "bad-request"),
    ({"Content-Encoding": "br"}, 415, "unsupported-encoding"),
    ({"Content-Type": "multipart/mixed"}, 202, None),
])
def test_headers(gateway, number, headers, status, problem):
    answer = gateway.put(number, "a", GOOD, headers=headers)
    assert answer.status == status and (problem is None or answer.problem == problem), answer
    if problem == "unsupported-encoding":
        assert answer.headers["Accept-Encoding"] == "gzip, zstd, lz4"


def test_methods_and_paths_that_are_not_there(gateway, number):
    answer = gateway.request("DELETE", f"/rounds/{number}/result", described=False)
    assert answer.status == 405 and answer.problem == "method-not-allowed"
    assert {"GET", "HEAD"} <= {method.strip() for method in answer.headers["Allow"].split(",")}
    for path in ("/nowhere", "/rounds/1/updates/a/b", "/rounds/1/nothing", "/healthz/x"):
        answer = gateway.request("GET", path, described=False)
        assert answer.status == 404 and answer.problem == "not-found", path


def test_every_problem_explains_itself(gateway, number):
    gateway.stored(number, "a", GOOD)
    for answer in (gateway.get(f"/rounds/{number}/result"), gateway.put(number, "b", b"nonsense"),
                   gateway.put(number, "b", GOOD, "num_samples=0")):
        page = gateway.get(answer.json["type"])
        assert page.status == 200 and page.json["status"] == answer.status and page.json["explanation"]
    assert gateway.get("/problems/none-such").status == 404


def test_too_large(start):
    gateway = start(Gateway, "--max-body", "64KiB")
    body = encode([np.zeros(10_000)])
    for sent in (body, iter([body[:50_000], body[50_000:]])):
        answer = gateway.put(1, "a", sent)
        assert answer.status == 413 and answer.problem == "too-large" and answer.json["limit"] == 65536
    assert gateway.put(1, "a", encode([np.zeros(8_000)])).status == 202


def test_a_claim_beyond_the_limits_costs_nothing(gateway, number):
    before = gateway.memory()
    for _ in range(50):
        body = assemble(Record("float64", (2**16, 2**16, 4), b"", count=2**34, length=2**37))
        assert gateway.put(number, "a", body).status == 422
    assert gateway.memory() - before < 32 << 20


# Those that have names, and have them before the elements.
NAMED = ["binary_custom", "numpy_pickle", "json_base64", "npz, stored", "npz, deflated", "safetensors", "multipart",
         "in gzip"]


@pytest.mark.parametrize("name", NAMED)
def test_the_array_that_is_cut_is_named(gateway, number, name):
    format = FORMATS[name]
    rng = np.random.default_rng(1)
    arrays = {"first": rng.integers(0, 256, 5000, np.uint8), "second": rng.integers(0, 256, 5000, np.uint8)}
    body = format.write(arrays)
    if name != "in gzip":
        body = body[:-3000]
    else:
        body = gzip.compress(to_fedwt(arrays)[:-3000])
    answer = gateway.put(number, "cut", body, format.query, format.headers)
    assert answer.status == 422 and answer.problem == "malformed-weights", answer
    assert (answer.json["array"], answer.json["name"]) == (1, "second"), answer


def msgpack_of(*names):
    return msgpack.packb([{"name": name, "nd": False, "type": "|u1", "data": b"1"} for name in names])


def protobuf_of(*names):
    message = weight_message()()
    for number, name in enumerate(names):
        message.weights.add(layer_id=number, dtype="uint8", data=b"1", name=name)
    return message.SerializeToString()


def json_of(*names):
    return json.dumps({"weights": [{"name": name, "data": [1]} for name in names]}).encode()


def safetensors_of(*names):
    entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    header = ("{" + ",".join(f'"{name}":{entry}' for name in names) + "}").encode()
    return struct.pack("<Q", len(header)) + header


def multipart_of(*names):
    kind = "Content-Type: application/octet-stream; dtype=uint8"
    parts = [f'--xyz\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n{kind}\r\n\r\n1\r\n' for name in names]
    return ("".join(parts) + "--xyz--\r\n").encode()


def npz_of(*names):
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")
        for name in names:
            file = io.BytesIO()
            np.save(file, np.uint8(1))
            archive.writestr(f"{name}.npy", file.getvalue())
    return out.getvalue()


def pickle_of(*names):
    """A dict as Python never writes it: with items of one key."""
    items = [pickle.dumps({name: np.uint8([1])}, 2)[2:-1].removeprefix(b"}q\x00") for name in names]
    return b"\x80\2}q\0" + items[0] + items[-1] * (len(names) - 1) + b"."


TWICE = {"fedwt": lambda *names: encode([np.zeros(1)] * len(names), {"layer_names": names}), "npz": npz_of, "pickle": pickle_of,
         "safetensors": safetensors_of, "protobuf": protobuf_of, "msgpack": msgpack_of, "json": json_of, "multipart": multipart_of}


@pytest.mark.parametrize("format", TWICE)
def test_a_name_that_comes_twice_is_refused(gateway, number, format):
    write = TWICE[format]
    form = {"headers": FORMATS["multipart"].headers} if format == "multipart" else {"query": f"format={format}"}
    assert gateway.put(number, "once", write("w"), **form).status == 202
    answer = gateway.put(number, "twice", write("w", "w"), **form)
    assert (answer.status, answer.problem) == (422, "malformed-weights"), answer
    assert 'the name "w" comes twice' in answer.json["detail"] and answer.json["name"] == "w", answer
    # In a header whose arrays are in the order of their data, the second one has no index yet.
    assert answer.json.get("array") == (None if format == "safetensors" else 1), answer
    assert 0 < answer.json["offset"] < len(write("w", "w")), answer


@pytest.mark.parametrize("filename, array", [('; filename="x"', 1), ("", None)], ids=["array", "field"])
def test_a_parts_name_that_is_not_utf8_is_refused(gateway, number, filename, array):
    first = multipart_of("w").removesuffix(b"--xyz--\r\n")
    second = multipart_of("modele").replace(b'; filename="x"', filename.encode())
    latin = first + second.replace(b"modele", "mod\xe8le".encode("latin-1"))
    answer = gateway.put(number, "a", latin, headers=FORMATS["multipart"].headers)
    assert (answer.status, answer.problem) == (422, "malformed-weights") and "not UTF-8" in answer.json["detail"], answer
    assert (answer.json["offset"], answer.json.get("array")) == (len(first) + len("--xyz\r\n"), array), answer
    good = first + second.replace(b"modele", "mod\xe8le".encode()).replace(b'"x"', b'"\xe8"')
    assert gateway.put(number, "a", good, headers=FORMATS["multipart"].headers).status == 202, "of a filename nothing is read"


def test_the_array_that_is_not_the_rounds_is_named(gateway, number):
    def body(shape):
        return encode([np.zeros(2), np.zeros(shape)], {"layer_names": ["first", "second"]})

    gateway.stored(number, "a", body(3))
    # What was let through once gets its receipt again, so that each goes by another name.
    sites = itertools.count()

    def refused():
        answer = gateway.put(number, f"b{next(sites)}", body(4))
        return answer.status == 422 and answer
    answer = eventually("the gateway knows the round's arrays", refused)
    assert (answer.problem, answer.json["array"], answer.json["name"]) == ("schema-mismatch", 1, "second"), answer


def test_the_array_that_a_format_cannot_hold_is_named(gateway, number):
    narrow = {"wide": np.zeros(2, np.float32), "narrow": np.zeros(2, ml_dtypes.bfloat16)}
    for site in "ab":
        gateway.stored(number, site, to_fedwt(narrow))
    gateway.result(number)
    answer = gateway.get(f"/rounds/{number}/result?format=npz")
    assert (answer.status, answer.json["array"], answer.json["name"]) == (406, 1, "narrow"), answer


def test_a_long_name_is_cut(gateway, number):
    body = to_multipart({"x" * 2000: np.zeros(2)})[:-20]
    answer = gateway.put(number, "a", body, headers=FORMATS["multipart"].headers)
    assert answer.status == 422 and answer.json["name"] == "x" * 64 + "…" and len(answer.body) < 1000, answer


def test_the_program_names_the_array(tmp_path):
    (tmp_path / "cut.fedwt").write_bytes(encode([np.ones(9)], {"layer_names": ["conv1"]})[:-1])
    for command in (["inspect", "cut.fedwt"], ["convert", "cut.fedwt", "whole.npz"]):
        done = subprocess.run([PROGRAM, *command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1 and 'array 0 "conv1"' in done.stderr, done


def npy_of(shape):
    head = f"{{'descr':'|u1','fortran_order':False,'shape':{shape}}}".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head


def package_of(stored):
    """A zstd payload as it is."""
    return protocol.package(stored, "model_weights").replace(b'"compression": "none"', b'"compression": "zstd"')


WINDOW = b"\x28\xb5\x2f\xfd\0" + bytes([18 << 3]) + b"\1\0\0"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=xyz"}
# Query, headers, body, status and the limit that is passed.
LIMITS = {
    "a window": ("", {"Content-Encoding": "zstd"}, WINDOW, 413, 128 << 20),
    "a window in a package": ("format=package", {}, package_of(WINDOW), 422, 128 << 20),
    "dimensions in a query": ("dtype=int8&shape=" + ",".join(["1"] * 33), {}, b"1", 400, 32),
    "a shape in a query": ("dtype=int8&shape=9223372036854775807,2", {}, b"1", 400, 2**63 - 1),
    "a length that FEDWT001 does not hold": ("dtype=int8&shape=4294967296", {}, b"1", 400, 2**32 - 1),
    "bare elements": ("dtype=int8&shape=1", {}, b"12", 422, 1),
    "dimensions of a part": ("", MULTIPART, multipart_of("w").replace(b"uint8", b'uint8; shape="' + b"1," * 32 + b'1"'), 400, 32),
    "the name of a part": ("", MULTIPART, multipart_of("w" * 9000), 422, 8192),
    "a boundary": ("", {"Content-Type": "multipart/form-data; boundary=" + "x" * 71}, b"1", 400, 70),
    "content encodings": ("", {"Content-Encoding": ", ".join(["gzip"] * 5)}, b"1", 415, 4),
    "num_samples": ("num_samples=9007199254740992", {}, GOOD, 400, 2**53 - 1),
    "a key": ("", {"Idempotency-Key": "x" * 256}, GOOD, 400, 255),
    "npy's dimensions": ("format=npy", {}, npy_of("(" + "1," * 33 + ")"), 422, 32),
    "a package's header": ("format=package", {}, b"FEDPK001" + b"\xff" * 4, 422, 4 << 20),
    "a package's payload": ("format=package", {}, protocol.package(b"x", "model_weights", original_size=1 << 50), 413, 10 << 30),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_that_is_passed_is_in_the_answer(gateway, number, name):
    query, headers, body, status, limit = LIMITS[name]
    answer = gateway.put(number, "a", body, query, headers)
    assert (answer.status, answer.json.get("limit")) == (status, limit), answer
    assert str(limit) in answer.json["detail"], answer
