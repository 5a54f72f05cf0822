"""The README's commands, as typed there, against a gateway."""

import pickle
import re
import subprocess

import numpy as np
import pytest
import safetensors.numpy
import zstandard
from fedgate import PROGRAM, ROOT, Gateway
from weights import decode, encode

README = (ROOT / "README.md").read_text()


def commands(heading):
    """The lines of a section's blocks that begin so that they can be run."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## )", README, re.M | re.S)[1]
    return re.findall(r"^    (curl .*)$", section, re.M)


@pytest.fixture
def run(start, tmp_path):
    """Runs a command in a directory of its own, on the test's gateway; it has to succeed."""
    gateway = start(Gateway)

    def run(command):
        typed = command.replace("127.0.0.1:8080", f"127.0.0.1:{gateway.port}")
        typed = typed.replace("curl ", "curl -sSf --max-time 60 ", 1)
        done = subprocess.run(["bash", "-c", typed], cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    run.gateway = gateway
    return run


def test_a_round(run, tmp_path):
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3)]
    (tmp_path / "a.fedwt").write_bytes(encode(arrays))
    (tmp_path / "b.fedwt").write_bytes(encode([arrays[0] + 4]))
    lines = commands("A round with curl")
    assert len(lines) == 3
    for line in lines:
        run(line)
    mean, _ = decode((tmp_path / "mean.fedwt").read_bytes())
    assert np.array_equal(mean[0], arrays[0] + 1)
    asked = commands("What else there is to ask")
    assert len(asked) >= 7
    for line in asked:
        assert run(line), line


def test_every_format(run, tmp_path):
    arrays = {"conv": np.arange(12, dtype=np.float32).reshape(3, 4), "steps": np.arange(3, dtype=np.int64)}
    np.savez(tmp_path / "model.npz", **arrays)
    (tmp_path / "model.npz.zst").write_bytes(zstandard.compress((tmp_path / "model.npz").read_bytes()))
    safetensors.numpy.save_file({name: array + 2 for name, array in arrays.items()}, tmp_path / "model.safetensors")
    (tmp_path / "weights.pkl").write_bytes(pickle.dumps(list(arrays.values())))
    (tmp_path / "weights.bin").write_bytes(np.ones((1000, 10), np.float32).tobytes())
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", arrays["conv"])
    lines = commands("Whatever the client has")
    assert len(lines) >= 9
    for line in lines:
        run(line)
    means = {name: array + 1 for name, array in arrays.items()}
    for found in (np.load(tmp_path / "mean.npz"), safetensors.numpy.load_file(tmp_path / "mean.safetensors")):
        assert set(found) == set(means)
        for name, mean in means.items():
            assert found[name].dtype == mean.dtype and np.array_equal(found[name], mean)
    assert run.gateway.get("/rounds/5").json["reported"] == ["site-a"]


def test_convert_and_inspect(tmp_path):
    np.savez(tmp_path / "model.npz", a=np.arange(5.0))
    subprocess.run([PROGRAM, "convert", "model.npz", "model.safetensors"], cwd=tmp_path, check=True)
    assert np.array_equal(safetensors.numpy.load_file(tmp_path / "model.safetensors")["a"], np.arange(5.0))
    said = subprocess.run([PROGRAM, "inspect", "model.safetensors"], cwd=tmp_path, check=True, capture_output=True)
    assert b"safetensors" in said.stdout and b"float64" in said.stdout
