"""The only place that translates the wire into the core: bytes of an input topic in, parsed events out.

A remittance goes the fast way (`codec_fast`); policies, and whatever the fast way has a doubt about, go before the
pydantic models of `schemas`, which judge and say what is wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import ValidationError
from pydantic_core import from_json

from schemas import policies as policy
from schemas import remittances as remittance
from schemas.currencies import MINOR_DIGITS
from schemas.parsing import CURRENCY, MEANING, day_ordinal, fraction, minor_units, time_us
from streams.core import events
from streams.shell import codec_fast
from streams.shell.bad_record import LARGEST_VALUE_BYTES
from streams.shell.bad_record import BadRecord as BadRecord  # noqa: PLC0414  what decoding raises is named here
from streams.shell.codec_fast import remittance_digest, reversal_digest
from streams.shell.envelopes import message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from fractions import Fraction

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from schemas import fields
    from streams.shell.envelopes import Headers

Topic = Literal["remittances", "policy-changes"]

_MODELS: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "remittances": remittance.MODELS,
    "policy-changes": policy.MODELS,
}
_CURRENCY_FIELDS = {
    "remittance": ("currency",),
    "target_set": ("currency",),
    "target_adjusted": ("currency",),
    "levy_imposed": ("currency",),
    "exchange_rate_set": ("currency", "per"),
}
_THREE_CAPITALS = re.compile(CURRENCY.strip("^$"))
# Python refuses to read an integer of more than 4300 digits, JSON doesn't. No field can use as many as 500 (a time is
# cut after six), in a number or in a text, so shortening them changes no verdict and no meaning.
_ENDLESS_DIGITS = re.compile(rb"([0-9]{500})[0-9]+")
# What may be repeated of an unknown field's name: the detail names the field and never carries what else was written.
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_ERRORS_SHOWN = 5


def decode(
    topic: Topic, value: bytes | None, headers: Headers = ()
) -> events.Remittance | events.Reversal | events.Policy:
    """Return what a record of an input topic says; raises BadRecord, and never anything else, for any bytes."""
    if topic == "remittances":
        return decode_remittance(value, headers)
    try:
        return cast("events.Policy", judge(topic, message(value, headers)))
    except BadRecord:
        raise
    except Exception as error:
        raise _unforeseen(error) from error


def decode_remittance(value: bytes | None, headers: Headers = ()) -> events.Remittance | events.Reversal:
    """Return what a record of the topic `remittances` says; the same as `decode`, in narrower types."""
    try:
        if value is not None and len(value) <= LARGEST_VALUE_BYTES:
            event = codec_fast.decode(value)
            if event is not None:
                return event
            opened = message(value, headers)  # what comes plain never pays for a look at its headers
            if opened is not None and opened is not value:
                value = opened
                event = codec_fast.decode(value)
                if event is not None:
                    return event
        return cast("events.Remittance | events.Reversal", judge("remittances", value))
    except BadRecord:
        raise
    except Exception as error:
        raise _unforeseen(error) from error


def _unforeseen(error: Exception) -> BadRecord:
    # A fault of our own must not stop a partition either: the letter can be replayed once it is mended.
    return BadRecord("schema", f"value: the decoder failed ({type(error).__name__}); this is a fault in quotastream")


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
        message = from_json(_ENDLESS_DIGITS.sub(rb"\1", value), allow_inf_nan=False)
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


def _head(m: policy.PolicyMessage) -> dict[str, Any]:
    return {"policy_id": m.policy_id.lower(), "issued_at_us": time_us(m.issued_at), "reason": m.reason}


def _scope(scope: fields.ScopeAll | fields.ScopeRegion | fields.ScopeGroup) -> events.Scope:
    return events.Scope(getattr(scope, "region", None), getattr(scope, "group_id", None))


def _optional(text: str | None) -> Fraction | None:
    return None if text is None else fraction(text)


def _group_opened(m: policy.GroupOpened) -> events.Policy:
    return events.GroupOpened(
        **_head(m),
        group_id=m.group_id,
        region=m.region,
        opened_on=day_ordinal(m.opened_on),
        headcount=m.headcount,
    )


def _target_set(m: policy.TargetSet) -> events.Policy:
    return events.TargetSet(
        **_head(m),
        group_id=m.group_id,
        plan_year=m.plan_year,
        amount_minor=minor_units(m.amount, MINOR_DIGITS[m.currency]),
        currency=m.currency,
        per_worker=m.basis == "per_worker",
        weights=tuple(map(fraction, m.pace.weights)) if isinstance(m.pace, policy.Monthly) else None,
    )


def _target_adjusted(m: policy.TargetAdjusted) -> events.Policy:
    return events.TargetAdjusted(
        **_head(m),
        scope=_scope(m.scope),
        plan_year=m.plan_year,
        remaining=m.applies == "remaining",
        effective_on=day_ordinal(m.effective_on),
        factor=_optional(m.factor),
        delta_minor=minor_units(m.delta, MINOR_DIGITS[m.currency]) if m.delta and m.currency else None,
        currency=m.currency,
    )


def _levy_imposed(m: policy.LevyImposed) -> events.Policy:
    return events.LevyImposed(
        **_head(m),
        levy_id=m.levy_id,
        scope=_scope(m.scope),
        amount_minor=minor_units(m.amount, MINOR_DIGITS[m.currency]),
        currency=m.currency,
        per_worker=m.basis == "per_worker",
        from_day=day_ordinal(m.from_day),
        due_day=day_ordinal(m.due_day),
        purpose=m.purpose,
    )


def _levy_lifted(m: policy.LevyLifted) -> events.Policy:
    return events.LevyLifted(**_head(m), levy_id=m.levy_id, effective_on=day_ordinal(m.effective_on))


def _headcount_changed(m: policy.HeadcountChanged) -> events.Policy:
    return events.HeadcountChanged(
        **_head(m), group_id=m.group_id, headcount=m.headcount, effective_on=day_ordinal(m.effective_on)
    )


def _suspended(m: policy.Suspended) -> events.Policy:
    until_day = None if m.until_day is None else day_ordinal(m.until_day)
    return events.Suspended(**_head(m), scope=_scope(m.scope), from_day=day_ordinal(m.from_day), until_day=until_day)


def _resumed(m: policy.Resumed) -> events.Policy:
    return events.Resumed(
        **_head(m), resumes=m.resumes.lower(), scope=_scope(m.scope), effective_on=day_ordinal(m.effective_on)
    )


def _group_closed(m: policy.GroupClosed) -> events.Policy:
    return events.GroupClosed(**_head(m), group_id=m.group_id, closed_on=day_ordinal(m.closed_on))


def _exchange_rate_set(m: policy.ExchangeRateSet) -> events.Policy:
    return events.ExchangeRateSet(
        **_head(m), currency=m.currency, per=m.per, rate=fraction(m.rate), effective_on=day_ordinal(m.effective_on)
    )


def _alert_rules_set(m: policy.AlertRulesSet) -> events.Policy:
    return events.AlertRulesSet(
        **_head(m),
        scope=_scope(m.scope),
        effective_on=day_ordinal(m.effective_on),
        warning_below=_optional(m.warning_below),
        critical_below=_optional(m.critical_below),
        margin=_optional(m.margin),
        slack_days=m.slack_days,
        for_days=m.for_days,
        grace_days=m.grace_days,
        levy_grace_days=m.levy_grace_days,
        unreachable_factor=_optional(m.unreachable_factor),
        unreachable_grace_days=m.unreachable_grace_days,
        silent_days=m.silent_days,
    )


def _revoked(m: policy.Revoked) -> events.Policy:
    return events.Revoked(**_head(m), revokes=m.revokes.lower())


_TRANSLATORS = cast(
    "Mapping[type[BaseModel], Callable[[BaseModel], events.Remittance | events.Reversal | events.Policy]]",
    {
        remittance.Remittance: _remittance,
        remittance.Reversal: _reversal,
        policy.GroupOpened: _group_opened,
        policy.TargetSet: _target_set,
        policy.TargetAdjusted: _target_adjusted,
        policy.LevyImposed: _levy_imposed,
        policy.LevyLifted: _levy_lifted,
        policy.HeadcountChanged: _headcount_changed,
        policy.Suspended: _suspended,
        policy.Resumed: _resumed,
        policy.GroupClosed: _group_closed,
        policy.ExchangeRateSet: _exchange_rate_set,
        policy.AlertRulesSet: _alert_rules_set,
        policy.Revoked: _revoked,
    },
)
