"""docker-compose.yml: valid, hardened, and in the words of our settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from streams.shell.settings import Settings
from tests.deploy.compose import ROOT, example_environment, load

COMPOSED = load(example_environment())
SERVICES: dict[str, dict[str, Any]] = COMPOSED["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("quotastream:")}
SETTINGS = {f"QUOTASTREAM_{name.upper()}" for name in Settings.model_fields}


def test_it_is_what_the_compose_specification_allows() -> None:
    """The official JSON schema finds nothing wrong: no key that Compose would refuse."""
    schema = json.loads((ROOT / "tests" / "deploy" / "schemas" / "compose-spec.json").read_text())
    assert [f"{e.json_path}: {e.message}" for e in Draft202012Validator(schema).iter_errors(COMPOSED)] == []


def test_a_secret_that_is_not_named_stops_it() -> None:
    """Without .env nobody gets a Grafana with a password that everyone knows."""
    with pytest.raises(KeyError, match="GRAFANA_ADMIN_PASSWORD_FILE"):
        load({})


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_the_least_that_it_needs(name: str) -> None:
    """No root, a root file system that is read only, no capabilities, bounded memory and logs, a pinned image."""
    service = SERVICES[name]
    assert int(service["user"].split(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]
    assert service["logging"]["options"]["max-size"]
    tag = service["image"].partition("@")[0].rpartition(":")[2]
    assert tag[0].isdigit() or tag[0] == "v", f"{service['image']} names no version"


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_says_how_it_is(name: str) -> None:
    """Whatever stays has a health check, and what waits for another waits for its health, not for its start."""
    service = SERVICES[name]
    ends_by_itself = service["restart"] == "no"
    # notify has the image's own check
    assert ends_by_itself or name == "notify" or "test" in service["healthcheck"]
    for waits_for, how in service.get("depends_on", {}).items():
        ends = SERVICES[waits_for]["restart"] == "no"
        assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy")


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_this_machine(name: str) -> None:
    """What a service shows to the host is on its loopback."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", OURS)
def test_each_variable_of_ours_is_a_setting(name: str) -> None:
    """A misspelt variable would stop the service at its start."""
    given = {key for key in OURS[name]["environment"] if key.startswith("QUOTASTREAM_")}
    assert given - SETTINGS == set()


def test_every_file_and_volume_that_is_mounted_is_there() -> None:
    """Docker would make an empty folder in the place of a file that is missing."""
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    assert {source for source in mounted if not source.startswith("./")} == set(COMPOSED["volumes"])
    assert [source for source in mounted if source.startswith("./") and not (ROOT / source).exists()] == []
