"""What is registered at a schema registry, and what is said where there is none."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from streams.shell import registry
from streams.shell.topics import Names
from tests.running import free_port


def test_every_topic_has_a_subject_with_a_schema_of_all_its_messages() -> None:
    """A topic that is left out has its clients register something of their own making."""
    found = registry.subjects(Names("p-"))
    assert list(found) == [
        "p-remittances-value", "p-policy-changes-value", "p-quota-status-value", "p-quota-alerts-value",
        "p-quota-dead-letters-value",
    ]  # fmt: skip
    for schema in found.values():
        Draft202012Validator.check_schema(schema)
    assert len(found["p-policy-changes-value"]["oneOf"]) == 12


def test_no_registry_is_one_line() -> None:
    """A wrong address is told with what to look at."""
    with pytest.raises(registry.RegistryError, match="is it running there"):
        registry.register(f"http://127.0.0.1:{free_port()}", Names())
