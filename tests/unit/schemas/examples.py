"""Reads schemas/examples: every case of an input as the record's bytes, with what is expected of it."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any, NamedTuple

import schemas

EXAMPLES = Path(schemas.__file__).parent / "examples"
OUTPUTS = ("quota_status", "quota_alert", "dead_letter")


class Case(NamedTuple):
    """One record of an input topic; `reason` and `field` are None where it is valid."""

    name: str
    topic: Any
    value: bytes | None
    reason: str | None
    field: str | None


def _value(case: dict[str, Any]) -> bytes | None:
    if "value_base64" in case:
        return None if case["value_base64"] is None else b64decode(case["value_base64"])
    return (case["value_json"] if "value_json" in case else json.dumps(case["value"])).encode()


def cases(folder: str) -> list[Case]:
    """Return the input cases of `valid` or `invalid`."""
    found = []
    for path in sorted((EXAMPLES / folder).glob("*.json")):
        if path.stem in OUTPUTS:
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        for case in document["cases"]:
            name = f"{path.stem}: {case['why']}"
            found.append(Case(name, document["topic"], _value(case), case.get("reason"), case.get("field")))
    return found


def plain() -> dict[str, dict[str, Any]]:
    """Return the first valid message of every input type: as it usually is."""
    paths = sorted((EXAMPLES / "valid").glob("*.json"))
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))["cases"][0]["value"]
        for path in paths
        if path.stem not in OUTPUTS
    }


def output(name: str) -> dict[str, Any]:
    """Return the example of an output."""
    return json.loads((EXAMPLES / "valid" / f"{name}.json").read_text(encoding="utf-8"))
