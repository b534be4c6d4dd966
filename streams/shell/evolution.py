"""The gate on the contracts' evolution: whether today's schemas go on from the released ones (docs/evolution.md).

An input may only become wider: whatever the released schema accepts, today's accepts. An output may only become
narrower, but for fields that are added: whatever is written today, the released schema accepts. What can't be shown
to be so counts as broken; then it is a version 2, or the gate has to learn why it is harmless.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from schemas import publishing
from streams.shell.contracts import PUBLISHED

if TYPE_CHECKING:
    from pathlib import Path

RELEASED: Final = PUBLISHED / "released"
_SAYS_NOTHING: Final = {"description", "title", "$id", "$schema", "$comment", "default", "examples"}
_UPPER_BOUNDS: Final = {"maximum", "maxLength", "maxItems", "exclusiveMaximum"}
_LOWER_BOUNDS: Final = {"minimum", "minLength", "minItems", "exclusiveMinimum"}


def last_released(folder: Path = RELEASED) -> Path:
    """Return the folder of the schemas that were released last."""
    return max(folder.iterdir(), key=lambda path: tuple(int(part) for part in path.name.split(".")))


def breaks(released: Path | None = None) -> list[str]:
    """Return what would break producers or subscribers that build upon the released schemas, one sentence each."""
    found = []
    for path in sorted((released or last_released()).glob("*.schema.json")):
        name = path.name.split(".")[0]
        then = json.loads(path.read_text(encoding="utf-8"))
        if name not in publishing.ALL:
            found.append(f"{name}: the message is gone")
            continue
        now = publishing.json_schema(name)
        wide, narrow = (now, then) if name in publishing.INPUTS else (then, now)
        found += [f"{name}: {said}" for said in not_within(_resolved(narrow), _resolved(wide), name)]
    return found


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with what it refers to in its place."""

    def resolve(said: Any) -> Any:
        if isinstance(said, list):
            return [resolve(one) for one in said]
        if not isinstance(said, dict):
            return said
        if "$ref" in said:
            rest = {key: value for key, value in said.items() if key != "$ref"}
            return resolve({**schema["$defs"][said["$ref"].removeprefix("#/$defs/")], **rest})
        return {key: resolve(value) for key, value in said.items() if key != "$defs"}

    resolved: dict[str, Any] = resolve(schema)
    return resolved


def not_within(narrow: Any, wide: Any, where: str) -> list[str]:
    """Return why it cannot be shown that all that `narrow` accepts is accepted by `wide`."""
    if not isinstance(narrow, dict) or not isinstance(wide, dict):
        return [] if narrow == wide else [f"{where}: not shown to be compatible"]
    if "anyOf" in wide and set(wide) - _SAYS_NOTHING == {"anyOf"}:
        return _not_within_any(narrow, wide["anyOf"], where)
    found = []
    for key in sorted(set(narrow) | set(wide) - _SAYS_NOTHING):
        if key not in _SAYS_NOTHING and narrow.get(key) != wide.get(key):
            found += _rule_not_within(key, narrow, wide, where)
    return found


def _not_within_any(narrow: dict[str, Any], choices: list[Any], where: str) -> list[str]:
    for one in narrow.get("anyOf", [narrow]):
        tried = [not_within(one, choice, where) for choice in choices]
        if all(tried):
            return min(tried, key=len)
    return []


def _rule_not_within(key: str, narrow: dict[str, Any], wide: dict[str, Any], where: str) -> list[str]:
    here, there = narrow.get(key), wide.get(key)
    match key:
        case "properties":
            return _fields_not_within(narrow, wide, where)
        case "required":
            gone = sorted(set(there or ()) - set(here or ()))
            return [f"{where}.{field}: required on one side only" for field in gone]
        case "enum" | "const":
            values = narrow.get("enum", [narrow["const"]] if "const" in narrow else None)
            allowed = wide.get("enum", [wide["const"]] if "const" in wide else None)
            fits = allowed is None or (values is not None and all(value in allowed for value in values))
            return [] if fits else [f"{where}: values on one side only"]
        case "items" | "contains" | "additionalProperties" if there is not None and here is not None:
            return not_within(here, there, f"{where}.{key}")
        case _ if there is None:
            return []  # one rule fewer
        case _ if key in _UPPER_BOUNDS and here is not None and here <= there:
            return []
        case _ if key in _LOWER_BOUNDS and here is not None and here >= there:
            return []
    return [f"{where}: {key} not shown to be compatible"]


def _fields_not_within(narrow: dict[str, Any], wide: dict[str, Any], where: str) -> list[str]:
    mine, others = narrow.get("properties", {}), wide.get("properties", {})
    found = []
    for field, said in mine.items():
        if field in others:
            found += not_within(said, others[field], f"{where}.{field}")
        elif wide.get("additionalProperties") is False:
            found.append(f"{where}.{field}: a field on one side only")
    for field in others.keys() - mine.keys():
        if narrow.get("additionalProperties") is not False:
            found.append(f"{where}.{field}: no longer said")
    return found
