"""The command line."""

import json
import subprocess

import numpy as np
import pytest

from fedgate import PROGRAM
from weights import decode, encode, same, sparse


def run(*arguments, text=None):
    return subprocess.run([PROGRAM, *map(str, arguments)], input=text, capture_output=True, timeout=120)


def test_help_and_version():
    overview = run("--help")
    assert overview.returncode == 0
    for command in ("serve", "aggregate", "push", "pull", "inspect"):
        assert command in overview.stdout.decode()
        page = run(command, "--help")
        assert page.returncode == 0 and command in page.stdout.decode()
    assert run("--version").stdout.startswith(b"fedgate ")


@pytest.mark.parametrize("line, hint", [
    (["serv"], "serve"), (["serve", "--lisen", "127.0.0.1:0"], "--listen"),
    (["serve", "--min-updates", "none"], "none"), (["serve", "--listen", "nowhere"], "nowhere"), (["aggregate"], "--kafka"), (["inspect"], "file"),
    (["serve", "--envelope", "jsn"], "json"), (["serve", "--compression", "auto", "--memory", "1MiB"], "--memory"),
])
def test_a_wrong_command_line(line, hint, tmp_path):
    done = run(*line)
    assert done.returncode == 2 and hint in done.stderr.decode() and done.stdout == b"", done


def test_push_and_pull(gateway, number, tmp_path):
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3)]
    (tmp_path / "a.fedwt").write_bytes(encode(arrays))
    pushed = run("push", tmp_path / "a.fedwt", "--round", number, "--client", "a", "--url", gateway.url)
    assert pushed.returncode == 0 and json.loads(pushed.stdout)["client_id"] == "a", pushed
    pulling = subprocess.Popen(
        [PROGRAM, "pull", "--round", str(number), "--url", gateway.url, "--output", tmp_path / "mean", "--wait", "120"])
    pushed = run("push", "-", "--round", number, "--client", "b", "--url", gateway.url, "--num-samples", "3",
                 text=encode([arrays[0] + 4]))
    assert pushed.returncode == 0, pushed
    assert pulling.wait(120) == 0
    assert same(decode((tmp_path / "mean").read_bytes())[0], [arrays[0] + 3])
    latest = run("pull", "--round", "latest", "--url", gateway.url, "--output", "-")
    assert latest.stdout[:8] == b"FEDWT001"


def test_push_and_pull_fail_with_the_problem(gateway, number, tmp_path):
    (tmp_path / "bad").write_bytes(b"nonsense, and not even a multiple of four")
    pushed = run("push", tmp_path / "bad", "--round", number, "--client", "a", "--url", gateway.url)
    assert pushed.returncode == 1 and "FEDWT001" in pushed.stderr.decode(), pushed
    pulled = run("pull", "--round", number, "--url", gateway.url, "--output", tmp_path / "none")
    assert pulled.returncode == 1 and pulled.stderr, pulled
    assert not (tmp_path / "none").exists()


def test_inspect(tmp_path):
    thin = np.zeros((30, 40), np.float32)
    thin[3, 4] = 1
    dense = encode([np.zeros((2, 3), np.int16)], {"layer_names": ["conv"]})
    for name, body, words in (("dense", dense, ("conv", "int16")), ("sparse", sparse(thin), ("float32", "sparse"))):
        (tmp_path / name).write_bytes(body)
        done = run("inspect", tmp_path / name)
        assert done.returncode == 0 and all(word in done.stdout.decode() for word in words), done
    (tmp_path / "cut").write_bytes(body[:40])
    done = run("inspect", tmp_path / "cut")
    assert done.returncode == 1 and done.stderr, done
