"""What monitoring and people ask."""

import numpy as np
import yaml
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

import contract
from fedgate import eventually
from weights import encode


def test_health_and_readiness(gateway):
    assert gateway.get("/healthz").json["status"] == "ok"
    eventually("the gateway is ready", lambda: gateway.get("/readyz").status == 200)


def test_openapi_is_valid_and_served_as_it_is(gateway):
    served = gateway.get("/openapi.yaml")
    assert served.body == contract.DOCUMENT.read_bytes()
    validate(yaml.safe_load(served.body))


def samples(gateway):
    """All samples by name and labels."""
    answer = gateway.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.body.decode()))
    assert len({family.name for family in families}) == len(families), "a family comes twice"
    assert all(family.documentation for family in families)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def test_metrics_count_and_name_no_client(gateway, number):
    before = samples(gateway)
    gateway.stored(number, "a-secret-client", encode([np.zeros(3)]))
    gateway.put(number, "a-secret-client", b"nonsense")
    gateway.request("GET", "/a-secret-path", described=False)
    after = eventually("the requests are counted", lambda: grown(before, samples(gateway)))
    assert all(name.startswith(("fedgate_", "process_")) for name, _ in after)
    assert not any("secret" in value for _, labels in after for _, value in labels)
    stored = ("fedgate_updates_stored_total", frozenset())
    assert after[stored] == before.get(stored, 0) + 1


def grown(before, after):
    """The samples, once three requests more are counted beside those for the metrics themselves."""
    def requests(samples):
        return sum(value for (name, labels), value in samples.items()
                   if name == "fedgate_requests_total" and ("route", "/metrics") not in labels)
    return after if requests(after) >= requests(before) + 3 else None


def test_the_first_page_is_for_people(gateway):
    page = gateway.get("/")
    assert page.status == 200 and b"curl" in page.body
