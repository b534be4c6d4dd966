"""What the models check in code, said in JSON Schema, for the published schemas: the twin of each check stands here.

Every pattern is one that ECMA-262, Java, RE2, Rust and Python read alike: no look-around, no back reference. `^` and
`$` are the ends of the text, as JSON Schema has it. What it cannot say at all is in `publishing.py`, by name.
Not here: the checks themselves (`fields.py`, `policies.py`), and what they say to people.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from pydantic import WithJsonSchema

from schemas.currencies import MINOR_DIGITS
from schemas.parsing import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

    JsonSchema = dict[str, Any]
    Extra = Callable[[JsonSchema], None]

MOST_DECIMALS: Final = max(MINOR_DIGITS.values())
# The years 2000 to 2099 are all but one of a century in which every fourth year has a leap day, and 2000 has one too.
_MONTH_DAY: Final = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_CALENDAR: Final = f"(?:20[0-9]{{2}}-{_MONTH_DAY}|20(?:[02468][048]|[13579][26])-02-29)"
_CLOCK: Final = r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_OFFSET: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_HAS_A_DIGIT_OTHER_THAN_0: Final = {"pattern": "[1-9]"}


def _said(pattern: str, description: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "description": description, **more})


DAY: Final = _said(_CALENDAR, "A day of 2000 to 2099, such as 2026-06-01.", format="date")
# Beside the hundred years the local days next to them, where the offset leads into them.
TIME: Final = _said(
    f"(?:{_CALENDAR}{_CLOCK}(?:[Zz]|[+-]{_OFFSET})|1999-12-31{_CLOCK}-{_OFFSET}|2100-01-01{_CLOCK}\\+{_OFFSET})",
    "An RFC 3339 time with an offset; its UTC day lies in 2000 to 2099.",
    format="date-time",
)
UUID_TEXT: Final = _said(UUID.strip("^$"), "A uuid in its form of 36 characters.", format="uuid")
CURRENCY: Final = WithJsonSchema(
    {"type": "string", "enum": sorted(MINOR_DIGITS), "description": "A currency of ISO 4217 that has a minor unit."}
)


def _money_pattern(decimals: int) -> str:
    return f"[0-9]{{1,18}}(?:\\.[0-9]{{1,{decimals}}})?" if decimals else "[0-9]{1,18}"


_ANY_MONEY: Final = _money_pattern(MOST_DECIMALS)
_MONEY: Final = "money: at most 18 digits before the point, and no more decimals than the currency has."
MONEY: Final = _said(rf"(?:{_ANY_MONEY}|-0{{1,18}}(?:\.0{{1,{MOST_DECIMALS}}})?)", f"0 or more {_MONEY}")
MONEY_OVER_ZERO: Final = _said(_ANY_MONEY, f"Over 0 {_MONEY}", allOf=[_HAS_A_DIGIT_OTHER_THAN_0])
SIGNED_MONEY: Final = _said(f"-?{_ANY_MONEY}", f"Signed {_MONEY}")
_DECIMAL_PATTERN: Final = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_DECIMAL: Final = "as a decimal text with at most 9 digits before the point and 9 after."
DECIMAL: Final = _said(rf"(?:{_DECIMAL_PATTERN}|-0{{1,9}}(?:\.0{{1,9}})?)", f"0 or more, {_DECIMAL}")
DECIMAL_OVER_ZERO: Final = _said(_DECIMAL_PATTERN, f"Over 0, {_DECIMAL}", allOf=[_HAS_A_DIGIT_OTHER_THAN_0])
RATIO_OVER_ZERO: Final = _said(
    r"(?:0{1,9}(?:\.[0-9]{1,9})?|0{0,8}1(?:\.0{1,9})?)",
    f"Over 0 and at most 1, {_DECIMAL}",
    allOf=[_HAS_A_DIGIT_OTHER_THAN_0],
)
MARGIN: Final = _said(r"(?:-?0{1,9}(?:\.0{1,9})?|0{1,9}\.(?:[0-4][0-9]{0,8}|50{0,8}))", f"From 0 to 0.5, {_DECIMAL}")


def no_more_decimals_than_the_currency_has(field: str) -> JsonSchema:
    """Return the rule that holds an amount to its currency's decimals; what sign it may have is the field's own."""
    by_digits = sorted((digits, code) for code, digits in MINOR_DIGITS.items())
    groups = {digits: [code for _, code in group] for digits, group in groupby(by_digits, key=lambda pair: pair[0])}
    *few, most = sorted(groups, key=lambda digits: len(groups[digits]))

    def held_to(digits: int) -> JsonSchema:
        return {"properties": {field: {"pattern": f"^-?{_money_pattern(digits)}$"}}}

    rule = held_to(most)
    for digits in reversed(few):
        inside = {"properties": {"currency": {"enum": groups[digits]}}, "required": ["currency"]}
        rule = {"if": inside, "then": held_to(digits), "else": rule}
    return rule


def adding(*rules: JsonSchema) -> Extra:
    """Return what adds rules to a model's schema."""

    def add(schema: JsonSchema) -> None:
        schema["allOf"] = [*schema.get("allOf", []), *rules]

    return add


FACTOR_OR_DELTA: Final = {
    "oneOf": [
        {
            "description": "A factor.",
            "required": ["factor"],
            "properties": {"factor": {"type": "string"}, "delta": {"type": "null"}, "currency": {"type": "null"}},
        },
        {
            "description": "A delta, with its currency.",
            "required": ["delta", "currency"],
            "properties": {"factor": {"type": "null"}, "delta": {"type": "string"}, "currency": {"type": "string"}},
        },
    ],
}
SOME_WEIGHT: Final = {"properties": {"weights": {"contains": _HAS_A_DIGIT_OTHER_THAN_0}}}


def one_or_more(names: tuple[str, ...]) -> JsonSchema:
    """Return the rule that at least one of the fields is there and not null."""
    return {"anyOf": [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]}
