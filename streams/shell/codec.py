"""The only place that translates the wire into the core: bytes of an input topic in, parsed events out.

Remittances have a fast way (`codec_fast`), and so have policies for one group (`codec_fast_policies`). The rest,
and whatever is in doubt, goes before the pydantic models of `schemas`, which judge and say what is wrong.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import fields as dataclass_fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, cast

import numpy as np
from pydantic import ValidationError
from pydantic_core import from_json

from schemas import policies as policy
from schemas import remittances as remittance
from schemas.currencies import MINOR_DIGITS
from schemas.parsing import CURRENCY, MEANING, day_ordinal, fraction, minor_units, time_us
from streams.core import events
from streams.shell import codec_fast, codec_fast_policies
from streams.shell.bad_record import LARGEST_VALUE_BYTES
from streams.shell.bad_record import BadRecord as BadRecord  # noqa: PLC0414  what decoding raises is named here
from streams.shell.blocks import Block
from streams.shell.codec_fast import remittance_digest, reversal_digest
from streams.shell.envelopes import message
from streams.shell.event_columns import of_single

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from dataclasses import Field
    from fractions import Fraction

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from streams.shell.envelopes import Headers
    from streams.shell.event_columns import Events, Ints

Topic = Literal["remittances", "policy-changes"]

_MODELS: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "remittances": remittance.MODELS,
    "policy-changes": policy.MODELS,
}
_CURRENCY_FIELDS = {
    kind: tuple(name for name in ("currency", "per") if name in model.model_fields)
    for models in _MODELS.values()
    for kind, model in models.items()
}
_THREE_CAPITALS = re.compile(CURRENCY.strip("^$"))
# Python refuses to read an integer of more than 4300 digits, JSON doesn't. No field can use as many as 500 (a time is
# cut after six), in a number or in a text, so shortening them changes no verdict and no meaning.
_ENDLESS = 500
_ENDLESS_DIGITS = re.compile(rb"([0-9]{%d})[0-9]+" % _ENDLESS)
# What may be repeated of an unknown field's name: the detail names the field and never carries what else was written.
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_ERRORS_SHOWN = 5


def decode(
    topic: Topic, value: bytes | None, headers: Headers = ()
) -> events.Remittance | events.Reversal | events.Policy:
    """Return what a record of an input topic says; raises BadRecord, and never anything else, for any bytes."""
    try:
        return _event(value, headers) if topic == "remittances" else _policy(message(value, headers))
    except BadRecord:
        raise
    except Exception as error:
        # A fault of our own must not stop a partition either: the letter can be replayed once it is mended.
        said = f"value: the decoder failed ({type(error).__name__}); this is a fault in quotastream"
        raise BadRecord("schema", said) from error


def _event(value: bytes | None, headers: Headers) -> events.Remittance | events.Reversal | events.Policy:
    try:
        return judge("remittances", value)  # what is a message as it stands is one, whatever its headers say
    except Exception:
        opened = message(value, headers)
        if opened is value:
            raise
    return judge("remittances", opened)


def _policy(value: bytes | None) -> events.Policy:
    return codec_fast_policies.decode(value) or cast("events.Policy", judge("policy-changes", value))


class Record(Protocol):
    """What decoding needs of a record."""

    @property
    def value(self) -> bytes | None:
        """The value as it came."""

    @property
    def headers(self) -> Headers:
        """The headers as they came."""


class Decoded(NamedTuple):
    """What records of the topic `remittances` say."""

    rows: Ints  # which of the records are good, rising
    events: Events  # what these say, in the same order
    bad: list[tuple[int, BadRecord]]  # the others, and what is wrong with each


def decode_remittances(records: Sequence[Record]) -> Decoded:
    """Return what `decode` says of each record of the topic `remittances`, as columns."""
    if isinstance(records, Block):
        sure = codec_fast.decode_block(records)
    else:
        sure = codec_fast.decode([record.value for record in records])
    if len(sure.rows) == len(records):
        return Decoded(*sure, [])
    left = np.setdiff1d(np.arange(len(records)), sure.rows)
    opened = codec_fast.decode([_opened(records[row]) for row in left.tolist()])
    opened = opened._replace(rows=left[opened.rows])
    single, bad = dict[int, events.Remittance | events.Reversal](), list[tuple[int, BadRecord]]()
    for row in np.setdiff1d(left, opened.rows).tolist():
        try:
            event = decode("remittances", records[row].value, records[row].headers)
            single[row] = cast("events.Remittance | events.Reversal", event)
        except BadRecord as error:
            bad.append((row, error))
    judged = codec_fast.Sure(np.array([*single], np.int64), of_single([*single.values()]))
    return Decoded(*codec_fast.put_together([sure, opened, judged]), bad)


def _opened(record: Record) -> bytes | None:
    """Return the message that comes in an envelope; None where none does, or where it can't be opened."""
    with contextlib.suppress(Exception):  # `decode` will say what is wrong with it
        opened = message(record.value, record.headers)
        return None if opened is record.value else opened
    return None


def judge(topic: Topic, value: bytes | None) -> events.Remittance | events.Reversal | events.Policy:
    """Return the same as `decode`, by the models alone: the long way, which the fast one is held against."""
    found = _validate(topic, value)
    return _TRANSLATORS[type(found)](found)


# --- judging: every reason, in the order of DESIGN "Bad input" -----------------------------------------------------


def _validate(topic: Topic, value: bytes | None) -> BaseModel:
    if value is not None and len(value) > LARGEST_VALUE_BYTES:
        raise BadRecord("too_large", f"value: {len(value)} bytes, more than {LARGEST_VALUE_BYTES}")
    if not value:
        raise BadRecord("empty", "value: none" if value is None else "value: no bytes")
    message = _parse(value)
    version = message.get("schema_version")
    if type(version) is not int or version != 1:
        raise BadRecord("unknown_version", f"schema_version: {_version_said(message)}")
    models = _MODELS[topic]
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in models:
        said = f"not one of {', '.join(models)}" if "type" in message else "missing"
        raise BadRecord("unknown_type", f"type: {said}")
    for field in _CURRENCY_FIELDS.get(kind, ()):
        code = message.get(field)
        if isinstance(code, str) and code not in MINOR_DIGITS and _THREE_CAPITALS.fullmatch(code):
            raise BadRecord("unknown_currency", f"{field}: no currency with a minor unit in ISO 4217")
    try:
        return models[kind].model_validate(message)
    except ValidationError as error:
        raise BadRecord("schema", _detail(error.errors(include_url=False, include_input=False))) from None


def _version_said(message: dict[str, Any]) -> str:
    if "schema_version" not in message:
        return "missing; the number 1 is wanted"
    version = message["schema_version"]
    if type(version) is int and 1 < version < 100:
        return (
            f"{version}, and this version of quotastream reads 1: upgrade the workers, then replay this dead letter; "
            "or have its producer send version 1 (docs/evolution.md)"
        )
    return "not the number 1"


def _parse(value: bytes) -> dict[str, Any]:
    try:
        # The parser refuses NaN, lone surrogates, what is not UTF-8, and more than 200 levels of nesting.
        shortened = value if len(value) < _ENDLESS else _ENDLESS_DIGITS.sub(rb"\1", value)
        message = from_json(shortened, allow_inf_nan=False)
    except ValueError:
        raise BadRecord("not_json", "value: not JSON in UTF-8") from None
    if not isinstance(message, dict):
        raise BadRecord("not_json", "value: not one JSON object")
    return message


def _detail(errors: list[ErrorDetails]) -> str:
    shown = "; ".join(_sentence(error) for error in errors[:_ERRORS_SHOWN])
    return shown if len(errors) <= _ERRORS_SHOWN else f"{shown}; and {len(errors) - _ERRORS_SHOWN} more"


def _sentence(error: ErrorDetails) -> str:
    """Return `field: what is wrong`, made of our own words only."""
    location = list(error["loc"])
    if location and location[0] in {"scope", "pace"}:
        del location[1:2]  # which of the alternatives pydantic was trying
    field = ""
    for step in location:
        if isinstance(step, int):
            field += f"[{step}]"
        else:
            name = step if _PLAIN_NAME.fullmatch(step) else "(a name not shown)"
            field += f".{name}" if field else name
    context = error.get("ctx", {})
    match error["type"]:
        case "string_pattern_mismatch":
            said = MEANING[context["pattern"]]
        case "extra_forbidden":
            said = "unknown field"
        case "missing" | "union_tag_not_found":
            said = "missing"
        case "union_tag_invalid":
            said = f"not one of {context['expected_tags']}"
        case _:
            said = error["msg"]
    return f"{field}: {said}" if field else said


# --- translating: what passed the models, as the core has it --------------------------------------------------------


def _uuid_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


def _remittance(m: remittance.Remittance) -> events.Remittance:
    amount_minor = minor_units(m.amount, MINOR_DIGITS[m.currency])
    at_us = time_us(m.occurred_at)
    return events.Remittance(
        group_id=m.group_id,
        event_id=_uuid_bytes(m.event_id),
        digest=remittance_digest(amount_minor, m.currency, at_us, m.channel, m.levy_id, m.reference),
        day=events.day_of(at_us),
        amount_minor=amount_minor,
        currency=m.currency,
        levy_id=m.levy_id,
    )


def _reversal(m: remittance.Reversal) -> events.Reversal:
    reverses = _uuid_bytes(m.reverses)
    digest = reversal_digest(reverses, time_us(m.occurred_at), m.reason)
    return events.Reversal(m.group_id, _uuid_bytes(m.event_id), digest, reverses)


def _scope(m: Any) -> events.Scope:
    return events.Scope(getattr(m.scope, "region", None), getattr(m.scope, "group_id", None))


def _money(field: str) -> Callable[[Any], int | None]:
    def read(m: Any) -> int | None:
        text = getattr(m, field)
        return None if text is None else minor_units(text, MINOR_DIGITS[m.currency])

    return read


def _weights(m: policy.TargetSet) -> tuple[Fraction, ...] | None:
    return tuple(map(fraction, m.pace.weights)) if isinstance(m.pace, policy.Monthly) else None


#: What the core has under another name, or in another form, than the message; all else is taken as it is.
_READ: Mapping[str, Callable[[Any], Any]] = {
    "policy_id": lambda m: m.policy_id.lower(),
    "issued_at_us": lambda m: time_us(m.issued_at),
    "resumes": lambda m: m.resumes.lower(),
    "revokes": lambda m: m.revokes.lower(),
    "scope": _scope,
    "amount_minor": _money("amount"),
    "delta_minor": _money("delta"),
    "per_worker": lambda m: m.basis == "per_worker",
    "remaining": lambda m: m.applies == "remaining",
    "weights": _weights,
}
#: By the type of the core's field, as it is written there.
_FORMS: Mapping[str, Callable[[str], Any]] = {"Day": day_ordinal, "Fraction": fraction}


def _reader(field: Field[Any]) -> Callable[[Any], Any]:
    """Return how a field of the core's policy is read from the message."""
    name = field.name
    form = _FORMS.get(str(field.type).removesuffix(" | None"))
    if name in _READ:
        return _READ[name]
    if form is None:
        return attrgetter(name)

    def read(m: Any) -> Any:
        text = getattr(m, name)
        return None if text is None else form(text)

    return read


def _maker(kind: type[events.Policy]) -> Callable[[Any], events.Policy]:
    """Return what makes a policy of the core of a message; the two have the same name."""
    readers = {field.name: _reader(field) for field in dataclass_fields(kind)}
    return lambda m: kind(**{name: read(m) for name, read in readers.items()})


_TRANSLATORS = cast(
    "Mapping[type[BaseModel], Callable[[BaseModel], events.Remittance | events.Reversal | events.Policy]]",
    {
        remittance.Remittance: _remittance,
        remittance.Reversal: _reversal,
        **{model: _maker(getattr(events, model.__name__)) for model in policy.MODELS.values()},
    },
)
