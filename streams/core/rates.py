"""Exchange rates: facts, which count for their own day as soon as they are known.

Lives here: which rate holds between two currencies on a day ("Arithmetic": rate(a, b, x)), in minor units.
Not here: who books what with it.
"""

from __future__ import annotations

from bisect import bisect_right
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
        self._dropped: list[ExchangeRateSet] = []
        self._days: dict[tuple[str, str], list[Day]] = {}
        self.version = object()  # another one after every change, for whoever keeps what was booked

    def put(self, policy: ExchangeRateSet) -> None:
        """Count a rate."""
        pair = _pair(policy.currency, policy.per)
        self._keep(pair, [*self._by_pair.get(pair, ()), policy])

    def drop(self, policy: ExchangeRateSet) -> None:
        """Make a rate one that never was (a revocation names it)."""
        self._dropped.append(policy)
        pair = _pair(policy.currency, policy.per)
        self._keep(pair, [kept for kept in self._by_pair.get(pair, ()) if kept.policy_id != policy.policy_id])

    def _keep(self, pair: tuple[str, str], policies: list[ExchangeRateSet]) -> None:
        policies.sort(key=rank)
        self._by_pair[pair] = policies
        self._days[pair] = [policy.effective_on for policy in policies]
        self.version = object()

    def naming(self, currency: str) -> list[ExchangeRateSet]:
        """Return the rates from or to a currency."""
        return [policy for pair, policies in self._by_pair.items() if currency in pair for policy in policies]

    def dropped(self, currency: str) -> list[ExchangeRateSet]:
        """Return the rates from or to a currency that a revocation names."""
        return [policy for policy in self._dropped if currency in (policy.currency, policy.per)]

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
