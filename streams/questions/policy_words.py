"""A policy in a few words, made of its own fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.core import events
from streams.core.money import decimal_text, grouped
from streams.core.thresholds import FIELDS
from streams.core.years import day_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.core.events import Policy, Scope


def words_of(policy: Policy, digits: Mapping[str, int]) -> str:
    """Return what a policy does."""
    kind = "".join(f"_{char.lower()}" if char.isupper() else char for char in type(policy).__name__).lstrip("_")
    said = _said(policy, digits)
    return f"{kind}: {said}, issued {day_text(policy.issued_day)}" + (f" ({policy.reason})" if policy.reason else "")


def _said(policy: Any, digits: Mapping[str, int]) -> str:  # any of the types below
    match policy:
        case events.TargetSet():
            pace = "by month" if policy.weights else "evenly"
            return f"{_money(policy.amount_minor, policy.currency, digits)}{_basis(policy.per_worker)}, {pace}"
        case events.TargetAdjusted():
            until = f"from {day_text(policy.effective_on)} on" if policy.remaining else "for the whole year"
            return f"{_adjustment(policy, digits)} {until}, {_whom(policy.scope)}"
        case events.LevyImposed():
            what = f"{_money(policy.amount_minor, policy.currency, digits)}{_basis(policy.per_worker)}"
            days = f"{day_text(policy.from_day)} to {day_text(policy.due_day)}"
            return f"{policy.levy_id}, {what}, {days}, {_whom(policy.scope)}"
        case events.AlertRulesSet():
            named = {name: value for name in FIELDS if (value := getattr(policy, name)) is not None}
            said = ", ".join(f"{name} {float(value):g}" for name, value in named.items())
            return f"{said} from {day_text(policy.effective_on)}, {_whom(policy.scope)}"
        case events.ExchangeRateSet():
            rate = f"{float(policy.rate):g}"
            return f"1 {policy.currency} = {rate} {policy.per} from {day_text(policy.effective_on)}"
    return _of_the_group(policy)


def _of_the_group(policy: Any) -> str:
    match policy:
        case events.GroupOpened():
            return f"from {day_text(policy.opened_on)} in {policy.region} with {policy.headcount:,} heads"
        case events.GroupClosed():
            return f"from {day_text(policy.closed_on)}"
        case events.HeadcountChanged():
            return f"{policy.headcount:,} from {day_text(policy.effective_on)}"
        case events.Suspended():
            until = "" if policy.until_day is None else f" to {day_text(policy.until_day)}"
            return f"from {day_text(policy.from_day)}{until}, {_whom(policy.scope)}"
        case events.Resumed():
            return f"from {day_text(policy.effective_on)}, {_whom(policy.scope)}"
    return day_text(policy.issued_day)


def _adjustment(policy: events.TargetAdjusted, digits: Mapping[str, int]) -> str:
    if policy.delta_minor is not None and policy.currency is not None:
        return _money(policy.delta_minor, policy.currency, digits)
    return f"factor {float(policy.factor or 0):g}"


def _money(minor: int, currency: str, digits: Mapping[str, int]) -> str:
    return f"{grouped(decimal_text(minor, digits[currency]))} {currency}"


def _basis(per_worker: bool) -> str:
    return " a head" if per_worker else ""


def _whom(scope: Scope) -> str:
    return scope.group_id or (f"region {scope.region}" if scope.region else "all")
