"""Who judges a message: the worker's codec, and a published schema by Python's jsonschema; and what each may see."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from streams.shell import codec
from streams.shell.contracts import PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Iterator


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Search as ECMA-262 does, which JSON Schema goes by: Python's own `$` lets a last newline pass."""
    del validator, schema
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"does not match {pattern}")


_Ecma = extend(Draft202012Validator, {"pattern": _pattern})


@cache
def validator(name: str) -> Any:
    """Return the validator of a message by its committed schema, with the formats asserted."""
    schema = json.loads((PUBLISHED / f"{name}.v1.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return _Ecma(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def worker_accepts(topic: Any, value: bytes) -> bool:
    """Return whether a worker can use a record."""
    try:
        codec.decode(topic, value)
    except codec.BadRecord:
        return False
    return True


def read(value: bytes) -> Any:
    """Return what a record's JSON says, ValueError where a parser that goes by the book refuses it."""
    return json.loads(value.decode(), parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def unsaid(message: dict[str, Any]) -> set[str]:
    """Return which of the rules that no schema can say (`schemas.publishing.UNSAID`) a message may break."""
    found = {
        "the value is one JSON object in UTF-8, of at most 64 KiB, without NaN or half of a surrogate pair": bool(
            re.search("[\ud800-\udfff]", json.dumps(message, ensure_ascii=False))
        ),
        "a number is written without a point or an exponent (1, never 1.0 or 1e0)": _has_a_float(message),
        "the UTC day of a time next to the ends of the range lies in 2000 to 2099 too": any(
            not _in_range(message[field]) for field in ("occurred_at", "issued_at") if field in message
        ),
        "due_day is not before from_day, and in the same year": "due_day" in message
        and (message["due_day"] < message["from_day"] or message["due_day"][:4] != message["from_day"][:4]),
        "until_day is not before from_day": bool(message.get("until_day"))
        and message["until_day"] < message["from_day"],
        "per is another currency than currency": "per" in message and message["per"] == message["currency"],
    }
    return {rule for rule, broken in found.items() if broken}


def _has_a_float(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return any(map(_has_a_float, value)) if isinstance(value, list) else isinstance(value, float)


def _in_range(time: str) -> bool:
    at = datetime.fromisoformat(re.sub(r"\.[0-9]+", "", time.upper())).astimezone(UTC)
    return 2000 <= at.year <= 2099
