"""Exchange rates: facts, which count for their own day as soon as they are known.

Lives here: which rate holds between two currencies on a day ("Arithmetic": rate(a, b, x)), in minor units.
Not here: who books what with it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from fractions import Fraction
from typing import TYPE_CHECKING

from streams.core.rank import rank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.core.events import Day, ExchangeRateSet

ONE = Fraction(1)


class Rates:
    """Every known exchange rate that no known revocation names."""

    def __init__(self, minor_digits: Mapping[str, int]) -> None:
        self._minor_digits = minor_digits
        self._by_pair: dict[tuple[str, str], list[ExchangeRateSet]] = {}
        self._dropped: dict[str, list[ExchangeRateSet]] = {}  # by either currency
        self._days: dict[tuple[str, str], list[Day]] = {}
        self._about: dict[Day, dict[str, ExchangeRateSet]] = {}  # by the day of issue and the own day, by policy_id
        self.version = object()  # another one after every change, for whoever keeps what was booked

    def put(self, policy: ExchangeRateSet) -> None:
        """Count a rate."""
        pair = _pair(policy.currency, policy.per)
        policies, days = self._by_pair.setdefault(pair, []), self._days.setdefault(pair, [])
        # A central bank's history is thousands of rates for a pair: each is put in its place, none is sorted again.
        at = bisect_right(policies, rank(policy), key=rank)
        policies.insert(at, policy)
        days.insert(at, policy.effective_on)
        for day in {policy.issued_day, policy.effective_on}:
            self._about.setdefault(day, {})[policy.policy_id] = policy
        self.version = object()

    def drop(self, policy: ExchangeRateSet) -> None:
        """Make a rate one that never was (a revocation names it)."""
        for currency in (policy.currency, policy.per):
            self._dropped.setdefault(currency, []).append(policy)
        pair = _pair(policy.currency, policy.per)
        policies = self._by_pair.get(pair, [])
        at = bisect_left(policies, rank(policy), key=rank)
        if at < len(policies) and policies[at].policy_id == policy.policy_id:
            del policies[at], self._days[pair][at]
        for day in {policy.issued_day, policy.effective_on}:
            self._about.get(day, {}).pop(policy.policy_id, None)
        self.version = object()

    def about(self, currency: str, day: Day) -> list[ExchangeRateSet]:
        """Return the rates from or to a currency that were issued on a day, or have it as their own."""
        return [policy for policy in self._about.get(day, {}).values() if currency in {policy.currency, policy.per}]

    def between(self, source: str, target: str) -> list[ExchangeRateSet]:
        """Return the rates between two currencies, in either direction, by rank."""
        return list(self._by_pair.get(_pair(source, target), ()))

    def dropped(self, currency: str) -> list[ExchangeRateSet]:
        """Return the rates from or to a currency that a revocation names."""
        return self._dropped.get(currency, [])

    def minor_rate(self, source: str, target: str, day: Day) -> Fraction | None:
        """Return how many minor units of `target` one minor unit of `source` is on a day; None if no rate."""
        if source == target:
            return ONE
        pair = _pair(source, target)
        at = bisect_right(self._days.get(pair, ()), day) - 1
        if at < 0:
            return None
        newest = self._by_pair[pair][at]
        rate = newest.rate if newest.currency == source else 1 / newest.rate
        return rate * Fraction(10) ** (self._minor_digits[target] - self._minor_digits[source])


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)
