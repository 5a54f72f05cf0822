"""openapi/openapi.yaml against gateways, by requests that schemathesis makes of it: right ones, wrong ones, and chains of them."""

import copy
import faulthandler
import json
import os
import subprocess
import sys
from pathlib import Path

import contract
import numpy as np
import pytest
import yaml
from fedgate import Gateway, eventually
from schemathesis import checks
from test_door import Tokens
from weights import encode

HERE = Path(__file__).parent
# More requests of an operation than usual, and others; without it they are the same each time.
OTHERS = int(os.environ.get("FEDGATE_EXAMPLES", 0))
EXAMPLES = max(OTHERS, 290)
# That each of the two runs has to make at the least; they go on at the same time, one a core.
REQUESTS = 10_000
PHASES = ("examples", "coverage", "fuzzing", "stateful")
UPLOADS = ("putUpdate", "postUpdate", "patchUpload")
# The first part of an upload is stored as it is (201); what it is shows once all parts are there. And what is too long is not read (413).
UNREAD = ("201", "400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429", "5xx")
# A condition that does not hold, and a range that lies outside (RFC 9110, 13.2.2 and 14.4), are no mistakes of the request.
CONDITIONAL = ("2xx", "3xx", "404", "412", "416")
# A key that was used for another command is none either.
KEYED = ("2xx", "422")
RESULTS = ("getResult", "headResult", "getLatestResult", "headLatestResult")


def settings(parameters, token):
    """All checks, but one for uploads: no schema says which bytes are weights."""
    every = "".join(f"{name}.enabled = true\n" for name in checks.CHECKS.get_all_names())
    auth = f'[auth.openapi.token]\nbearer = "{token}"\n' if token else ""
    values = "".join(f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n" for name, values in parameters.items())
    some = "".join(f'"path.{name}" = {{dictionary = "{name}", probability = 0.5}}\n' for name in parameters)
    return f"""
{"" if OTHERS else "seed = 1"}
continue-on-failure = true
request-timeout = 60
[generation]
database = "none"
no-shrink = true
deterministic = {"false" if OTHERS else "true"}
[checks]
{every}
{auth}{values}
[parameters]
{some}
[[operations]]
include-operation-id = {json.dumps(UPLOADS)}
checks.positive_data_acceptance.enabled = false
checks.negative_data_rejection.expected-statuses = {json.dumps(UNREAD)}
[[operations]]
include-operation-id = {json.dumps(RESULTS)}
checks.positive_data_acceptance.expected-statuses = {json.dumps(CONDITIONAL)}
[[operations]]
include-operation-id = "postCommand"
checks.positive_data_acceptance.expected-statuses = {json.dumps(KEYED)}
"""


def without_security(document):
    """As it is where nobody has to show a token."""
    document = copy.deepcopy(document)
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    return document


def without_certificates(document):
    """As it is over plain HTTP, where a token is the only way in."""
    document = copy.deepcopy(document)
    del document["components"]["securitySchemes"]["certificate"]
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and "security" in operation:
                operation["security"] = [way for way in operation["security"] if "certificate" not in way]
    return document


class Run:
    """A gateway that has a result and begun uploads, and schemathesis in a process of its own."""

    def __init__(self, directory, has_door):
        self.directory = directory
        directory.mkdir()
        options = ["--min-updates", "1", "--max-wait", "0.02", "--max-body", "64KiB", "--no-access-log"]
        self.headers, token = {}, None
        if has_door:
            tokens = Tokens(directory / "tokens.jsonl")
            self.headers = tokens.create("--scopes", "upload,read,command,operate")
            token = self.headers["Authorization"].removeprefix("Bearer ")
            options += ["--tokens", str(tokens.path)]
        self.gateway = Gateway(directory / "data", *options).start()
        document = (without_certificates if has_door else without_security)(contract.document())
        (directory / "openapi.yaml").write_text(yaml.safe_dump(document))
        (directory / "schemathesis.toml").write_text(settings(self.prepare(), token))
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_bodies", "PYTHONPATH": str(HERE)}
        with open(directory / "output", "w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", "openapi.yaml",
                 "--url", self.gateway.url, "--phases", ",".join(PHASES), "--max-examples", str(EXAMPLES),
                 "--no-color", "--report", "json", "--report-json-path", "report.json"],
                cwd=directory, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment)

    def prepare(self):
        """Makes what requests can be about; their values by the parameter of the path."""
        gateway, body = self.gateway, encode([np.arange(6, dtype=np.float32)])
        for number in (1, 2):
            assert gateway.put(number, "site-a", body, headers=self.headers).status == 202
            eventually("a result", lambda: gateway.request("GET", f"/rounds/{number}/result", headers=self.headers).status == 200)
        begin = {**self.headers, "Upload-Complete": "?0"}
        begun = [gateway.request("PUT", f"/rounds/3/updates/site-{n}", b"", begin) for n in range(50)]
        return {"round": [1, 2], "upload_id": [answer.headers["Location"].removeprefix("/uploads/") for answer in begun]}

    def requests(self):
        """How many the gateway has answered."""
        text = self.gateway.request("GET", "/metrics", headers=self.headers).body.decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("fedgate_requests_total{"))

    def report(self):
        # pytest.ini's timeout is for tests that hang; this one takes minutes.
        faulthandler.cancel_dump_traceback_later()
        self.process.wait(3600)
        output = (self.directory / "output").read_text()
        print(output[-30_000:])
        report = self.directory / "report.json"
        assert report.exists() and report.stat().st_size, f"no report: {output[-2000:]}"
        return json.loads(report.read_text())

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.gateway.end()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("schemathesis")
    runs = {}
    try:
        for name in ("open", "tokens"):
            runs[name] = Run(directory / name, has_door=name == "tokens")
        yield runs
    finally:
        for run in runs.values():
            run.end()


@pytest.mark.parametrize("door", ("open", "tokens"))
def test_requests_of_all_phases(runs, door):
    run = runs[door]
    report = run.report()
    assert report["failures"] == [] and report["errors"] == [], report["failures"]
    assert {name: phase["status"] for name, phase in report["phases"].items()} == dict.fromkeys(PHASES, "success")
    assert report["operations"]["tested"] == sum(
        method in item for item in contract.document()["paths"].values() for method in ("get", "head", "put", "post", "patch", "delete"))
    cases = report["test_cases"]
    assert (cases["with_failures"], cases["errored"], report["exit_code"]) == (0, 0, 0), cases
    sent = cases["generated"] - cases["without_checks"]
    assert sent >= REQUESTS, cases
    # The report speaks of requests that were answered.
    assert run.requests() >= sent
    # Whatever can be asked was also had; of uploads no schema says what is good.
    never = {name for name, phases in report["valid_rates"].items() if not any(phase["accepted"] for phase in phases.values())}
    assert never <= {"PUT /rounds/{round}/updates/{client_id}", "POST /rounds/{round}/updates"}, never
