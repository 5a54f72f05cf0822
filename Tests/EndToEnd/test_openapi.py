"""openapi/openapi.yaml: its examples are there and as their schemas say."""

import jsonschema
import pytest

import contract


def media():
    """Every body that is described, by where."""
    for path, item in contract.document()["paths"].items():
        for method in set(item) & {"get", "put", "post", "patch", "delete"}:
            operation = item[method]
            bodies = {status: contract.resolve(response) for status, response in operation["responses"].items()}
            if "requestBody" in operation:
                bodies["request"] = contract.resolve(operation["requestBody"])
            for where, body in bodies.items():
                for kind, described in body.get("content", {}).items():
                    yield f"{method.upper()} {path} {where} {kind}", described


def examples(described):
    """The examples of a body or a parameter; those of its schema count."""
    schema = contract.resolve(described["schema"])
    return [described["example"]] if "example" in described else schema.get("examples", [])


MEDIA = dict(media())
JSON = sorted(where for where in MEDIA if where.endswith("json"))


@pytest.mark.parametrize("where", JSON)
def test_json_has_examples_that_its_schema_admits(where):
    found = examples(MEDIA[where])
    assert found, "no example"
    for example in found:
        contract.validate(example, MEDIA[where]["schema"])


def test_parameters_have_examples_that_their_schemas_admit():
    document = contract.document()
    given = [document["components"]["parameters"].values()]
    given += [operation.get("parameters", []) for item in document["paths"].values() for operation in item.values() if isinstance(operation, dict)]
    count = 0
    for parameter in map(contract.resolve, (parameter for parameters in given for parameter in parameters)):
        for example in examples(parameter):
            contract.validate(example, parameter["schema"])
            count += 1
    assert count > 20


def test_what_the_examples_test_refuses():
    with pytest.raises(jsonschema.ValidationError):
        contract.validate({"round_number": -1}, contract.document()["components"]["schemas"]["Message"])
