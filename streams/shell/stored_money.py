"""The money of one account: its sums in memory, the single remittances in the ledger's store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from streams.core.takings import AccountMoney, Entry, Purse
from streams.core.years import plan_year as plan_year_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.core.events import Day
    from streams.shell.runs import Rows

BEYOND_64_BITS = -1  # in the place of an amount that is


class Store(Protocol):
    """Where the single remittances of all groups are."""

    def unreversed(self, group_id: str, first: Day, last: Day) -> Rows:
        """Return the rows of a group's unreversed remittances of some days."""

    def entries(self, group_id: str, rows: Rows, purse: Purse | None = None) -> list[tuple[bytes, Entry]]:
        """Return (event_id, remittance) of a group's rows, or of those of one kind of money."""

    def purse(self, number: int) -> Purse:
        """Return the kind of money that rows have by a number."""


class StoredMoney(AccountMoney):
    """The unreversed remittances of a group and plan year."""

    __slots__ = ("_group_id", "_store", "_year")

    def __init__(self, store: Store, group_id: str, plan_year: int) -> None:
        super().__init__()
        self._store, self._group_id = store, group_id
        self._year = plan_year_of(plan_year)
        rows = store.unreversed(group_id, self._year.first, self._year.after - 1)
        is_large = rows["amount"] == BEYOND_64_BITS
        for purse, days, amounts, counts in _sums(rows.compress(~is_large)):
            self.begin(store.purse(purse), days, amounts, counts)
        for _, entry in store.entries(group_id, rows.compress(is_large)):
            self.count(entry.purse, [(entry.day, entry.amount_minor, 1)])
        self.settle()

    def entries(self, day: Day | None = None, purse: Purse | None = None) -> list[tuple[bytes, Entry]]:
        """Return (event_id, remittance) of all of them, or those of a day or a kind, by day and event_id."""
        first, last = (self._year.first, self._year.after - 1) if day is None else (day, day)
        rows = self._store.unreversed(self._group_id, first, last)
        return sorted(self._store.entries(self._group_id, rows, purse), key=lambda row: (row[1].day, row[0]))


def _sums(rows: Rows) -> Iterator[tuple[int, list[Day], list[int], list[int]]]:
    """Yield (number of the kind of money, days, what each comes to, how many), for amounts of 64 bits."""
    purses = rows["purse"]
    for purse in np.bincount(purses).nonzero()[0].tolist():
        mine = rows.compress(purses == purse)
        first = int(mine["day"].min())
        places, amounts = (mine["day"] - first).astype(np.int64), mine["amount"]
        counts = np.bincount(places)
        held = counts.nonzero()[0]
        # In two halves, because sums of them are of 64 bits too.
        high, low = np.zeros_like(counts), np.zeros_like(counts)
        np.add.at(high, places, amounts >> 32)
        np.add.at(low, places, amounts & 0xFFFFFFFF)
        totals = [(up << 32) + down for up, down in zip(high[held].tolist(), low[held].tolist(), strict=True)]
        yield purse, (held + first).tolist(), totals, counts[held].tolist()
