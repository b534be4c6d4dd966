"""The published schemas: JSON Schema 2020-12 of every message, made of the models, so that the two cannot differ.

Inputs are closed, as the models are; outputs say that more fields may come. What JSON Schema cannot say of an input
stands in its description, and here as `UNSAID`: everything else that a schema accepts is accepted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import GenerateJsonSchema

from schemas import outputs, policies, remittances

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
VERSION: Final = 1
INPUTS: Final[Mapping[str, type[BaseModel]]] = {**remittances.MODELS, **policies.MODELS}
OUTPUTS: Final[Mapping[str, type[BaseModel]]] = {
    "quota_status": outputs.QuotaStatus,
    "quota_alert": outputs.QuotaAlert,
    "dead_letter": outputs.DeadLetter,
}
ALL: Final = (*INPUTS, *OUTPUTS)
_OF_EVERY_INPUT: Final = (
    "a number is written without a point or an exponent (1, never 1.0 or 1e0)",
    "the value is one JSON object in UTF-8, of at most 64 KiB, without NaN or half of a surrogate pair",
)
_UTC_DAY: Final = "the UTC day of a time next to the ends of the range lies in 2000 to 2099 too"
UNSAID: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(INPUTS, (*_OF_EVERY_INPUT, _UTC_DAY)),
    "levy_imposed": (*_OF_EVERY_INPUT, _UTC_DAY, "due_day is not before from_day, and in the same year"),
    "suspended": (*_OF_EVERY_INPUT, _UTC_DAY, "until_day is not before from_day"),
    "exchange_rate_set": (*_OF_EVERY_INPUT, _UTC_DAY, "per is another currency than currency"),
}


class _Generator(GenerateJsonSchema):
    """Pydantic's own, without what only repeats the names of fields and without OpenAPI's word `discriminator`."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave a field's title out: it is its name."""
        del schema
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Return it with every key held to the keys' pattern."""
        said = super().dict_schema(schema)
        return said | {"additionalProperties": False} if "patternProperties" in said else said

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Return the alternatives alone; each is closed, so that exactly one fits."""
        said = super().tagged_union_schema(schema)
        said.pop("discriminator", None)
        return said


def json_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a message by its type."""
    model = INPUTS.get(name) or OUTPUTS[name]
    said = model.model_json_schema(schema_generator=_Generator)
    description = said.pop("description")
    if name in UNSAID:
        description += f" A schema cannot say, and it is required all the same, that: {'; '.join(UNSAID[name])}."
    else:
        description += " A field may be added at any time: pass over what you do not know."
    return {
        "$schema": DIALECT,
        "$id": f"urn:quotastream:{name}:v{VERSION}",
        "title": name,
        "description": description,
        **{key: value for key, value in said.items() if key != "title"},
    }


def together(names: Iterable[str], place: str) -> dict[str, Any]:
    """Return several messages' schemas, and what they refer to, by name, for a document that has them at `place`."""
    found: dict[str, Any] = {}
    for name in names:
        said = json_schema(name)
        whole = {key: value for key, value in said.items() if key not in {"$schema", "$id", "$defs"}}
        text = json.dumps({name: whole, **said.get("$defs", {})})
        found |= json.loads(text.replace('"#/$defs/', f'"{place}'))
    return found


def any_of(names: Sequence[str], title: str) -> dict[str, Any]:
    """Return the one schema of all messages of a topic."""
    place = "#/$defs/"
    return {
        "$schema": DIALECT,
        "$id": f"urn:quotastream:{title}:v{VERSION}",
        "title": title,
        "oneOf": [{"$ref": f"{place}{name}"} for name in names],
        "$defs": together(names, place),
    }


def file_name(name: str) -> str:
    """Return the name of a message's schema as a file."""
    return f"{name}.v{VERSION}.schema.json"
