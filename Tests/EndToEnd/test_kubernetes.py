"""deploy/kubernetes: against Kubernetes' own schemas, and that its parts fit together and fit the program."""

import re

import kubernetes_validate
import pytest
import yaml

from fedgate import ROOT, Gateway, Monitored, eventually

OBJECTS = [(path.name, item) for path in sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
           for item in yaml.safe_load_all(path.read_text())]


def of(kind):
    return [item for _, item in OBJECTS if item["kind"] == kind]


def workloads():
    return of("StatefulSet") + of("Deployment")


@pytest.mark.parametrize("version", ["1.30", "1.34"])
@pytest.mark.parametrize("file, item", OBJECTS, ids=[f"{item['kind']}-{item['metadata']['name']}" for _, item in OBJECTS])
def test_an_object_is_as_kubernetes_wants_it(file, item, version):
    kubernetes_validate.validate(item, version, strict=True)


def test_what_selects_finds_its_pods():
    pods = [workload["spec"]["template"]["metadata"]["labels"] for workload in workloads()]
    selectors = [service["spec"]["selector"] for service in of("Service")]
    selectors += [budget["spec"]["selector"]["matchLabels"] for budget in of("PodDisruptionBudget")]
    selectors += [workload["spec"]["selector"]["matchLabels"] for workload in workloads()]
    for selector in selectors:
        assert sum(selector.items() <= labels.items() for labels in pods) == 1, selector
    assert {workload["spec"].get("serviceName") for workload in workloads()} - {None} <= {
        service["metadata"]["name"] for service in of("Service")}


def test_a_pod_may_do_nothing_that_it_need_not():
    for workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
        assert pod["automountServiceAccountToken"] is False
        names = {volume["name"] for volume in pod["volumes"]}
        names |= {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert {mount["name"] for mount in container["volumeMounts"]} == names
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["memory"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] in {port["name"] for port in container["ports"]}
        sources = {volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume}
        assert sources <= {item["metadata"]["name"] for item in of("ConfigMap")}


def test_the_drain_fits_into_the_grace_period():
    settings = yaml.safe_load(of("ConfigMap")[0]["data"]["fedgate.yaml"])
    for workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        drain = settings["http"]["drain_delay"] + 2 * settings["http"]["drain_timeout"] + 30
        assert pod["terminationGracePeriodSeconds"] >= drain
        probe = pod["containers"][0]["readinessProbe"]
        assert settings["http"]["drain_delay"] > probe["periodSeconds"] * probe["failureThreshold"]


def test_a_gateway_takes_the_arguments_and_the_settings(start, tmp_path):
    """On the embedded log: there are no brokers of that name here."""
    settings = of("ConfigMap")[0]["data"]["fedgate.yaml"]
    assert re.search(r"^kafka: .*\n", settings, re.M)
    (tmp_path / "fedgate.yaml").write_text(re.sub(r"^kafka: .*\n", "", settings, flags=re.M))
    assert arguments("StatefulSet") == [
        "serve", "--config", "/etc/fedgate/fedgate.yaml", "--listen", "0.0.0.0:8080", "--data", "/data"]
    gateway = start(Gateway, "--config", str(tmp_path / "fedgate.yaml"), "--log-format", "text")
    assert gateway.get("/healthz").status == 200


def test_an_aggregator_takes_the_arguments_and_the_settings(start, tmp_path, brokers):
    settings = of("ConfigMap")[0]["data"]["fedgate.yaml"]
    (tmp_path / "fedgate.yaml").write_text(settings)
    assert arguments("Deployment") == [
        "aggregate", "--config", "/etc/fedgate/fedgate.yaml", "--private-listen", "0.0.0.0:8080", "--data", "/data"]
    aggregator = start(
        Monitored, "--config", str(tmp_path / "fedgate.yaml"), "--kafka", brokers, "--log-format", "text")
    eventually("it is ready", lambda: aggregator.ask("/readyz").status == 200)


def arguments(kind):
    return of(kind)[0]["spec"]["template"]["spec"]["containers"][0]["args"]
