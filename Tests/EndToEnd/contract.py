"""openapi/openapi.yaml as a judge of answers."""

import functools
import json
import re
from pathlib import Path

import jsonschema
import yaml

DOCUMENT = Path(__file__).resolve().parents[2] / "openapi" / "openapi.yaml"


@functools.cache
def document():
    return yaml.safe_load(DOCUMENT.read_text())


def resolve(node):
    """What a reference points to."""
    while "$ref" in node:
        target = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def operation(method, path):
    """The operation that a request calls; paths without parameters go first."""
    path = path.split("?")[0]
    for template, item in sorted(document()["paths"].items(), key=lambda entry: entry[0].count("{")):
        pattern = "".join("[^/]+" if part.startswith("{") else re.escape(part)
                          for part in re.split(r"(\{[^}]+\})", template))
        if re.fullmatch(pattern, path):
            assert method.lower() in item, f"{method} {template} is not described"
            return item[method.lower()]
    raise AssertionError(f"{path} is not described")


def check(method, path, answer):
    """Fails unless the status, the type, the headers and the JSON are described."""
    responses = operation(method, path)["responses"]
    assert str(answer.status) in responses, f"{method} {path}: {answer.status} is not described: {answer}"
    response = resolve(responses[str(answer.status)])
    for name, header in response.get("headers", {}).items():
        assert name in answer.headers or not resolve(header).get("required"), f"{name} is missing: {answer}"
    if method == "HEAD" or "content" not in response:
        assert answer.body == b"", answer
        return
    media = answer.headers.get_content_type()
    assert media in response["content"], f"{media} is not described: {answer}"
    if media.endswith("json"):
        validate(json.loads(answer.body), response["content"][media]["schema"])
    if media == "application/problem+json":
        assert json.loads(answer.body)["status"] == answer.status


def validate(value, schema):
    """Fails unless the value is as the schema says; references are those of the document."""
    kind = jsonschema.Draft202012Validator
    schema = {**schema, "components": document()["components"]}
    kind(schema, format_checker=kind.FORMAT_CHECKER).validate(value)
