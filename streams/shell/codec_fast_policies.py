"""The codec's fast way for the policies that name one group, of which there are a few for each of very many groups.

Like the one for remittances (`codec_fast`) it only ever says yes. What it is not sure of goes, as every other policy
does, to the models of `schemas`. Tests hold the two against each other (tests/unit/shell/test_policies_agreement.py).
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from schemas.currencies import MINOR_DIGITS
from schemas.fields import MOST_WORKERS
from schemas.parsing import (
    DAY,
    DECIMAL,
    END_US,
    FIRST_US,
    MONEY,
    NAME,
    TIME,
    UUID,
    day_ordinal,
    fraction,
    minor_units,
    time_us,
)
from streams.core.events import GroupClosed, GroupOpened, HeadcountChanged, TargetSet
from streams.shell.bad_record import LARGEST_VALUE_BYTES
from streams.shell.codec_fast import DOUBTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from fractions import Fraction

    from streams.core.events import Policy

REMEMBERED: Final = 1 << 12  # of the texts that many policies share: regions, days, times of issue


class _Message(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True, gc=False):
    schema_version: Literal[1]
    policy_id: str
    issued_at: str
    group_id: str
    reason: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class _GroupOpened(_Message, tag="group_opened"):
    region: str
    opened_on: str
    headcount: Annotated[int, msgspec.Meta(ge=1, le=MOST_WORKERS)]


class _GroupClosed(_Message, tag="group_closed"):
    closed_on: str


class _HeadcountChanged(_Message, tag="headcount_changed"):
    headcount: Annotated[int, msgspec.Meta(ge=0, le=MOST_WORKERS)]
    effective_on: str


class _Linear(msgspec.Struct, tag_field="kind", tag="linear", forbid_unknown_fields=True, gc=False):
    pass


class _Monthly(msgspec.Struct, tag_field="kind", tag="monthly", forbid_unknown_fields=True, gc=False):
    weights: Annotated[tuple[str, ...], msgspec.Meta(min_length=12, max_length=12)]


class _TargetSet(_Message, tag="target_set"):
    plan_year: Annotated[int, msgspec.Meta(ge=2000, le=2099)]
    amount: str
    currency: str
    basis: Literal["fixed", "per_worker"]
    pace: _Linear | _Monthly


_read = msgspec.json.Decoder(_GroupOpened | _TargetSet | _HeadcountChanged | _GroupClosed).decode


def decode(value: bytes | None) -> Policy | None:
    """Return the policy that a message is; None where that is not sure."""
    if value is None or len(value) > LARGEST_VALUE_BYTES:
        return None
    try:
        message = _read(value)
        if not _KNOWN_BY.fullmatch(f"{message.policy_id} {message.group_id}"):
            return None
        return _TRANSLATORS[type(message)](message)
    except DOUBTS:
        return None


# --- fields: ValueError, or KeyError, where there is a doubt about one ----------------------------------------------


_KNOWN_BY: Final = re.compile(f"{UUID.strip('^$')} {NAME.strip('^$')}")
_NAME: Final = re.compile(NAME)
_DAY: Final = re.compile(DAY)
_TIME: Final = re.compile(TIME)
_MONEY: Final = re.compile(MONEY)
_DECIMAL: Final = re.compile(DECIMAL.replace("-?", ""))


def _held(text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise ValueError
    return text


@lru_cache(REMEMBERED)
def _name(text: str) -> str:
    return _held(text, _NAME)


@lru_cache(REMEMBERED)
def _day(text: str) -> int:
    return day_ordinal(_held(text, _DAY))


@lru_cache(REMEMBERED)
def _time_us(text: str) -> int:
    at_us = time_us(_held(text, _TIME))
    if not FIRST_US <= at_us < END_US:
        raise ValueError
    return at_us


@lru_cache(REMEMBERED)
def _weights(texts: tuple[str, ...]) -> tuple[Fraction, ...]:
    weights = tuple(fraction(_held(text, _DECIMAL)) for text in texts)
    if not any(weights):
        raise ValueError
    return weights


#: Each year as one object: a message has one of its own, which each of very many targets would keep.
_PLAN_YEARS: Final = {year: year for year in range(2000, 2100)}


# --- translating ----------------------------------------------------------------------------------------------------


def _head(m: _Message) -> dict[str, Any]:
    """Return the fields that all have; the name of a group, which each of its policies has, is kept once."""
    return {
        "policy_id": m.policy_id.lower(),
        "issued_at_us": _time_us(m.issued_at),
        "reason": m.reason,
        "group_id": sys.intern(m.group_id),
    }


def _group_opened(m: _GroupOpened) -> GroupOpened:
    return GroupOpened(**_head(m), region=_name(m.region), opened_on=_day(m.opened_on), headcount=m.headcount)


def _group_closed(m: _GroupClosed) -> GroupClosed:
    return GroupClosed(**_head(m), closed_on=_day(m.closed_on))


def _headcount_changed(m: _HeadcountChanged) -> HeadcountChanged:
    return HeadcountChanged(**_head(m), headcount=m.headcount, effective_on=_day(m.effective_on))


def _target_set(m: _TargetSet) -> TargetSet:
    return TargetSet(
        **_head(m),
        plan_year=_PLAN_YEARS[m.plan_year],
        amount_minor=minor_units(_held(m.amount, _MONEY), MINOR_DIGITS[m.currency]),
        currency=sys.intern(m.currency),
        per_worker=m.basis == "per_worker",
        weights=_weights(m.pace.weights) if isinstance(m.pace, _Monthly) else None,
    )


_TRANSLATORS: Final[Mapping[type[_Message], Callable[[Any], Policy]]] = {
    _GroupOpened: _group_opened,
    _GroupClosed: _group_closed,
    _HeadcountChanged: _headcount_changed,
    _TargetSet: _target_set,
}
