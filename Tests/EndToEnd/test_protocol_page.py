"""docs/protocol.md: its bytes, read by the tests' own implementation and by the program."""

import base64
import json
import re
import struct
import subprocess
from pathlib import Path

import numpy as np
import protocol
import pytest
from fedgate import PROGRAM, Gateway
from test_packages import filtered, split
from weights import Record, assemble, decode, encode

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text()
UPDATES = "federated_weight_updates"


def block(kind, name):
    """The text of a fenced block."""
    found, = re.findall(rf"^```{kind} {name}\n(.*?)^```$", PAGE, re.M | re.S)
    return found


def dump(name):
    """The bytes of a dump, whose offsets have to be right."""
    data = b""
    for line in block("hex", name).splitlines():
        offset, digits = re.match(r"([0-9a-f]{4})  ((?:[0-9a-f]{2} ?)+)", line).groups()
        assert int(offset, 16) == len(data), line
        data += bytes.fromhex(digits)
    return data


WEIGHTS, HEAD = dump("weights"), dump("head")
PACKAGE = HEAD + WEIGHTS
MESSAGE = json.loads(block("json", "message"))


def inspect(path, data):
    path.write_bytes(data)
    done = subprocess.run([PROGRAM, "inspect", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    return done.stdout


def is_page_s(arrays):
    """Whether these are the two arrays of section 1."""
    w, b = arrays
    return (w.dtype, w.tolist()) == (np.float32, [0.25, -1.5]) and (b.dtype, b.tolist()) == (np.int16, 7 * [0] + [5] + 4 * [0])


def test_the_weights(tmp_path):
    arrays, metadata = decode(WEIGHTS)
    assert is_page_s(arrays) and metadata == {"layer_names": ["w", "b"]}
    shown = inspect(tmp_path / "weights.fedwt", WEIGHTS)
    assert f"{len(WEIGHTS)} bytes, 2 arrays" in shown and "w  float32  [2]" in shown and "sparse, 1 set" in shown, shown
    # As many bytes as the text says; and a writer by the page's table makes the same ones.
    assert f"{len(WEIGHTS)} bytes." in PAGE
    coo = struct.pack("<IIQIh", 1, 12, 1, 7, 5)
    assert WEIGHTS == assemble(Record("float32", (2,), np.float32([0.25, -1.5]).tobytes()), Record("int16", (12,), coo, flag=2),
                               metadata=b'{"layer_names":["w","b"]}')


def test_the_package(tmp_path):
    header, payload = protocol.unpack(PACKAGE)
    assert payload == WEIGHTS and header["client_id"] == "site-a"
    shown = inspect(tmp_path / "package.fedpk", PACKAGE)
    assert "package, binary_custom, model_weights, checksum right" in shown and "w  float32  [2]" in shown, shown


def test_the_header_s_table_is_what_the_program_writes(start, number):
    """All members of a head, in the page's order; those that may be missing really may."""
    gateway = start(Gateway, "--min-updates", "1", "--envelope", "json")
    gateway.stored(number, "site-a", WEIGHTS)
    header = protocol.opened(protocol.EmbeddedLog(gateway.data).values(UPDATES)[0])[1]
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", PAGE[PAGE.index("| member |"):PAGE.index("### The filter")], re.M)
    assert [name for name, _ in rows if name != "chunks"] == list(header)
    assert {name for name, when in rows if when == "required"} == set(json.loads(HEAD[12:]))


def test_the_message_in_both_envelopes(tmp_path, start):
    assert protocol.signature(MESSAGE, PACKAGE) == MESSAGE["checksum"]
    in_json = json.dumps({**MESSAGE, "payload": base64.b64encode(PACKAGE).decode()}).encode()
    assert protocol.opened(in_json)[2] == WEIGHTS
    shown = inspect(tmp_path / "message.json", in_json)
    assert f"message {MESSAGE['message_id']}, weight_update, checksum right" in shown, shown
    headers = {"ce_specversion": "1.0", "ce_id": MESSAGE["message_id"], "ce_type": "fedgate.weight_update",
               "ce_source": "/clients/site-a", "ce_subject": "3", "ce_timestamp": "1700000000.5", "ce_checksum": MESSAGE["checksum"],
               "ce_metadata": json.dumps(MESSAGE["metadata"]), "ce_time": "2023-11-14T22:13:20.5Z",
               "content-type": "application/vnd.fedpk"}
    named = re.findall(r"^\| `(ce_\w+|content-type)` \|", PAGE, re.M)
    assert sorted(named) == sorted(headers)
    assert protocol.from_event(headers, PACKAGE) == MESSAGE
    for number, (value, headers) in enumerate([(in_json, {}), (PACKAGE, headers)]):
        gateway = start(Gateway, "--min-updates", "1", data=f"data-{number}")
        gateway.end()
        protocol.EmbeddedLog(gateway.data).append(UPDATES, "site-a", value, headers)
        gateway.start()
        assert is_page_s(decode(gateway.result(3))[0])
        result = protocol.EmbeddedLog(gateway.data).headers("federated_aggregation_results")[0]
        assert json.loads(result["ce_metadata"])["counted"] == {"site-a": MESSAGE["message_id"]}


def test_types_and_topics_are_those_of_the_page():
    rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \| `(federated_\w+)` \| (.*?) \| (.*?) \|", PAGE, re.M)
    topics = {name: topic for names, topic, _, _ in rows for name in re.findall(r"`(\w+)`", names)}
    source = (ROOT / "Sources" / "Envelopes" / "MessageType.swift").read_text()
    assert len(topics) == len(re.findall(r"^    case ", source, re.M)) == 7
    for name in topics:
        assert f'"{name}"' in source
    names = set(re.findall(r'"(federated_\w+)"', (ROOT / "Sources" / "Envelopes" / "TopicName.swift").read_text()))
    assert set(topics.values()) | {"federated_dead_letter"} == names


def test_dtypes_are_those_of_the_page():
    text = PAGE[PAGE.index("Dtypes, by the bytes"):PAGE.index("The metadata's `layer_names`")].split("Elements are")[0]
    source = (ROOT / "Sources" / "Weights" / "DType.swift").read_text()
    cases = re.findall(r"case (\w+) = \"(\w+)\"|case ([\w, ]+)$", source, re.M)
    known = {name for _, text, names in cases for name in ([text] if text else names.split(", "))}
    assert set(re.findall(r"`(\w+)`", text)) == known


def test_the_filter(tmp_path):
    plain = np.frombuffer(dump("plain"), "<f4")
    assert split(plain) == dump("filtered")
    array = np.concatenate([plain, np.float32(range(300_000))])
    body = protocol.package(filtered([array]), "model_weights", compression="zstd", filter="byteplane")
    shown = inspect(tmp_path / "package.fedpk", body)
    assert "filter byteplane" in shown and "float32  [300003]" in shown, shown


@pytest.mark.parametrize("magic,reason", [(b"FEDEN001", "not yet supported"), (b"FEDPK002", "is not FEDPK001")])
def test_other_magics_are_refused(gateway, number, magic, reason):
    answer = gateway.put(number, "site-a", magic + PACKAGE[8:], headers={"Content-Type": "application/vnd.fedpk"})
    assert (answer.status, answer.problem) == (422, "malformed-weights") and reason in answer.json["detail"]


def test_chunks_by_the_page(start):
    """Interleaved, one of them twice; and of another message one is missing, which is a dead letter."""
    gateway = start(Gateway, "--min-updates", "1")
    gateway.end()
    log = protocol.EmbeddedLog(gateway.data)
    body = encode([np.arange(1000, dtype=np.float32)])
    parts = [body[start:start + 1500] for start in range(0, len(body), 1500)]
    whole, broken = (protocol.commit(body, len(parts), "site-a", number) for number in (7, 8))
    for index, part in enumerate(parts):
        for fields in (whole, whole, broken) if index == 1 else (whole,) if index == 2 else (whole, broken):
            log.append(UPDATES, "site-a", part, {"fed-message-id": fields["message_id"], "fed-chunk-index": str(index)})
    for fields in (broken, whole):
        log.append(UPDATES, "site-a", json.dumps(fields).encode())
    gateway.start()
    assert decode(gateway.result(7))[0][0].tolist() == list(range(1000))
    letter, = log.headers("federated_dead_letter")
    assert "chunk 2 is missing" in letter["fed-error"] or "chunks of" in letter["fed-error"], letter
    assert log.values("federated_dead_letter") == [json.dumps(broken).encode()]
