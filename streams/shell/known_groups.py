"""The groups that a ledger knows: the number of each, and the years in which any remittance of it is known.

There may be a million, and all of them are new where a ledger is made again. So what a batch brings is one row of the
ledger's database, not one for each group. Not here: their events (ledger.py, runs.py).
"""

from __future__ import annotations

import sqlite3
from itertools import count
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SCHEMA = """
CREATE TABLE groups (first INTEGER PRIMARY KEY, names BLOB NOT NULL);
CREATE TABLE years (year INTEGER NOT NULL, numbers BLOB NOT NULL);
"""
NO_YEARS: frozenset[int] = frozenset()

_NUMBER = np.dtype("<u4")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[str]).decode
_year_sets: dict[frozenset[int], frozenset[int]] = {}  # one object for each, however many groups have it


class DamagedGroupsError(sqlite3.DatabaseError):
    """The groups are not as they were written; the store has to be made again."""


class KnownGroups:
    """The groups of one ledger, in the order in which they came."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Read them; DamagedGroupsError where that can't be done."""
        self._db = db
        self.names: list[str] = []
        self._years: list[frozenset[int]] = []
        try:
            for first, names in db.execute("SELECT first, names FROM groups ORDER BY first"):
                if first != len(self.names):
                    raise DamagedGroupsError("groups are missing")
                self.names += _decode(names)
            self._years += [NO_YEARS] * len(self.names)
            for year, numbers in db.execute("SELECT year, numbers FROM years"):
                self._add_year(year, np.frombuffer(numbers, _NUMBER).tolist())
        except (msgspec.MsgspecError, TypeError, ValueError, IndexError) as error:
            raise DamagedGroupsError(f"groups can't be read: {error}") from None
        self._numbers = dict(zip(self.names, count()))
        self._written = len(self.names)

    def group_ids(self) -> Collection[str]:
        """Return all of them."""
        return self._numbers.keys()

    def number(self, group_id: str) -> int | None:
        """Return the number of a group; None where it isn't known."""
        return self._numbers.get(group_id)

    def years(self, group_id: str) -> Collection[int]:
        """Return the years of a group."""
        number = self._numbers.get(group_id)
        return NO_YEARS if number is None else self._years[number]

    def numbered(self, group_ids: Iterable[str]) -> list[int]:
        """Return the number of each of some groups; those that were not known are from now on."""
        group_ids = list(group_ids)
        found = list(map(self._numbers.get, group_ids))
        if None in found:
            new = dict.fromkeys(name for name, number in zip(group_ids, found, strict=True) if number is None)
            self._numbers.update(zip(new, count(len(self.names))))
            self.names += new
            self._years += [NO_YEARS] * len(new)
            found = list(map(self._numbers.get, group_ids))
        return found  # type: ignore[return-value]  # there is none without a number any more

    def note_year(self, year: int, numbers: Iterable[int]) -> None:
        """Note a year of some groups, in the transaction that the caller has begun."""
        years = self._years
        new = [number for number in numbers if year not in years[number]]
        if new:
            self._add_year(year, new)
            self._db.execute("INSERT INTO years VALUES (?, ?)", (year, np.array(new, _NUMBER).tobytes()))

    def _add_year(self, year: int, numbers: list[int]) -> None:
        years, with_year = self._years, dict[frozenset[int], frozenset[int]]()
        for number in numbers:
            held = years[number]
            more = with_year.get(held)
            if more is None:
                more = held | {year}
                more = with_year[held] = _year_sets.setdefault(more, more)
            years[number] = more

    def write(self) -> None:
        """Write those that were not known, in the transaction that the caller has begun."""
        new = self.names[self._written :]
        if new:
            self._db.execute("INSERT INTO groups VALUES (?, ?)", (self._written, _encode(new)))
            self._written = len(self.names)
