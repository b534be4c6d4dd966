"""What came in, by month, day and remittance: where each one was booked, and at which rate.

Every remittance of days up to d goes to exactly one place: the base account, a levy, `unconverted`, `unassigned` or,
reversed, none that counts.
Lives here: that sorting, and the nodes of it. Not here: what was due (due.py).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from streams.core.money import decimal_text, grouped, round_half_even
from streams.core.years import day_text
from streams.questions.tree import EXACTLY, Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.core.events import Day, ExchangeRateSet
    from streams.core.takings import Entry
    from streams.core.timeline import Regime
    from streams.core.view import AccountView

BASE, LEVY, UNCONVERTED, UNASSIGNED = "base account", "levy", "unconverted", "unassigned"


class Place(NamedTuple):
    """Where a remittance is counted: the kind, and which levy or (where it waits) which currency."""

    kind: str
    of: str = ""


class Booked(NamedTuple):
    """One remittance where it was booked; `minor` in the currency of that place."""

    event_id: str
    day: Day
    minor: int
    currency: str
    note: str  # how it was booked, where its own currency is another
    policies: tuple[str, ...]


def sort_out(view: AccountView, regime: Regime, d: Day) -> dict[Place, list[Booked]]:
    """Return every unreversed remittance of days <= d in its place, by day and event_id."""
    places: dict[Place, list[Booked]] = {}
    rates = _RatePolicies(view)
    digits = view.book.minor_digits
    for event_id, (day, amount, (currency, levy_id)) in view.money.entries():
        if day > d:
            continue
        name = str(UUID(bytes=event_id))
        claim = regime.claim(levy_id)
        if claim is None:
            place = Place(UNCONVERTED, currency) if levy_id is None else Place(UNASSIGNED, currency)
            note = "there is no target" if levy_id is None else f"for the levy {levy_id}, which does not hold"
            places.setdefault(place, []).append(Booked(name, day, amount, currency, note, ()))
            continue
        rate = view.book.rates.minor_rate(currency, claim.currency, day)
        if rate is None:
            note = f"no rate to {claim.currency} on {day_text(day)}"
            booked = Booked(name, day, amount, currency, note, ())
            places.setdefault(Place(UNCONVERTED, currency), []).append(booked)
            continue
        minor = round_half_even(amount * rate.numerator, rate.denominator)
        note = ""
        policies: tuple[str, ...] = ()
        if currency != claim.currency:
            deciding = rates.deciding(currency, claim.currency, day)
            note = f"{grouped(decimal_text(amount, digits[currency]))} {currency} at the rate of {deciding[0]}"
            policies = deciding[1]
        place = Place(BASE) if levy_id is None else Place(LEVY, levy_id)
        places.setdefault(place, []).append(Booked(name, day, minor, claim.currency, note, policies))
    return places


def taken_out(entries: Iterable[tuple[bytes, Entry]], d: Day) -> dict[str, list[Booked]]:
    """Return the reversed remittances of days <= d by their own currency, in the order given."""
    found: dict[str, list[Booked]] = {}
    for event_id, (day, amount, (currency, levy_id)) in entries:
        if day <= d:
            note = "" if levy_id is None else f"for the levy {levy_id}"
            booked = Booked(str(UUID(bytes=event_id)), day, amount, currency, note, ())
            found.setdefault(currency, []).append(booked)
    return dict(sorted(found.items()))


class _RatePolicies:
    """Which policy a rate came from."""

    def __init__(self, view: AccountView) -> None:
        self._rates = view.book.rates
        self._pairs: dict[tuple[str, str], list[ExchangeRateSet]] = {}

    def deciding(self, source: str, target: str, day: Day) -> tuple[str, tuple[str, ...]]:
        """Return the day and the policy of the rate that holds on a day (there is one)."""
        policies = self._pairs.get((source, target))
        if policies is None:
            policies = self._pairs[source, target] = self._rates.between(source, target)
        newest = policies[bisect_right(policies, day, key=lambda policy: policy.effective_on) - 1]
        return day_text(newest.effective_on), (newest.policy_id,)


def months(booked: Iterable[Booked], digits: Mapping[str, int]) -> tuple[Node, ...]:
    """Return money of one currency by month, day and remittance."""
    nodes = []
    for month, of_month in groupby(booked, lambda one: day_text(one.day)[:7]):
        days = [
            _sum(day_text(day), [_remittance(one, digits) for one in of_day], digits)
            for day, of_day in groupby(of_month, lambda one: one.day)
        ]
        nodes.append(_sum(month, days, digits))
    return tuple(nodes)


def _remittance(one: Booked, digits: Mapping[str, int]) -> Node:
    text = decimal_text(one.minor, digits[one.currency])
    return Node("remittance", text, one.currency, one.minor, "", one.note, one.policies, (one.event_id,))


def _sum(label: str, parts: list[Node], digits: Mapping[str, int]) -> Node:
    total, currency = sum(int(part.exact or 0) for part in parts), parts[0].unit
    return Node(label, decimal_text(total, digits[currency]), currency, total, EXACTLY, parts=tuple(parts))
