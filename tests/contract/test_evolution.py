"""What was released stays usable: schemas go on from it, and recorded messages mean what they meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from schemas import publishing
from streams.shell import codec, evolution
from tests.contract.record import RECORDED, meaning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VERSIONS = sorted(path.name for path in evolution.RELEASED.iterdir())


def recorded(version: str, name: str) -> list[dict[str, Any]]:
    """Return what was recorded of a release."""
    lines = (RECORDED / version / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_the_schemas_go_on_from_the_last_released_ones() -> None:
    """A change that breaks producers or subscribers is a version 2, and not a surprise."""
    assert evolution.breaks() == []


def test_the_last_released_is_the_highest_version(tmp_path: Path) -> None:
    """10 is after 9, which their names as text don't say."""
    for version in ("0.9.0", "0.10.0", "0.2.11"):
        (tmp_path / version).mkdir()
    assert evolution.last_released(tmp_path).name == "0.10.0"


# What the released schema said where today's says what it says: (message, change of the released one, is it broken?)
CHANGES: list[tuple[str, Callable[[dict[str, Any]], object], bool]] = [
    ("remittance", lambda s: s["properties"].pop("reference"), False),  # today has a field more
    ("remittance", lambda s: s["properties"].update(note={"type": "string"}), True),  # and here one less
    ("remittance", lambda s: s["required"].remove("channel"), True),
    ("remittance", lambda s: s["required"].append("levy_id"), False),
    ("remittance", lambda s: s["properties"]["channel"]["enum"].append("barter"), True),
    ("remittance", lambda s: s["properties"]["channel"]["enum"].remove("cash"), False),
    ("remittance", lambda s: s["properties"]["reference"]["anyOf"][0].update(maxLength=65), True),
    ("remittance", lambda s: s["properties"]["reference"]["anyOf"][0].update(maxLength=63), False),
    ("remittance", lambda s: s["properties"]["reference"]["anyOf"].append({"type": "integer"}), True),
    ("remittance", lambda s: s["properties"]["group_id"].update(pattern="^.*$"), True),
    ("remittance", lambda s: s["properties"]["group_id"].update(description="said otherwise"), False),
    ("remittance", lambda s: s.pop("allOf"), True),  # decimals were not held to the currency
    ("remittance", lambda s: s.update(additionalProperties=True), True),
    ("target_set", lambda s: s["properties"]["plan_year"].update(minimum=1999), True),
    ("target_set", lambda s: s["properties"]["plan_year"].update(minimum=2001), False),
    ("target_set", lambda s: s["$defs"]["Monthly"]["properties"]["weights"].update(maxItems=13), True),
    ("quota_alert", lambda s: s["properties"].pop("summary") and s["required"].remove("summary"), False),
    ("quota_alert", lambda s: s["properties"].update(note={"type": "string"}), True),
    ("quota_alert", lambda s: s["required"].remove("causes"), False),
    ("quota_alert", lambda s: s["required"].append("note"), True),
    ("quota_alert", lambda s: s["properties"]["kind"]["enum"].append("gone"), False),
    ("quota_alert", lambda s: s["properties"]["kind"]["enum"].remove("silent"), True),
    ("quota_alert", lambda s: s["properties"]["threshold"]["anyOf"].append({"type": "number"}), False),
    ("quota_alert", lambda s: s["properties"]["levy_id"]["anyOf"].pop(), True),  # it could not be null
    ("quota_status", lambda s: s["$defs"]["LevyStatus"]["required"].remove("target"), False),
    ("quota_status", lambda s: s["$defs"]["LevyStatus"]["properties"].update(x={"type": "null"}), True),
]


@pytest.mark.parametrize(("name", "change", "broken"), CHANGES)
def test_the_gate_tells_what_breaks_from_what_does_not(
    name: str, change: Callable[[dict[str, Any]], object], broken: bool, tmp_path: Path
) -> None:
    """Inputs may become wider, outputs narrower or longer; the other way round the gate closes."""
    schema = publishing.json_schema(name)
    change(schema)
    Draft202012Validator.check_schema(schema)
    (tmp_path / publishing.file_name(name)).write_text(json.dumps(schema), encoding="utf-8")
    found = evolution.breaks(tmp_path)
    assert bool(found) == broken, found
    assert all(said.startswith(f"{name}: ") for said in found)


def test_a_message_that_is_gone_closes_the_gate(tmp_path: Path) -> None:
    """Who still sends it would find out by dead letters."""
    (tmp_path / "pledge.v1.schema.json").write_text("{}", encoding="utf-8")
    assert evolution.breaks(tmp_path) == ["pledge: the message is gone"]


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_inputs_mean_what_they_meant(version: str) -> None:
    """A message in a log that is kept for ever is known by the same id, and repeats of it stay repeats."""
    lines = recorded(version, "inputs")
    assert sum(bool(line["good"]) for line in lines) > 200
    for line in lines:
        value = line["value"].encode()
        if line["good"]:
            assert meaning(line["topic"], value) == line["good"]
            if line["value"].startswith("{"):
                kind = json.loads(value)["type"]
                assert Draft202012Validator(publishing.json_schema(kind)).is_valid(json.loads(value))
        else:
            with pytest.raises(codec.BadRecord):
                codec.decode(line["topic"], value)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["statuses", "alerts", "letters"])
def test_recorded_outputs_are_read_today(version: str, name: str) -> None:
    """A subscriber of today starts at the beginning of topics that an older worker wrote."""
    lines = recorded(version, name)
    assert lines
    for line in lines:
        kind = line["value"]["type"]
        publishing.OUTPUTS[kind].model_validate(line["value"] | {"added_later": {"x": 1}})
        assert Draft202012Validator(publishing.json_schema(kind)).is_valid(line["value"])
        assert line["headers"]["ce_type"] == f"org.quotastream.{kind}.v1"
