"""openapi/asyncapi.yaml: valid, as the code says, and its examples are what another implementation and the gateway read."""

import base64
import hashlib
import json
import re
from pathlib import Path

import jsonschema
import protocol
import pytest
import yaml
from fedgate import Gateway, eventually
from weights import decode

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = yaml.safe_load((ROOT / "openapi" / "asyncapi.yaml").read_text())
MESSAGES = DOCUMENT["components"]["messages"]
UPDATES, RESULTS, DEAD = "federated_weight_updates", "federated_aggregation_results", "federated_dead_letter"
EXAMPLES = [(name, example) for name, message in MESSAGES.items() for example in message["examples"]]


def source(path):
    return (ROOT / "Sources" / path).read_text()


def resolve(node):
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def example(name, index=0):
    """An example's headers, and its value as the bytes on the log."""
    found = MESSAGES[name]["examples"][index]
    value = found["payload"]
    return found.get("headers", {}), base64.b64decode(value) if isinstance(value, str) else json.dumps(value).encode()


def test_it_is_valid():
    schema = json.loads((Path(__file__).parent / "schemas" / "asyncapi-3.0.0.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(DOCUMENT)


def test_it_says_what_the_code_says():
    topics = source("Envelopes/TopicName.swift")
    names = dict(re.findall(r'static let (\w+) = "(federated_\w+)"', topics))
    table = re.search(r"partitions: \[String: Int32\] = \[(.*)\]", topics)[1]
    partitions = {names[topic]: int(count) for topic, count in re.findall(r"(\w+): (\d+)", table)}
    assert {channel["address"]: channel["bindings"]["kafka"]["partitions"] for channel in DOCUMENT["channels"].values()} == partitions
    cases = re.findall(r'case (\w+)(?: = "(\w+)")?$', source("Envelopes/MessageType.swift"), re.M)
    types = {text or name for name, text in cases}
    assert set(DOCUMENT["components"]["schemas"]["Message"]["properties"]["message_type"]["enum"]) == types
    assert types == {message["name"] for message in MESSAGES.values()} - {"in_binary", "chunk", "dead_letter"}


@pytest.mark.parametrize("name,example", EXAMPLES, ids=[f"{name}-{example['name']}" for name, example in EXAMPLES])
def test_each_example_is_as_its_schema_says(name, example):
    message = MESSAGES[name]
    jsonschema.validate(example.get("headers", {}), resolve(message["headers"]))
    if isinstance(example["payload"], dict) and name != "DeadLetter":
        jsonschema.validate(example["payload"], resolve(message["payload"]))


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - {"InBinary", "Chunk", "Commit", "DeadLetter"}))
def test_messages_in_json(name):
    fields, header, payload = protocol.opened(example(name)[1])
    assert fields["message_type"] == MESSAGES[name]["name"]
    if name in ("WeightUpdate", "AggregationResult"):
        assert decode(payload)[0][0].tolist() == [0.25, -1.5]
    else:
        assert header["data_type"] == "metadata" and isinstance(json.loads(payload), dict)


def test_the_message_in_the_binary_envelope_is_the_one_in_json():
    headers, package = example("InBinary")
    update = json.loads(example("WeightUpdate")[1])
    assert package == base64.b64decode(update.pop("payload"))
    assert protocol.from_event(headers, package) == update


def test_the_chunks_are_what_the_commit_record_says():
    chunks = [example("Chunk", index) for index in range(len(MESSAGES["Chunk"]["examples"]))]
    fields = json.loads(example("Commit")[1])
    package = base64.b64decode(fields["payload"])
    assert protocol.signature(fields, package) == fields["checksum"] and protocol.head_end(package) == len(package)
    header, whole = json.loads(package[12:]), b"".join(value for _, value in chunks)
    assert header["chunks"] == {"count": len(chunks), "size": len(whole)} and header["compressed_size"] == len(whole)
    assert header["checksum"] == hashlib.sha256(whole).hexdigest() == fields["metadata"]["body_digest"]
    assert [headers for headers, _ in chunks] == [
        {"fed-message-id": fields["message_id"], "fed-chunk-index": str(index)} for index in range(len(chunks))]
    assert decode(whole)[0][0].tolist() == [0.75, 1.5]


def test_the_gateway_reads_updates_and_small_messages(start):
    """Put on the log by somebody else: the update in both envelopes counts once, the chunks count, the wrong one is a dead letter."""
    gateway = start(Gateway, "--min-updates", "2")
    gateway.end()
    log = protocol.EmbeddedLog(gateway.data)
    letter, wrong = example("DeadLetter")
    for name, index, key in (("InBinary", 0, "site-a"), ("Chunk", 0, "site-b"), ("WeightUpdate", 0, "site-a"), ("Chunk", 1, "site-b"),
                             ("Commit", 0, "site-b")):
        if name == "InBinary":
            log.append(UPDATES, key, wrong)
        headers, value = example(name, index)
        log.append(UPDATES, key, value, headers)
    for name in ("ClientRegistration", "StatusUpdate", "HealthCheck", "ErrorReport"):
        log.append("federated_clients", "site-a", example(name)[1])
    log.append("federated_control", "gateway", example("TrainingCommand")[1])
    gateway.start()
    # (120 × [0.25, -1.5] + 40 × [0.75, 1.5]) / 160
    assert decode(gateway.result(3))[0][0].tolist() == [0.375, -0.75]
    assert (log.values(DEAD), log.headers(DEAD)) == ([wrong], [letter])
    eventually("the client is known", lambda: gateway.get("/clients").json["clients"])
    for name, path, last in (("ClientRegistration", "", lambda answer: answer["registration"]),
                             ("StatusUpdate", "/status", lambda answer: answer["reports"][-1]["report"]),
                             ("HealthCheck", "/health", lambda answer: answer["reports"][-1]["report"]),
                             ("ErrorReport", "/errors", lambda answer: answer["reports"][-1]["report"])):
        said = json.loads(protocol.opened(example(name)[1])[2])
        assert last(gateway.get(f"/clients/site-a{path}").json) == said
    command = json.loads(protocol.opened(example("TrainingCommand")[1])[2])
    assert [c["command"] for c in gateway.get("/commands").json["commands"]] == [command]


def test_the_gateway_serves_the_result(start):
    gateway = start(Gateway)
    gateway.end()
    protocol.EmbeddedLog(gateway.data).append(RESULTS, "3", example("AggregationResult")[1])
    gateway.start()
    assert decode(gateway.result(3))[0][0].tolist() == [0.25, -1.5]
