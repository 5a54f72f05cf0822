"""Every format in, every format out: against NumPy and the libraries that define the formats, bit for bit."""

import gzip
import io
import json
import os
import pickle
import struct
import subprocess
import zlib
from collections import OrderedDict

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
import zstandard

import protocol
from fedgate import PROGRAM, Gateway
from libraries import FORMATS, NARROW, from_json, from_msgpack, from_npz, from_protobuf, to_npz
from weights import Record, assemble, decode, encode, same


def send(gateway, path, body, **headers):
    return gateway.request("PUT", path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def test_the_first_bytes_tell_the_format(gateway, fresh):
    number = fresh()
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}
    bodies = [to_npz(np.savez)(arrays), safetensors.numpy.save(arrays)]
    for site, body in zip("ab", bodies):
        assert send(gateway, f"/rounds/{number}/updates/{site}", body).status == 202
    gateway.result(number)
    by_type = gateway.get(f"/rounds/{number}/result", Accept="application/x-npz;q=0.9, application/vnd.fedwt;q=0.1")
    assert by_type.headers["Content-Type"] == "application/x-npz"
    assert same([from_npz(by_type.body)["a"]], [arrays["a"]])
    again = gateway.get(f"/rounds/{number}/result", Accept="application/x-npz")
    assert again.headers["ETag"] == by_type.headers["ETag"] and again.body == by_type.body
    assert gateway.get(f"/rounds/{number}/result", Accept="application/x-npz",
                       If_None_Match=again.headers["ETag"]).status == 304
    plain = gateway.get(f"/rounds/{number}/result")
    assert plain.headers["ETag"] != again.headers["ETag"]
    part = gateway.get(f"/rounds/{number}/result?format=npz", Range="bytes=2-9")
    assert part.status == 206 and part.body == by_type.body[2:10]


def test_npy_deflated_fortran_and_big_endian_are_normalised(gateway, fresh):
    number = fresh()
    matrix = np.arange(35, dtype=np.float64).reshape(5, 7)
    cube = np.arange(2 * 40 * 50, dtype=np.int32).reshape(2, 40, 50)
    odd = {"f": np.asfortranarray(matrix), "b": matrix.astype(">f8"), "c": np.asfortranarray(cube)}
    for site, save in (("a", np.savez), ("b", np.savez_compressed)):
        assert send(gateway, f"/rounds/{number}/updates/{site}", to_npz(save)(odd)).status == 202
    gateway.result(number)
    back = from_npz(gateway.get(f"/rounds/{number}/result?format=npz").body)
    assert same([back["f"], back["b"], back["c"]], [matrix, matrix, cube])


def test_fedwt_with_a_byte_order_is_normalised(gateway, fresh):
    number = fresh()
    dense, thin = np.linspace(-1, 1, 7, dtype=np.float32), np.zeros(9, np.int16)
    thin[4] = 300
    coordinates = struct.pack("<IIQI", 1, 9, 1, 4) + struct.pack(">h", 300)
    swapped = assemble(Record(">f4", dense.shape, dense.astype(">f4").tobytes()), Record(">i2", thin.shape, coordinates, flag=2))
    little = assemble(Record("<f4", dense.shape, dense.tobytes()), Record("int16", thin.shape, thin.tobytes()))
    for site, body in zip("ab", (swapped, little)):
        assert send(gateway, f"/rounds/{number}/updates/{site}", body).status == 202
    result, _ = decode(gateway.result(number))
    assert same(result, [dense, thin])


def test_npy_holds_one_array(gateway, fresh):
    number = fresh()
    matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    out = io.BytesIO()
    np.save(out, np.asfortranarray(matrix))
    for site in "ab":
        assert send(gateway, f"/rounds/{number}/updates/{site}", out.getvalue()).status == 202
    gateway.result(number)
    assert same([np.load(io.BytesIO(gateway.get(f"/rounds/{number}/result?format=npy").body))], [matrix])
    raw = gateway.get(f"/rounds/{number}/result", Accept="application/octet-stream")
    assert raw.body == matrix.tobytes()


def test_raw_bytes_with_dtype_and_shape(gateway, fresh):
    number = fresh()
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    for site in "ab":
        answer = send(gateway, f"/rounds/{number}/updates/{site}?dtype=float32&shape=2,3", matrix.tobytes(),
                             Content_Type="application/octet-stream")
        assert answer.status == 202, answer
    assert same(decode(gateway.result(number))[0], [matrix])
    for query, body, status in (("dtype=float32&shape=2,3", matrix.tobytes()[:-1], 422),
                                ("dtype=float32&shape=2,3", matrix.tobytes() + b"x", 422),
                                ("dtype=float33&shape=2,3", b"x", 400), ("dtype=float32&shape=2,,3", b"x", 400),
                                ("format=raw", b"x", 400), ("format=npy&dtype=float32", b"x", 400)):
        assert send(gateway, f"/rounds/{fresh()}/updates/a?{query}", body).status == status, query


def test_narrow_floats_by_hand(gateway, fresh):
    numbers = [fresh() for _ in range(5)]
    for place, dtype in enumerate(NARROW):
        array = np.array([1.0, -0.0, 0.5], np.float32).astype(getattr(ml_dtypes, dtype))
        name = {"bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2"}[dtype]
        head = json.dumps({"x": {"dtype": name, "shape": [3], "data_offsets": [0, array.nbytes]}}).encode()
        body = struct.pack("<Q", len(head)) + head + array.tobytes()
        for site in "ab":
            assert send(gateway, f"/rounds/{numbers[place]}/updates/{site}", body).status == 202
        gateway.result(numbers[place])
        back = gateway.get(f"/rounds/{numbers[place]}/result?format=safetensors").body
        assert back.endswith(array.tobytes()) and name.encode() in back
        for format in ("npz", "npy"):
            refused = gateway.get(f"/rounds/{numbers[place]}/result?format={format}")
            assert refused.status == 406 and refused.json["array"] == 0 and dtype in refused.json["detail"]


def test_safetensors_names_and_metadata_survive(gateway, fresh):
    number = fresh()
    arrays = {"z": np.ones(3, np.float32), "a": np.zeros((2, 2), np.float32)}
    body = safetensors.numpy.save(arrays, metadata={"framework": "none"})
    for site in "ab":
        assert send(gateway, f"/rounds/{number}/updates/{site}", body).status == 202
    gateway.result(number)
    back = safetensors.numpy.load(gateway.get(f"/rounds/{number}/result?format=safetensors").body)
    assert set(back) == {"z", "a"} and same([back["z"], back["a"]], [arrays["z"], arrays["a"]])


def test_multipart_has_one_array_a_part(gateway, fresh, tmp_path):
    number = fresh()
    first, second = np.arange(4, dtype=np.float32), np.arange(6, dtype=np.int64).reshape(2, 3)
    np.save(tmp_path / "a.npy", first)
    np.save(tmp_path / "b.npy", second)
    (tmp_path / "c.bin").write_bytes(first.tobytes())
    for site in "ab":
        done = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "-F", "a=@a.npy", "-F", "b=@b.npy",
             "-F", "c=@c.bin;type=application/octet-stream; dtype=float32; shape=4", "-F", "note=hello",
             f"{gateway.url}/rounds/{number}/updates?client_id={site}"],
            cwd=tmp_path, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["arrays"] == 3, done.stdout
    gateway.result(number)
    back = from_npz(gateway.get(f"/rounds/{number}/result?format=npz").body)
    assert list(back) == ["a", "b", "c"] and same(list(back.values()), [first, second, first])


def multipart(*parts, boundary="xyz", end="--xyz--\r\n"):
    return b"".join(b"--" + boundary.encode() + b"\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n"
                    for head, body in parts) + end.encode()


def test_multipart_is_read_at_any_cut_and_refused_when_wrong(gateway, fresh):
    number = fresh()
    out = io.BytesIO()
    np.save(out, np.arange(3.0))
    part = ('Content-Disposition: form-data; name="w"; filename="w.npy"', out.getvalue())
    kind = {"Content-Type": "multipart/form-data; boundary=xyz"}
    path = f"/rounds/{number}/updates/a"
    good = multipart(part)
    assert gateway.request("PUT", path, iter([good[i:i + 1] for i in range(len(good))]), headers=kind).status == 202
    bare = ('Content-Disposition: form-data; name="w"; filename="w"\r\n'
            'Content-Type: application/octet-stream; dtype=float32; shape="{}"')
    cases = [(multipart(), "no array"), (multipart(part, end=""), "closing delimiter"), (multipart(part, part), "twice"),
             (multipart((part[0], out.getvalue()[:-1])), "missing"), (multipart((part[0], b"nonsense")), "npy"),
             (multipart(("X: y", b"")), "name"), (multipart((bare.format("2,2"), bytes(15))), "missing")]
    for body, word in cases:
        answer = gateway.request("PUT", path, body, headers=kind)
        assert answer.status == 422 and word in answer.json["detail"], (word, answer)
    other = f"/rounds/{fresh()}/updates/a"
    assert gateway.request("PUT", other, multipart((bare.format("2,2"), bytes(16))), headers=kind).status == 202
    field = ('Content-Disposition: form-data; name="num_samples"', b"3")
    assert gateway.request("PUT", path, multipart(part, field), headers=kind).status == 400
    assert gateway.request("PUT", path, good, headers={"Content-Type": "multipart/form-data"}).status == 400


def test_content_encodings_one_around_the_other(gateway, fresh):
    numbers = [fresh() for _ in range(5)]
    import lz4.frame
    arrays = [np.arange(200_000, dtype=np.float32)]
    body = encode(arrays)
    forms = {"gzip": gzip.compress(body), "zstd": zstandard.compress(body), "lz4": lz4.frame.compress(body),
             "x-gzip, zstd": zstandard.compress(gzip.compress(body)), "identity": body}
    for place, (coding, sent) in enumerate(forms.items()):
        for site in "ab":
            answer = send(gateway, f"/rounds/{numbers[place]}/updates/{site}", sent, Content_Encoding=coding)
            assert answer.status == 202 and answer.json["original_size"] == len(body), (coding, answer)
        assert same(decode(gateway.result(numbers[place]))[0], arrays)


def test_broken_codings_and_bombs_are_refused(gateway, fresh):
    number = fresh()
    path = f"/rounds/{number}/updates/a"
    body = encode([np.zeros(1000, np.float32)])
    packed = gzip.compress(body)
    for coding, sent, status in (("gzip", body, 400), ("gzip", packed[:-9], 400), ("gzip", packed + b"x", 400),
                                 ("zstd", packed, 400), ("gzip, gzip, gzip, gzip, gzip", packed, 415)):
        assert send(gateway, path, sent, Content_Encoding=coding).status == status, (coding, status)
    bomb = zstandard.compress(encode([np.zeros(1 << 26, np.float32)]))
    answer = send(gateway, path, bomb, Content_Encoding="zstd")
    assert answer.status == 413 and "times" in answer.json["detail"]
    # Each layer is within the ratio of one, but not all of them together; and a package's compression counts too.
    zeros = encode([np.zeros(1 << 22, np.float32)])
    assert send(gateway, f"/rounds/{fresh()}/updates/a", gzip.compress(zeros), Content_Encoding="gzip").status == 202
    package = protocol.package(zeros, "model_weights", compression="zstd")
    for sent, query, coding in ((gzip.compress(gzip.compress(zeros)), "", "gzip, gzip"),
                                (package, "?format=package", "identity"), (gzip.compress(package), "?format=package", "gzip")):
        answer = send(gateway, path + query, sent, Content_Encoding=coding)
        assert answer.status == 413 and "times" in answer.json["detail"] and answer.json["limit"] > 0, (coding, answer)
    assert gateway.get("/healthz").status == 200


def zip_of(name, data, *, method=0, crc=None, size=None):
    """An archive with one member, each of whose fields can be made to lie."""
    stored = data if method == 0 else zlib.compress(data, wbits=-15)
    crc = zlib.crc32(data) if crc is None else crc
    size = len(data) if size is None else size
    name = name.encode()
    fields = struct.pack("<HHHHIIIH", 0x800, method, 0, 0x21, crc, len(stored), size, len(name))
    local = b"PK\3\4\x14\0" + fields + b"\0\0" + name + stored
    central = b"PK\1\2\x14\0\x14\0" + fields + bytes(16) + name
    end = b"PK\5\6" + bytes(4) + struct.pack("<HHIIH", 1, 1, len(central), len(local), 0)
    return local + central + end


def test_evil_archives_are_refused_by_name(gateway, fresh):
    number = fresh()
    out = io.BytesIO()
    np.save(out, np.arange(3.0))
    array = out.getvalue()
    path = f"/rounds/{number}/updates/a"
    assert send(gateway, path, zip_of("w.npy", array)).status == 202
    good = zip_of("w.npy", array, method=8)
    assert send(gateway, path, good).status == 202
    cases = [(zip_of("../w.npy", array), ".."), (zip_of("/w.npy", array), "absolute"), (zip_of("w.txt", array), ".npy"),
             (zip_of("w.npy", array, crc=1), "CRC"), (zip_of("w.npy", array, size=7), "said"),
             (zip_of("w.npy", array + b"x"), "left over"), (zip_of("w.npy", array, method=12), "method"),
             (good + b"x", "left over"), (good[:-30], "ends here"), (good[:-10] + b"\1\0\0\0" + good[-6:], "size of it"),
             (array[:20], "ends here"), (array + b"x", "left over"), (array[:-1], "ends here")]
    for body, word in cases:
        answer = send(gateway, path, body)
        assert answer.status == 422 and word in answer.json["detail"], (word, answer)


def test_evil_safetensors_are_refused_by_name(gateway, fresh):
    number = fresh()
    def body(header, data=b"\0" * 8):
        head = json.dumps(header).encode()
        return struct.pack("<Q", len(head)) + head + data
    one = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    path = f"/rounds/{number}/updates/a?format=safetensors"
    assert send(gateway, path, body({"a": one})).status == 202
    cases = [(body({"a": one, "b": one}), "overlap"), (body({"a": {**one, "data_offsets": [4, 12]}}), "hole"),
             (body({"a": {**one, "shape": [3]}}), "do not hold"), (body({"a": {**one, "shape": [2**62, 8]}}), "overflows"),
             (body({"a": {**one, "dtype": "F31"}}), "dtype"), (body({"a": {**one, "shape": [-1]}}), "shape"),
             (body({}), "no array"), (body({"a": one})[:-1], "ends here"), (body({"a": one}) + b"x", "left over"),
             (b"\xff" * 8 + b"{", "header length"), (struct.pack("<Q", 4) + b"{{{{", "JSON")]
    for sent, word in cases:
        answer = send(gateway, path, sent)
        assert answer.status == 422 and word in answer.json["detail"], (word, answer)
    large = {**one, "shape": [1 << 40], "data_offsets": [0, 1 << 42]}
    answer = send(gateway, path, body({"a": large}))
    assert answer.status == 422 and answer.json["limit"] > 0 and answer.json["array"] == 0


def test_formats_that_nobody_has(gateway, fresh):
    number = fresh()
    answer = send(gateway, f"/rounds/{number}/updates/a", b"no format begins like this")
    assert answer.status == 415
    assert all(name in answer.json["detail"] for name in ("safetensors", "package", "?dtype=", "multipart/form-data"))
    for site in "ab":
        gateway.stored(number, site, encode([np.ones(2), np.ones(3)]))
    gateway.result(number)
    for accept in ("image/png", "application/x-npz;q=0"):
        refused = gateway.get(f"/rounds/{number}/result", Accept=accept)
        assert refused.status == 406 and "application/x-npz" in refused.json["detail"]
    assert gateway.get(f"/rounds/{number}/result?format=raw").status == 406
    assert gateway.get(f"/rounds/{number}/result?format=npy").status == 406
    assert gateway.get(f"/rounds/{number}/result?format=onnx").status == 406


def test_json_typed_by_hand(gateway, fresh):
    number = fresh()
    text = '{"weights":[{"shape":[2,2],"dtype":"float32","data":[[1,2],[3,4]]}]}'
    for site in "ab":
        done = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "-X", "PUT", "--json", text, f"{gateway.url}/rounds/{number}/updates/{site}"],
            capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["parameters"] == 4, done.stdout
    assert same(decode(gateway.result(number))[0], [np.array([[1, 2], [3, 4]], np.float32)])
    number = fresh()
    for site in "ab":
        assert send(gateway, f"/rounds/{number}/updates/{site}", b'  {"weights": [{"data": [[1.5], [-2]]}]}').status == 202
    assert same(decode(gateway.result(number))[0], [np.array([[1.5], [-2]], np.float32)])


def test_evil_json_is_refused_by_name(gateway, fresh):
    path = f"/rounds/{fresh()}/updates/a?format=json"
    deep = b'{"weights": [{"data": ' + b"[" * 100 + b"]" * 100 + b"}]}"
    for body, word in [(deep, "deeper"), (b'{"weights": [{"data": [1, [2]]}]}', ""), (b'{"weights": []}', "array"),
                       (b'{"weights": [{"dtype": "int8", "data": [300]}]}', "int8"), (b'{"weights": [{"data": [NaN]}]}', ""),
                       (b'{"weights": [{"shape": [3], "data": [1, 2]}]}', "shape"), (b'{"weights": [{"data": [1]}]', ""),
                       (b'{"weights": [{"dtype": "float32", "shape": [1], "data": "!!!!"}]}', "")]:
        answer = send(gateway, path, body)
        assert answer.status == 422 and word in answer.json["detail"], (body[:60], answer)


def test_convert_and_inspect_know_every_format(tmp_path):
    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([True, False])}
    (tmp_path / "start.npz").write_bytes(to_npz(np.savez)(arrays))
    last = "start.npz"
    for suffix, read in [(".safetensors", safetensors.numpy.load), (".msgpack", from_msgpack), (".pb", from_protobuf),
                         (".json", from_json), (".fedwt", None), (".npz", from_npz)]:
        name = f"next{suffix}"
        subprocess.run([PROGRAM, "convert", last, name], cwd=tmp_path, check=True)
        if read:
            back = read((tmp_path / name).read_bytes())
            assert same([np.asarray(back[k]) for k in arrays], list(arrays.values())), suffix
        told = subprocess.run([PROGRAM, "inspect", name], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        assert "2 arrays" in told and "float32  [2 × 3]" in told, told
        last = name
    wrong = subprocess.run([PROGRAM, "convert", last, "x.npy"], cwd=tmp_path, capture_output=True, text=True)
    assert wrong.returncode == 1 and "npy holds one array" in wrong.stderr and not (tmp_path / "x.npy").exists()
    unknown = subprocess.run([PROGRAM, "convert", last, "x.onnx"], cwd=tmp_path, capture_output=True, text=True)
    assert unknown.returncode == 1 and ".safetensors" in unknown.stderr


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd", "lz4"])
@pytest.mark.parametrize("format", ["binary_custom", "npz"])
def test_convert_takes_weights_out_of_packages(tmp_path, format, compression):
    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "thin": np.zeros(1000)}
    arrays["thin"][7] = -0.0
    package = protocol.package(FORMATS[{"npz": "npz, stored"}.get(format, format)].write(arrays), "model_weights",
                               format=format, compression=compression)
    (tmp_path / "a.fedpk").write_bytes(package)
    subprocess.run([PROGRAM, "convert", "a.fedpk", "a.npz"], cwd=tmp_path, check=True)
    back = from_npz((tmp_path / "a.npz").read_bytes())
    assert list(back) == list(arrays) and same(list(back.values()), list(arrays.values()))
    (tmp_path / "a.fedpk").write_bytes(package[:-1])
    wrong = subprocess.run([PROGRAM, "convert", "a.fedpk", "b.npz"], cwd=tmp_path, capture_output=True, text=True)
    assert wrong.returncode == 1 and "package" in wrong.stderr and not (tmp_path / "b.npz").exists()


def test_convert_reads_bare_elements(tmp_path):
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    (tmp_path / "a.bin").write_bytes(matrix.tobytes())
    subprocess.run([PROGRAM, "convert", "--dtype", "float32", "--shape", "2, 3", "a.bin", "a.npy"], cwd=tmp_path, check=True)
    assert same([np.load(tmp_path / "a.npy")], [matrix])
    for flags, code, word in ((["--dtype", "float32", "--shape", "2,4"], 1, "takes 32"), (["--shape", "2,3"], 2, "--dtype"),
                              (["--dtype", "float32", "--shape", "2,x"], 2, "--shape"), (["--dtype", "float32", "--shape", "+2,3"], 2, "--shape"), (["--from", "raw"], 1, "--dtype"),
                              (["--dtype", "float32", "--from", "npz"], 2, "raw")):
        wrong = subprocess.run([PROGRAM, "convert", *flags, "a.bin", "b.npy"], cwd=tmp_path, capture_output=True, text=True)
        assert wrong.returncode == code and word in wrong.stderr, (flags, wrong)


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd", "lz4"])
@pytest.mark.parametrize("envelope", ["json", "binary"])
def test_packages_in_every_compression(start, envelope, compression):
    gateway = start(Gateway, "--compression", compression, "--envelope", envelope, "--chunk-size", "65536")
    small, large = np.ones(1000, np.float32), np.tile(np.arange(1000, dtype=np.float32), 3000)
    for number, array in enumerate([small, large], 1):
        for site in "ab":
            receipt = gateway.stored(number, site, encode([array]))
            assert receipt["compression"] == compression
            assert compression == "none" or receipt["stored_size"] < receipt["original_size"]
        assert same(decode(gateway.result(number))[0], [array])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_every_protocol_and_shape(gateway, fresh, protocol):
    first, second = np.arange(5000, dtype=np.float32), np.asfortranarray(np.arange(6, dtype=">i8").reshape(2, 3))
    forms = [[first, second], (first, second), {"a": first, "b": second}, OrderedDict(a=first, b=second),
             {"weights": [first, second], "metadata": {"site": "a", "loss": 0.5, "tags": ["x", None, True]}},
             {"weights": {"a": first, "b": second}, "metadata": {}}, first]
    for form in forms:
        number = fresh()
        for site in "ab":
            answer = send(gateway, f"/rounds/{number}/updates/{site}", pickle.dumps(form, protocol))
            assert answer.status == 202, (form, answer)
        gateway.result(number)
        back = pickle.loads(gateway.get(f"/rounds/{number}/result?format=pickle").body)
        back = list(back.values()) if isinstance(back, dict) else back
        assert same(back, [first, second.astype("<i8")] if form is not first else [first])


class Evil:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def test_evil_pickles_are_refused_by_name_and_nothing_runs(gateway, fresh, tmp_path):
    mark = tmp_path / "was-here"
    path = f"/rounds/{fresh()}/updates/a"
    array = np.arange(3.0)
    good = pickle.dumps([array])
    assert send(gateway, path, good).status == 202
    cases = [(pickle.dumps(Evil(os.system, (f"touch {mark}",))), "system"), (pickle.dumps(Evil(eval, ("1",))), "eval"),
             (pickle.dumps([Evil(np.load, ("x",))]), "load"), (pickle.dumps(np.array([None])), "O8"),
             (b"\x80\x04cos\nsystem\n.", "system"), (b"\x80\x04" + b"(" * 100_000, "ends here"),
             (b"\x80\x04h\x05.", "memo 5"), (b"\x80\x04.", "STOP with 0"), (b"\x80\x04i", "opcode 0x69"),
             (b"\x80\x04\x8e" + b"\xff" * 8, "more than"), (b"\x80\x04X\xff\xff\xff\xff", "more than"),
             (b"\x80\x04]\x94h\x00a.", "a list"), (b"\x80\x04" + b"]" * 1_100_000, "objects"),
             (good + b"x", "left over"), (pickle.dumps(b"x"), "not arrays"), (pickle.dumps([]), "no array"),
             (pickle.dumps([array])[:-3], "ends here"), (b"\x80\x07.", "protocol 7")]
    for body, word in cases:
        answer = send(gateway, f"{path}?format=pickle", body)
        status = 413 if word == "objects" else 422
        assert answer.status == status and word in answer.json["detail"] and "offset" in answer.json, (body[:60], word, answer)
    for cut in range(2, len(good) - 1):
        assert send(gateway, f"{path}?format=pickle", good[:cut]).status == 422
    assert not mark.exists() and gateway.get("/healthz").status == 200


def reference_sparse(array, **changes):
    """The sparse record that the protocol's first implementation writes (flag 1)."""
    places = np.nonzero(array)
    record = {"shape": array.shape, "dtype": str(array.dtype), "indices": [i.astype(np.uint32) for i in places],
              "values": array[places], **changes}
    return assemble(Record(str(array.dtype), array.shape, pickle.dumps({k: v for k, v in record.items() if v is not None}),
                           flag=1))


def test_the_references_pickled_sparse_arrays_are_read(gateway, fresh):
    for array in (np.zeros((20, 30), np.float32), np.zeros((3, 4, 5), np.int64)):
        array[1, 2] = 7
        array[-1, -1] = 3
        number = fresh()
        for site in "ab":
            assert gateway.put(number, site, reference_sparse(array)).status == 202
        assert same(decode(gateway.result(number))[0], [array])
    array = np.zeros(50, np.float32)
    array[[3, 40]] = 1
    path = f"/rounds/{fresh()}/updates/a"
    cases = [({"shape": (51,)}, "differs"), ({"dtype": "float64"}, "differs"), ({"indices": None}, "no indices"),
             ({"values": np.ones(2, np.float64)}, "values"), ({"indices": []}, "dimensions"),
             ({"indices": [np.array([1], np.uint32)]}, "indices"), ({"values": Evil(os.system, ("true",))}, "system"),
             ({"indices": [np.array([1, 2], np.float32)]}, "indices")]
    for changes, word in cases:
        answer = send(gateway, path, reference_sparse(array, **changes))
        assert answer.status == 422 and word in answer.json["detail"] and answer.json["array"] == 0, (changes, answer)
    good = reference_sparse(array)
    for cut in range(9, len(good)):
        assert send(gateway, path, good[:cut]).status == 422
    chunked = gateway.request("PUT", path, iter([good[i:i + 1] for i in range(len(good))]))
    assert chunked.status == 202
