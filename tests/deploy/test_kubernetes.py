"""deploy/k8s: valid for the APIs that read it, made of the code, and of one mind with docker-compose.yml."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from streams.shell.acls import acls
from streams.shell.settings import Settings
from streams.shell.topics import Names
from tests.deploy.compose import ROOT, example_environment, load

BASE = ROOT / "deploy" / "k8s" / "base"
KUBERNETES = "1.33.0"
CUSTOM = [json.loads(file.read_text()) for file in Path(__file__).parent.glob("schemas/*.json")]
SCHEMAS = {(f"{of['group']}/{of['version']}", of["kind"]): of["schema"] for of in CUSTOM if "kind" in of}
KUSTOMIZATION = yaml.safe_load((BASE / "kustomization.yaml").read_text())
RESOURCES: dict[str, dict[str, Any]] = {
    f"{document['kind']}/{document['metadata']['name']}": document
    for file in KUSTOMIZATION["resources"]
    for document in yaml.safe_load_all((BASE / file).read_text())
    if document is not None
}
COMPONENTS = {name: of for name, of in RESOURCES.items() if of["kind"] in ("StatefulSet", "Deployment")}
SERVICES = load(example_environment())["services"]
PARTITIONS = Settings.model_fields["partitions"].default


def container(component: dict[str, Any]) -> dict[str, Any]:
    """Return the one container of a component's pods."""
    (only,) = component["spec"]["template"]["spec"]["containers"]
    return dict(only)


def environment(component: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of a component's container, those of the config map too."""
    shared = RESOURCES["ConfigMap/quotastream-settings"]["data"]
    return shared | {row["name"]: row.get("value") for row in container(component)["env"]}


def test_every_file_is_part_of_the_base() -> None:
    """A manifest that the kustomization doesn't name is never applied."""
    there = {file.name for file in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert there == set(KUSTOMIZATION["resources"])


@pytest.mark.parametrize("name", RESOURCES)
def test_its_api_takes_it(name: str) -> None:
    """Kubernetes, Strimzi, KEDA and the Prometheus operator know each field, and each has the right type."""
    document = RESOURCES[name]
    schema = SCHEMAS.get((document["apiVersion"], document["kind"]))
    if schema is None:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
    else:
        found = Draft202012Validator(schema).iter_errors(document)
        assert [f"{e.json_path}: {e.message}" for e in found] == []


def test_what_is_made_of_the_code_is_as_the_code_says() -> None:
    """After a change of topics, ACLs or rules `make manifests` has to be run."""
    for file, text in runpy.run_path(str(BASE.parent / "generate.py"))["manifests"]().items():
        assert (BASE / file).read_text() == text, f"{file} is out of date: make manifests"


@pytest.mark.parametrize("name", COMPONENTS)
def test_its_variables_are_settings(name: str) -> None:
    """A misspelt variable would stop the pod at its start."""
    known = {f"QUOTASTREAM_{field.upper()}" for field in Settings.model_fields}
    assert environment(COMPONENTS[name]).keys() - known == set()


@pytest.mark.parametrize("name", COMPONENTS)
def test_it_runs_what_compose_runs_on_the_same_ports(name: str) -> None:
    """One image, one command, one port: two ways to deploy that differ in these would be two programs."""
    component = container(COMPONENTS[name])
    composed = SERVICES[{"worker": "worker-1"}.get(component["name"], component["name"])]
    assert component["args"] == composed["command"]
    for variable, value in environment(COMPONENTS[name]).items():
        if variable.endswith(("_PORT", "_HOST", "_DIR", "LOG_FORMAT")):
            assert composed["environment"][variable] == value, variable
    listens = {port["containerPort"] for port in component["ports"]}
    ports = {int(v) for k, v in environment(COMPONENTS[name]).items() if k.endswith("_PORT")}
    assert listens == ports


@pytest.mark.parametrize("name", COMPONENTS)
def test_it_has_the_least_that_it_needs(name: str) -> None:
    """No root, nothing to write but its own folders, no token of the API, bounded memory."""
    pod, only = COMPONENTS[name]["spec"]["template"]["spec"], container(COMPONENTS[name])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert only["securityContext"]["readOnlyRootFilesystem"] is True
    assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert only["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", COMPONENTS)
def test_its_user_is_one_that_strimzi_makes(name: str) -> None:
    """The password that is mounted is that of the user that is named, and the user has a role."""
    user = environment(COMPONENTS[name])["QUOTASTREAM_SASL_USERNAME"]
    volumes = {v["name"]: v for v in COMPONENTS[name]["spec"]["template"]["spec"]["volumes"]}
    assert volumes["kafka-user"]["secret"]["secretName"] == user
    assert f"KafkaUser/{user}" in RESOURCES


def test_topics_and_users_are_those_of_the_program() -> None:
    """Strimzi makes each topic with the partitions that `topics create` would give it, and each role's user."""
    topics = {t["metadata"]["name"]: t["spec"] for t in RESOURCES.values() if t["kind"] == "KafkaTopic"}
    specs = {spec.name: spec for spec in Names().specs()}
    assert topics.keys() == specs.keys()
    for name, spec in specs.items():
        assert topics[name]["partitions"] == (spec.partitions or PARTITIONS)
        assert spec.config.items() <= topics[name]["config"].items()
    assert {f"quotastream-{role}" for role in acls(Names())} == {
        u["metadata"]["name"] for u in RESOURCES.values() if u["kind"] == "KafkaUser"
    }


def test_it_never_scales_beyond_the_partitions() -> None:
    """A worker more than there are partitions would have nothing to do."""
    spec = RESOURCES["ScaledObject/quotastream-worker"]["spec"]
    assert spec["maxReplicaCount"] == PARTITIONS
    assert spec["triggers"][0]["metadata"]["consumerGroup"] == Names().consumer_group
    assert spec["triggers"][0]["metadata"]["topic"] == Names().remittances
    assert f"{spec['scaleTargetRef']['kind']}/{spec['scaleTargetRef']['name']}" in RESOURCES


def test_what_is_watched_is_what_serves_metrics() -> None:
    """The ServiceMonitor selects the services, and names a port that they have."""
    monitor = RESOURCES["ServiceMonitor/quotastream"]["spec"]
    chosen = [
        s for s in RESOURCES.values() if s["kind"] == "Service"
        and monitor["selector"]["matchLabels"].items() <= s["metadata"]["labels"].items()
    ]  # fmt: skip
    ports = {port["name"] for service in chosen for port in service["spec"]["ports"]}
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= ports
    assert RESOURCES["Service/quotastream-worker"] in chosen
