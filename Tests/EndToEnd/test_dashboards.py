"""Every expression in alert rules and dashboards names only what a gateway serves, and every alert has its runbook."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from fedgate import ROOT, Gateway
from test_observability import table
from weights import encode

DOCKER = ROOT / "docker"
RULES = DOCKER / "prometheus" / "alerts.yaml"
DASHBOARDS = sorted((DOCKER / "grafana" / "dashboards").glob("*.json"))
# What Prometheus adds to each series, and what it makes itself.
ADDED, OWN = {"instance", "job", "role"}, {"up"}
WORDS = {"by", "without", "on", "ignoring", "and", "or", "unless", "group_left", "group_right", "bool", "offset"}


def alerts():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def strings(node, key):
    """Every text under a key, however deep."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key and isinstance(value, str):
                yield value
            else:
                yield from strings(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value, key)


def expressions():
    """Where it stands, and the expression."""
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text())
        for panel in dashboard["panels"]:
            for expression in strings(panel, "expr"):
                yield panel["title"], expression
        for expression in strings(dashboard["annotations"], "expr"):
            yield "annotation", expression
        for variable in dashboard["templating"]["list"]:
            yield variable["name"], re.fullmatch(r"label_values\((\w+), \w+\)", variable["definition"])[1]


def parts(expression):
    """The names of metrics, the labels that select (by metric), and the labels that group."""
    text = re.sub(r"\[[^\]]*\]", "", expression)
    grouped = set()
    for labels in re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", text):
        grouped |= set(re.findall(r"\w+", labels))
    text = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", text)
    selected = {}
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", text):
        pairs = re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers)
        selected.setdefault(name, []).extend(pairs)
    text = re.sub(r"\{[^}]*\}", "", text)
    names = {name for name in re.findall(r"[a-zA-Z_]\w*(?!\w)(?!\s*\()", text) if name not in WORDS}
    return names, selected, grouped


def family(name, documented):
    """The metric's name in the table: a histogram's series have endings."""
    base = next((n for n in (name, re.sub(r"_(bucket|sum|count)$", "", name)) if n in documented), None)
    assert base, f"{name} is not in docs/metrics.md"
    assert (name == base) == (documented[base][0] != "histogram"), f"{name} is no series of a {documented[base][0]}"
    return base


@pytest.mark.parametrize("where, expression", list(expressions()))
def test_an_expression_names_what_is_documented(where, expression):
    documented = table()
    names, selected, grouped = parts(expression)
    names -= OWN
    assert names or OWN & set(selected), f"{where}: no metric in {expression}"
    known = set(ADDED)
    for name in names:
        base = family(name, documented)
        labels = documented[base][1] | ADDED | ({"le"} if name.endswith("_bucket") else set())
        known |= labels
        for label, _, _ in selected.get(name, []):
            assert label in labels, f"{where}: {name} has no label {label}"
    assert grouped <= known, f"{where}: {grouped - known} are no labels in {expression}"


def test_a_live_scrape_has_every_metric_and_value(start, number):
    """What docs/metrics.md says of Kafka is held to a broker by another test."""
    gateway = start(Gateway, "--min-updates", "1", "--compression", "zstd")
    gateway.stored(number, "a", encode([np.zeros(3)]))
    gateway.put(number, "b", b"nonsense")
    gateway.result(number)
    gateway.request("POST", "/commands", b"{}")
    families = list(text_string_to_metric_families(gateway.get("/metrics").body.decode()))
    series = {sample.name for f in families for sample in f.samples}
    labels = {}
    for sample in (sample for f in families for sample in f.samples):
        for label, value in sample.labels.items():
            labels.setdefault((sample.name, label), set()).add(value)
    for where, expression in expressions():
        names, selected, _ = parts(expression)
        for name in names - OWN:
            if "_kafka_" in name:
                continue
            assert name in series, f"{where}: {name} is not served"
            for label, operator, value in selected.get(name, []):
                if label in ADDED or value.startswith("$") or label in ("status", "problem"):
                    continue
                there = labels[name, label]
                matches = {v for v in there if (re.fullmatch(value, v) if "~" in operator else v == value)}
                assert matches if operator.startswith("=") else len(matches) < len(there), (where, name, label, value)


def test_the_problems_that_rules_name_exist():
    source = (ROOT / "Sources" / "Gateway" / "Failure.swift").read_text()
    known = set(re.findall(r'= "([a-z-]+)"', source))
    named = {value for _, expression in expressions() for pairs in parts(expression)[1].values()
             for label, _, values in pairs if label == "problem" for value in values.split("|")}
    assert named and named <= known


def test_every_alert_has_a_section_in_the_runbook_and_every_section_an_alert():
    sections = set(re.findall(r"^### (Fedgate\w+)$", (ROOT / "docs" / "operations.md").read_text(), re.M))
    assert sections == {rule["alert"] for rule in alerts()}
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_panels_do_not_overlap():
    for path in DASHBOARDS:
        taken = {}
        panels = json.loads(path.read_text())["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        for panel in panels:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24, panel["title"]
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    assert taken.setdefault((x, y), panel["title"]) == panel["title"], (panel["title"], taken[x, y])


@pytest.mark.parametrize("arguments", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml")])
def test_promtool_has_nothing_to_say_against_the_rules(arguments):
    if not shutil.which("promtool"):
        pytest.skip("needs promtool, of Debian's package prometheus")
    done = subprocess.run(["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "FAILED" not in done.stdout, done


def test_promtool_reads_the_expressions_of_dashboards(tmp_path):
    """As rules: promtool parses nothing else."""
    if not shutil.which("promtool"):
        pytest.skip("needs promtool, of Debian's package prometheus")
    rules = [{"record": f"panel:{index}", "expr": expression.replace("$__rate_interval", "5m")}
             for index, (_, expression) in enumerate(expressions())]
    path = Path(tmp_path) / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done
