"""Updates that come as packages, and results that lie on the log behind a filter."""

import base64
import io
import json
import struct
import subprocess

import numpy as np
import protocol
import pytest
from fedgate import PROGRAM, Gateway
from weights import decode, encode

TYPE = {"Content-Type": "application/vnd.fedpk"}
BLOCK = 262_144


def arrays(seed=1, dtype=np.float32):
    random = np.random.default_rng(seed)
    return [random.standard_normal((70, 30)).astype(dtype), np.arange(5, dtype=np.int64)]


def split(data):
    """The filter byteplane over one array's little-endian elements, as protocol.md has it."""
    out = b""
    for start in range(0, data.size, BLOCK):
        block = data.reshape(-1)[start:start + BLOCK]
        size = block.itemsize
        words = block.view(f"<u{size}").copy()
        if block.dtype.kind == "f":
            words = (words << np.array(1, words.dtype)) | (words >> np.array(8 * size - 1, words.dtype))
        planes = words.view(np.uint8).reshape(-1, size)
        out += b"".join(planes[:, size - 1 - plane].tobytes() for plane in range(size))
    return out


def filtered(given):
    """FEDWT001 behind the filter."""
    whole = encode(given)
    for array in given:
        data = array.tobytes()
        assert whole.count(data) == 1 and array.itemsize > 1
        whole = whole.replace(data, split(array))
    return whole


def send(gateway, number, client, body, query="", headers=TYPE):
    answer = gateway.put(number, client, body, query, headers)
    assert answer.status == 202, answer
    return answer.json


def assert_result(gateway, number, given):
    result, _ = decode(gateway.result(number))
    assert [a.tobytes() for a in result] == [a.tobytes() for a in given]


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd", "lz4"])
def test_each_compression(gateway, number, compression):
    given = arrays()
    body = protocol.package(encode(given), "model_weights", compression=compression)
    receipts = [send(gateway, number, client, body) for client in "ab"]
    assert receipts[0]["original_size"] == len(encode(given))
    assert_result(gateway, number, given)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_behind_the_filter(gateway, number, dtype):
    # More than a block, and a last one that is shorter.
    given = [np.random.default_rng(3).standard_normal(BLOCK + 1000).astype(dtype), np.arange(5, dtype=np.int32)]
    body = protocol.package(filtered(given), "model_weights", compression="zstd", filter="byteplane")
    for client in "ab":
        send(gateway, number, client, body)
    result, _ = decode(gateway.result(number))
    assert (result[0] == given[0]).all() and (result[1] == given[1]).all()


def test_convert_undoes_the_filter(tmp_path):
    given = [np.random.default_rng(3).standard_normal(BLOCK + 1000).astype(np.float32), np.arange(5, dtype=np.int32)]
    (tmp_path / "a.fedpk").write_bytes(
        protocol.package(filtered(given), "model_weights", compression="zstd", filter="byteplane"))
    subprocess.run([PROGRAM, "convert", "a.fedpk", "a.npz"], cwd=tmp_path, check=True)
    with np.load(tmp_path / "a.npz") as archive:
        assert [archive[name].tobytes() for name in archive.files] == [array.tobytes() for array in given]


def test_other_formats_inside(gateway, number):
    given = arrays()
    npz = io.BytesIO()
    np.savez(npz, *given)
    body = protocol.package(npz.getvalue(), "model_weights", format="npz")
    for client in "ab":
        assert send(gateway, number, client, body)["original_size"] == len(npz.getvalue())
    assert_result(gateway, number, given)


def test_its_magic_and_the_query_tell_it_too(gateway, number):
    body = protocol.package(encode(arrays()), "model_weights")
    send(gateway, number, "a", body, headers=None)
    send(gateway, number, "b", body, "format=package", None)
    assert_result(gateway, number, arrays())


def test_what_the_request_says_goes_before(start, number):
    gateway = start(Gateway, "--envelope", "json")
    body = protocol.package(
        encode(arrays()), "gradients", client_id="somebody-else", round_number=7,
        metadata={"num_samples": 5, "site": "package", "epoch": 3, "body_digest": "x"})
    first = send(gateway, number, "a", body, "num_samples=9", {**TYPE, "Fed-Metadata": json.dumps({"site": "header"})})
    again = send(gateway, number, "a", body, "num_samples=9", {**TYPE, "Fed-Metadata": json.dumps({"site": "header"})})
    assert first["message_id"] == again["message_id"]
    value, = protocol.EmbeddedLog(gateway.data).values("federated_weight_updates")
    message, header, _ = protocol.opened(value)
    said = message["metadata"]
    assert header["data_type"] == "gradients"
    assert (said["num_samples"], said["site"], said["epoch"]) == (9, "header", 3) and said["body_digest"] != "x"
    assert message["sender_id"] == "a" and message["round_number"] == number


def test_in_parts(gateway, number):
    body = protocol.package(encode(arrays()), "model_weights", compression="zstd")
    begun = gateway.request("PUT", f"/rounds/{number}/updates/a", b"", {**TYPE, "Upload-Complete": "?0"})
    assert begun.status == 201, begun
    where = begun.headers["Location"].removeprefix(gateway.url)
    for start, last in ((0, "?0"), (100, "?1")):
        part = gateway.request("PATCH", where, body[start:100] if last == "?0" else body[start:], {
            "Content-Type": "application/partial-upload", "Upload-Offset": str(start), "Upload-Complete": last})
    assert part.status == 202, part
    send(gateway, number, "b", body)
    assert_result(gateway, number, arrays())


def broken():
    good = encode(arrays())

    def made(**fields): return protocol.package(good, "model_weights", **fields)
    whole = made()
    yield "checksum", made(checksum="0" * 64), 422, "package.checksum"
    yield "original size", made(original_size=len(good) + 1), 422, "package.original_size"
    yield "too small", made(compression="zstd", original_size=3), 422, "package.original_size"
    yield "enormous", made(original_size=1 << 50), 413, "package.original_size"
    yield "compressed size", made(compressed_size=len(good) - 1), 422, "package.compressed_size"
    yield "cut", whole[:-1], 422, "package.compressed_size"
    yield "cut in the head", whole[:40], 422, "package"
    yield "behind", whole + b"x", 422, "package."
    yield "codec", made(compression="none") .replace(b'"none"', b'"lzma"'), 422, "package.compression"
    yield "filter", made(filter="rot13"), 422, "package.filter"
    yield "format", made(format="word"), 422, "package.format"
    yield "raw", made(format="raw"), 422, "package.format"
    yield "nested", made(format="package"), 422, "package.format"
    yield "filter of npz", made(format="npz", filter="byteplane"), 422, "package.filter"
    yield "header length", b"FEDPK001" + struct.pack("<I", 0xFFFFFFFF) + b"{}", 422, "package.header_length"
    yield "no JSON", b"FEDPK001" + struct.pack("<I", 2) + b"{x", 422, "package.header"
    yield "magic", b"FEDPK002" + whole[8:], 422, "package.magic"
    yield "encrypted", b"FEDEN001" + whole[8:], 422, "package.magic"
    yield "chunks", made(chunks={"count": 1, "size": 10}), 422, "package.chunks"
    yield "samples", made(metadata={"num_samples": "many"}), 422, "num_samples"
    yield "weights", protocol.package(b"FEDWT001" + b"\xff" * 40, "model_weights"), 422, "byte"
    yield "empty", protocol.package(b"", "model_weights"), 422, ""


@pytest.mark.parametrize("body, status, names", [pytest.param(*b[1:], id=b[0]) for b in broken()])
def test_what_is_wrong_is_named(gateway, number, body, status, names):
    answer = gateway.put(number, "a", body, "", TYPE)
    assert answer.status == status, answer
    assert names in answer.json["detail"]
    assert gateway.get("/healthz").status == 200


def test_a_result_behind_the_filter_is_served_as_it_was(start):
    """With auto results are filtered, too: in one record and in chunks."""
    random = np.random.default_rng(5)
    small = [random.standard_normal(200_000).astype(np.float32)]
    large = [random.standard_normal(3_000_000).astype(np.float64)]
    gateway = start(Gateway, "--compression", "auto", "--envelope", "json")
    for number, given in ((1, small), (2, large)):
        for client in "ab":
            gateway.stored(number, client, encode(given))
        assert_result(gateway, number, given)
    commits = []
    for value in protocol.EmbeddedLog(gateway.data).values("federated_aggregation_results"):
        fields = json.loads(value) if value[:1] == b"{" else {}
        if "payload" in fields:
            package = base64.b64decode(fields["payload"])
            commits.append(json.loads(package[12:protocol.head_end(package)]))
    assert [header["filter"] for header in commits] == ["byteplane"] * 2, commits
    assert ["chunks" in header and header["chunks"] is not None for header in commits] == [False, True]
