"""One group's remittances and reversals, in memory: the pure fold of a set that arrives in any order.

Lives here: duplicates, conflicts, reversals before or after their remittance. Not here: sums of money (takings.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.core.events import Added, Remittance, Reversal
from streams.core.takings import Entry, HeldMoney, Purse
from streams.core.years import year_of

if TYPE_CHECKING:
    from collections.abc import Collection


class GroupLedger:
    """Every event known of one group, each once."""

    def __init__(self) -> None:
        self._digests: dict[bytes, bytes] = {}
        self._years: dict[bytes, int] = {}  # of each remittance, reversed or not
        self._plan_years: set[int] = set()
        self._reversed: set[bytes] = set()  # what reversals name, known or not
        self._taken_out: dict[int, dict[bytes, Entry]] = {}  # by year: the remittances that were reversed
        self._money: dict[int, HeldMoney] = {}

    def add(self, event: Remittance | Reversal) -> Added:
        """Add an event; the first of one event_id stands, remittances and reversals sharing the ids."""
        known = self._digests.get(event.event_id)
        if known is not None:
            return Added.REPEAT if known == event.digest else Added.CONFLICT
        self._digests[event.event_id] = event.digest
        if isinstance(event, Reversal):
            self._reverse(event)
        else:
            self._remit(event)
        return Added.NEW

    def _remit(self, event: Remittance) -> None:
        year = year_of(event.day)
        self._years[event.event_id] = year
        self._plan_years.add(year)
        money = self.money(year)
        if event.event_id in self._reversed:
            entry = Entry(event.day, event.amount_minor, Purse(event.currency, event.levy_id))
            self._taken_out.setdefault(year, {})[event.event_id] = entry
        else:
            money.add(event.event_id, event.day, event.amount_minor, event.currency, event.levy_id)

    def _reverse(self, event: Reversal) -> None:
        year = self._years.get(event.reverses)
        if year is not None and event.reverses not in self._reversed:
            self._taken_out.setdefault(year, {})[event.reverses] = self._money[year].remove(event.reverses)
        self._reversed.add(event.reverses)

    def plan_years(self) -> Collection[int]:
        """Return the years in which any remittance is known, reversed or not."""
        return self._plan_years

    def money(self, plan_year: int) -> HeldMoney:
        """Return the unreversed remittances of a year; the same object grows as events are added."""
        return self._money.setdefault(plan_year, HeldMoney())

    def taken_out(self, plan_year: int) -> list[tuple[bytes, Entry]]:
        """Return (event_id, remittance) of those of a year that were reversed, by day and event_id."""
        return sorted(self._taken_out.get(plan_year, {}).items(), key=lambda row: (row[1].day, row[0]))
