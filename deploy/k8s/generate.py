"""Makes what Kubernetes is to know of the code: topics, users with their ACLs, and the rules of Prometheus.

`make manifests` writes kafka-topics, kafka-users and prometheus-rule.yaml in base/; a test fails where they differ.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from streams.shell.acls import Acl, acls
from streams.shell.settings import Settings
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
RULES = HERE.parent / "prometheus" / "rules"
CLUSTER = "kafka"  # the Strimzi Kafka resource's name
REPLICAS = 3
LABELS = {"app.kubernetes.io/part-of": "quotastream"}
HEADER = "# Made by deploy/k8s/generate.py (`make manifests`): change it there, or in the code that it reads.\n"
RESOURCE_TYPES = {"topic": "topic", "group": "group", "transactional-id": "transactionalId", "cluster": "cluster"}


def topics() -> Iterator[dict[str, Any]]:
    """Yield a KafkaTopic each, as `quotastream topics create` would make it on a cluster of three brokers."""
    for spec in Names().specs():
        yield {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {"name": spec.name, "labels": {**LABELS, "strimzi.io/cluster": CLUSTER}},
            "spec": {
                "partitions": spec.partitions or Settings.model_fields["partitions"].default,
                "replicas": REPLICAS,
                "config": {**spec.config, "min.insync.replicas": "2"},
            },
        }


def users() -> Iterator[dict[str, Any]]:
    """Yield a KafkaUser each role, with its ACLs."""
    for role, allowed in acls(Names()).items():
        yield {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaUser",
            "metadata": {"name": f"quotastream-{role}", "labels": {**LABELS, "strimzi.io/cluster": CLUSTER}},
            "spec": {
                "authentication": {"type": "scram-sha-512"},
                "authorization": {"type": "simple", "acls": list(map(_acl, allowed))},
            },
        }


def _acl(acl: Acl) -> dict[str, Any]:
    resource: dict[str, Any] = {"type": RESOURCE_TYPES[acl.resource]}
    if acl.resource != "cluster":  # there is only one, and it has no name
        resource |= {"name": acl.name, "patternType": "prefix" if acl.prefixed else "literal"}
    return {"resource": resource, "operations": list(acl.operations)}


def rules() -> Iterator[dict[str, Any]]:
    """Yield a PrometheusRule each file of rules."""
    for file in sorted(RULES.glob("*.yml")):
        yield {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": f"quotastream-{file.stem}", "labels": LABELS},
            "spec": yaml.safe_load(file.read_text()),
        }


def manifests() -> dict[str, str]:
    """Return the text of each file by its name."""
    made = {"kafka-topics": topics(), "kafka-users": users(), "prometheus-rule": rules()}
    return {
        f"{name}.yaml": HEADER + yaml.safe_dump_all(documents, sort_keys=False, width=118, explicit_start=True)
        for name, documents in made.items()
    }


if __name__ == "__main__":
    for name, text in manifests().items():
        (HERE / "base" / name).write_text(text)
        sys.stdout.write(f"deploy/k8s/base/{name}\n")
