"""Updates in, the weighted mean out."""

import json
import subprocess
import threading
import urllib.parse

import numpy as np
import pytest

from fedgate import Gateway, eventually
from weights import Record, assemble, decode, encode, mean, same, sparse

RANDOM = np.random.default_rng(1)


def arrays(scale=1.0):
    """Arrays such as a model has."""
    return [(RANDOM.normal(size=shape) * scale).astype(np.float32) for shape in ((7, 5), (5,), (3, 2, 4))]


def test_two_sites_with_curl(gateway, number, tmp_path):
    updates = [(100, arrays()), (300, arrays(2))]
    for site, (samples, update) in zip("ab", updates):
        (tmp_path / site).write_bytes(encode(update))
        receipt = json.loads(subprocess.run(
            ["curl", "-sSf", "-T", tmp_path / site,
             f"{gateway.url}/rounds/{number}/updates/site-{site}?num_samples={samples}"],
            check=True, capture_output=True, timeout=60).stdout)
        assert receipt["client_id"] == f"site-{site}" and receipt["round_number"] == number
        assert receipt["arrays"] == 3 and receipt["parameters"] == 35 + 5 + 24
        assert receipt["original_size"] == (tmp_path / site).stat().st_size
    subprocess.run(
        ["curl", "-sSf", "-o", tmp_path / "mean", f"{gateway.url}/rounds/{number}/result?wait=30"],
        check=True, timeout=60)
    assert same(decode((tmp_path / "mean").read_bytes())[0], mean(updates))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_mean_of_floats_is_numpys(gateway, number, dtype):
    updates = [(n, [RANDOM.normal(size=(40, 30)).astype(dtype), np.array(RANDOM.normal(), dtype)]) for n in (17, 251)]
    for site, (samples, update) in enumerate(updates):
        gateway.stored(number, f"site-{site}", encode(update), samples)
    assert same(decode(gateway.result(number))[0], mean(updates))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_the_mean_of_integers_rounds_half_to_even(gateway, number, dtype):
    limits = np.iinfo(dtype)
    left = np.array([0, 1, 2, 3, limits.max, limits.min, limits.max - 2, 100], dtype)
    right = np.array([1, 2, 3, 4, limits.max, limits.min, limits.max - 2, 27], dtype)
    for site, update in enumerate((left, right)):
        gateway.stored(number, f"site-{site}", encode([update]))
    expected = np.array([0, 2, 2, 4, limits.max, limits.min, limits.max - 2, 64], dtype)
    assert same(decode(gateway.result(number))[0], [expected])


def test_the_mean_of_bools_is_the_majority(gateway, number):
    for site, samples, update in (("a", 1, [True, True, False, False]), ("b", 2, [True, False, True, False])):
        gateway.stored(number, site, encode([np.array(update)]), samples)
    assert same(decode(gateway.result(number))[0], [np.array([True, False, True, False])])


@pytest.mark.parametrize("dtype, one, two, half", [
    ("bfloat16", "803f", "0040", "c03f"), ("float8_e4m3fn", "38", "40", "3c"), ("float8_e5m2", "3c", "40", "3e")])
def test_small_floats(gateway, number, dtype, one, two, half):
    for site, value in (("a", one), ("b", two)):
        gateway.stored(number, site, assemble(Record(dtype, (1,), bytes.fromhex(value))))
    assert gateway.result(number) == assemble(Record(dtype, (1,), bytes.fromhex(half)))


def test_what_is_not_finite_spreads(gateway, number):
    left = np.array([np.nan, np.inf, np.inf, -0.0, 1e38], np.float32)
    right = np.array([1, 1, -np.inf, -0.0, 3e38], np.float32)
    for site, update in (("a", left), ("b", right)):
        gateway.stored(number, site, encode([update]))
    (result,), _ = decode(gateway.result(number))
    assert np.isnan(result[0]) and np.isinf(result[1]) and np.isnan(result[2])
    assert np.signbit(result[3]) or result[3] == 0
    assert result[4] == np.float32((float(left[4]) + float(right[4])) / 2)


def test_arrays_with_no_elements_and_no_dimensions(gateway, number):
    update = [np.zeros((0, 3), np.float32), np.array(2.5, np.float32), np.zeros((0,), np.int8)]
    for site in "ab":
        gateway.stored(number, site, encode(update))
    assert same(decode(gateway.result(number))[0], update)


def test_a_sparse_update_and_a_dense_one(gateway, number):
    thin = np.zeros((50, 40), np.float32)
    thin[3, 5], thin[49, 39], thin[0, 0] = 1.5, -2.0, 0.25
    full = RANDOM.normal(size=(50, 40)).astype(np.float32)
    gateway.stored(number, "thin", sparse(thin), 3)
    gateway.stored(number, "full", encode([full]), 5)
    assert same(decode(gateway.result(number))[0], mean([(3, [thin]), (5, [full])]))


def test_two_sparse_updates(gateway, number):
    updates = []
    for site in range(2):
        thin = np.zeros((100, 100), np.float32)
        thin[RANDOM.integers(0, 100, 20), RANDOM.integers(0, 100, 20)] = 1 + site
        updates.append((1 + site, [thin]))
        gateway.stored(number, f"site-{site}", sparse(thin), 1 + site)
    assert same(decode(gateway.result(number))[0], mean(updates))


def test_arrays_are_matched_by_name(gateway, number):
    a, b = np.array([1, 2], np.float32), np.array([[5]], np.float64)
    gateway.stored(number, "first", encode([a, b], {"layer_names": ["a", "b"]}))
    gateway.stored(number, "second", encode([b + 1, a + 1], {"layer_names": ["b", "a"]}))
    result, metadata = decode(gateway.result(number))
    assert same(result, [a + np.float32(0.5), b + 0.5])
    assert metadata["layer_names"] == ["a", "b"]


def test_of_a_client_the_latest_update_counts(gateway, number):
    gateway.stored(number, "hasty", encode([np.array([100.0])]), 7)
    gateway.stored(number, "hasty", encode([np.array([4.0])]), 3)
    assert gateway.round(number)["reported"] == ["hasty"]
    gateway.stored(number, "calm", encode([np.array([8.0])]), 1)
    assert same(decode(gateway.result(number))[0], [np.array([5.0])])


def test_without_num_samples_everybody_weighs_the_same(gateway, number):
    for site, value in (("a", 1.0), ("b", 4.0)):
        gateway.stored(number, site, encode([np.array([value])]))
    assert same(decode(gateway.result(number))[0], [np.array([2.5])])


def test_post_with_the_client_in_the_query(gateway, number):
    for site in ("a", "Zürich %2F"):
        path = f"/rounds/{number}/updates?client_id={urllib.parse.quote(site, safe='')}"
        answer = gateway.request("POST", path, encode([np.zeros(2)]))
        assert answer.status == 202 and answer.json["client_id"] == site, answer
    gateway.result(number)
    assert sorted(gateway.round(number)["reported"]) == ["Zürich %2F", "a"]


def test_a_body_without_a_length(gateway, number):
    update = encode([RANDOM.normal(size=300_000)])
    pieces = [update[at:at + 70_001] for at in range(0, len(update), 70_001)]
    for site in "ab":
        answer = gateway.request("PUT", f"/rounds/{number}/updates/{site}", iter(pieces))
        assert answer.status == 202 and answer.json["original_size"] == len(update), answer
    assert same(decode(gateway.result(number))[0], decode(update)[0])


def test_a_round_from_its_first_update_to_its_result(gateway, number):
    assert gateway.get(f"/rounds/{number}").status == 404
    gateway.stored(number, "a", encode([np.ones(3)]))
    assert gateway.round(number) | {"deadline": None} == {
        "round_number": number, "state": "open", "reported": ["a"], "aggregated": 0.0, "missing": 1, "deadline": None}
    assert {"round_number": number, "state": "open"} in gateway.get("/rounds").json["rounds"]
    gateway.stored(number, "b", encode([np.ones(3)]))
    gateway.result(number)
    closed = gateway.round(number)
    assert closed["state"] == "closed" and closed["missing"] == 0 and sorted(closed["reported"]) == ["a", "b"]
    rounds = gateway.get("/rounds").json["rounds"]
    assert {"round_number": number, "state": "closed"} in rounds
    assert [r["round_number"] for r in rounds] == sorted(r["round_number"] for r in rounds)


def test_a_closed_round_takes_no_more(gateway, number):
    for site in "ab":
        gateway.stored(number, site, encode([np.ones(3)]))
    before = gateway.result(number)
    answer = gateway.put(number, "late", encode([np.full(3, 9.0)]))
    assert answer.status == 409 and answer.problem == "round-closed"
    assert gateway.result(number) == before


def test_the_largest_round_number(gateway):
    for site in "ab":
        gateway.stored(2**53 - 1, site, encode([np.ones(1)]))
    gateway.result(2**53 - 1)


def test_a_round_closes_at_its_deadline(start):
    gateway = start(Gateway, "--min-updates", "3", "--round-deadline", "1")
    updates = [(1, [np.array([1.0])]), (3, [np.array([5.0])])]
    for site, (samples, update) in enumerate(updates):
        # The second one may come too late on a slow machine; then the first alone counts.
        answer = gateway.put(1, f"site-{site}", encode(update), f"num_samples={samples}")
        assert answer.status in (202, 409)
    (result,), _ = decode(gateway.result(1))
    assert result[0] == {1: 1.0, 2: 4.0}[len(gateway.round(1)["reported"])]


def test_many_rounds_at_once(start):
    gateway = start(Gateway, "--min-updates", "4")
    values = {(number, site): float(7 * number + site) for number in range(20) for site in range(4)}

    def upload(site):
        for number in range(20):
            gateway.stored(number, f"site-{site}", encode([np.full(1000, values[number, site])]), site + 1)

    threads = [threading.Thread(target=upload, args=[site]) for site in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(20):
        (result,), _ = decode(gateway.result(number))
        assert (result == sum((site + 1) * values[number, site] for site in range(4)) / 10).all()
    assert len(eventually("all rounds are listed", lambda: gateway.get("/rounds").json["rounds"])) == 20
