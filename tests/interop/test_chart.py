"""The Helm chart: read by helm, and what comes of it by the schemas of Kubernetes and by us."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from lading.app.config.sources import Loaded, load
from tests.architecture.repository_files import ROOT
from tests.interop.commands import Program
from tests.peers.programs import program

CHART = ROOT / "deploy/helm/lading"
KUBERNETES = "1.30"
EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry.example/lading", "tag": "v9"},
    "imagePullSecrets": [{"name": "puller"}],
    "auth": {"htpasswd": {"existingSecret": "people", "key": "users", "realm": "Here"}},
    "tls": {"existingSecret": "certificate"},
    "config": {"lading": {"trusted_proxies": ["10.0.0.0/8"]}, "http": {"prefix": "/registry/"}},
    "extraEnv": [{"name": "REGISTRY_LOG_LEVEL", "value": "debug"}],
    "envFrom": [{"secretRef": {"name": "more"}}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "persistence": {"storageClass": "fast", "size": "1Ti"},
    "service": {"type": "LoadBalancer", "port": 443, "annotations": {"a": "b"}},
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "hosts": ["registry.example"],
        "tls": [{"secretName": "front", "hosts": ["registry.example"]}],
    },
    "httpRoute": {
        "enabled": True,
        "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
        "hostnames": ["registry.example"],
        "timeouts": {"request": "600s"},
        "annotations": {"a": "b"},
    },
    "metrics": {
        "enabled": True,
        "serviceMonitor": {"enabled": True, "labels": {"team": "ops"}},
        "prometheusRule": {"enabled": True, "labels": {"team": "ops"}},
    },
    "serviceAccount": {"name": "registry"},
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "disk", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
}
OF_OTHERS = ("HTTPRoute", "PrometheusRule", "ServiceMonitor")
VALUES = {
    "default": {},
    "everything": EVERYTHING,
    "nothing-kept": {"persistence": {"enabled": False}, "probes": {"startup": None}},
    "own-claim": {"persistence": {"existingClaim": "mine"}},
}


@pytest.fixture
def helm(tmp_path: Path) -> Program:
    """Helm, with folders of its own."""
    names = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
    return Program(program("helm"), (), dict.fromkeys(names, str(tmp_path / "helm")))


@pytest.fixture(params=VALUES)
def values(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of values."""
    file = tmp_path / "values.json"
    file.write_text(json.dumps(VALUES[request.param]))
    return file


def rendered(helm: Program, *arguments: str | Path) -> dict[str, dict[str, Any]]:
    """What the chart becomes, by kind."""
    text = helm.text("template", "here", CHART, "--kube-version", KUBERNETES, *arguments)
    documents = [each for each in YAML(typ="safe", pure=True).load_all(text) if each]
    found = {each["kind"]: each for each in documents}
    assert len(found) == len(documents)
    return found


def configured(found: dict[str, dict[str, Any]], folder: Path) -> Loaded:
    """What the server makes of the file in the config map."""
    file = folder / "config.yml"
    file.write_text(found["ConfigMap"]["data"]["config.yml"])
    return load(file=file)


def test_helm_finds_nothing_to_complain_about(helm: Program, values: Path) -> None:
    """Warnings count as mistakes."""
    said = helm.text("lint", "--strict", "--kube-version", KUBERNETES, "--values", values, CHART)

    assert "[WARNING]" not in said
    assert "0 chart(s) failed" in said


def test_kubernetes_would_take_what_comes_of_it(
    helm: Program, values: Path, tmp_path: Path
) -> None:
    """Every field exists and has the right type; what is no part of Kubernetes is left out."""
    kinds = rendered(helm, "--values", values)
    for kind in OF_OTHERS:
        kinds.pop(kind, None)
    folder = tmp_path / "rendered"
    folder.mkdir()
    for kind, document in kinds.items():
        (folder / f"{kind}.json").write_text(json.dumps({**document, "metadata": {
            **document["metadata"], "namespace": "default",
        }}))  # fmt: skip

    done = subprocess.run(
        [program("kubectl-validate"), "--version", KUBERNETES, folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("OK") == len(kinds)


def test_a_server_starts_with_the_file_that_it_makes(
    helm: Program, values: Path, tmp_path: Path
) -> None:
    """The address, the directory and the mounts are those of the pod."""
    found = rendered(helm, "--values", values)
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]

    config = configured(found, tmp_path).config

    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    mounts = {each["mountPath"] for each in container["volumeMounts"]}
    assert config.listen == f":{ports['registry']}"
    assert config.debug.listen == (f":{ports['metrics']}" if "metrics" in ports else None)
    assert {str(config.root), "/etc/distribution", "/tmp"} <= mounts


def test_volumes_are_mounted_and_mounts_are_volumes(helm: Program, values: Path) -> None:
    """None is forgotten on either side."""
    pod = rendered(helm, "--values", values)["Deployment"]["spec"]["template"]["spec"]

    assert {each["name"] for each in pod["volumes"]} == {
        each["name"] for each in pod["containers"][0]["volumeMounts"]
    }


def test_what_is_asked_for_reaches_the_file(helm: Program, tmp_path: Path) -> None:
    """What people set stays, beside what the chart adds."""
    file = tmp_path / "values.json"
    file.write_text(json.dumps(EVERYTHING))

    found = rendered(helm, "--values", file)
    config = YAML(typ="safe", pure=True).load(found["ConfigMap"]["data"]["config.yml"])

    assert config["auth"]["htpasswd"] == {"realm": "Here", "path": "/etc/registry/auth/users"}
    assert config["http"]["tls"]["certificate"] == "/etc/registry/tls/tls.crt"
    assert config["http"]["prefix"] == "/registry/"
    assert config["lading"]["trusted_proxies"] == ["10.0.0.0/8"]


def test_the_monitor_scrapes_the_port_of_the_service(helm: Program, tmp_path: Path) -> None:
    """It finds the service by labels and the port by name."""
    file = tmp_path / "values.json"
    file.write_text(json.dumps(EVERYTHING))

    found = rendered(helm, "--values", file)

    (endpoint,) = found["ServiceMonitor"]["spec"]["endpoints"]
    wanted = found["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
    assert endpoint["port"] in {each["name"] for each in found["Service"]["spec"]["ports"]}
    assert wanted.items() <= found["Service"]["metadata"]["labels"].items()


def test_the_route_leads_to_the_port_of_the_service(helm: Program, tmp_path: Path) -> None:
    """From the gateway that is named, for the hosts that are named."""
    file = tmp_path / "values.json"
    file.write_text(json.dumps(EVERYTHING))

    found = rendered(helm, "--values", file)

    route, service = found["HTTPRoute"], found["Service"]
    (rule,) = route["spec"]["rules"]
    (backend,) = rule["backendRefs"]
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["spec"]["parentRefs"] == EVERYTHING["httpRoute"]["parentRefs"]
    assert route["spec"]["hostnames"] == ["registry.example"]
    assert rule["timeouts"] == {"request": "600s"}
    assert backend["name"] == service["metadata"]["name"]
    assert backend["port"] in {each["port"] for each in service["spec"]["ports"]}


def test_the_alerts_are_those_of_prometheus(helm: Program, tmp_path: Path) -> None:
    """Word by word: what Prometheus fills in is not taken for what helm does."""
    file = tmp_path / "values.json"
    file.write_text(json.dumps(EVERYTHING))
    alerts = (ROOT / "deploy/prometheus/lading-alerts.yml").read_text()

    found = rendered(helm, "--values", file)["PrometheusRule"]

    assert found["spec"] == YAML(typ="safe", pure=True).load(alerts)
    assert found["metadata"]["labels"]["team"] == "ops"


def test_what_other_programs_read_is_not_made_unasked(helm: Program) -> None:
    """A cluster without an operator or a gateway would refuse the whole release."""
    found = rendered(helm)

    assert {*OF_OTHERS, "Ingress"}.isdisjoint(found)


def test_a_changed_file_replaces_the_pod(helm: Program) -> None:
    """Without that, a server goes on with the old one."""
    plain = rendered(helm)
    changed = rendered(helm, "--set", "config.storage.delete.enabled=false")

    annotations = [
        each["Deployment"]["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        for each in (plain, changed)
    ]
    assert annotations[0] != annotations[1]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("metrics.serviceMonitor.enabled=true", "metrics.serviceMonitor needs metrics.enabled"),
        ("metrics.prometheusRule.enabled=true", "metrics.prometheusRule needs metrics.enabled"),
        ("httpRoute.enabled=true", "httpRoute.parentRefs names no gateway"),
        ("httpRoute.parentRefs[0].nam=public", "nam"),
        ("ingress.enabled=true", "ingress.hosts names no host"),
        ("persistance.enabled=false", "persistance"),
        ("service.port=many", "port"),
        ("persistence.existingclaim=mine", "existingclaim"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(helm: Program, setting: str, told: str) -> None:
    """With what is missing, or with the name that means nothing."""
    assert told in helm.refusal(
        "template", "here", CHART, "--kube-version", KUBERNETES, "--set", setting
    )
