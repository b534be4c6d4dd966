"""The groups that a ledger knows: the number of each, and the years in which any remittance of it is known.

There may be a million, and all of them are new where a ledger is made again. So what a batch brings is one row of the
ledger's database, not one for each group. Not here: their events (ledger.py, runs.py).
"""

from __future__ import annotations

import sqlite3
from array import array
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

SCHEMA = """
CREATE TABLE groups (first INTEGER PRIMARY KEY, names BLOB NOT NULL);
CREATE TABLE years (year INTEGER NOT NULL, numbers BLOB NOT NULL);
"""
_NUMBER = np.dtype("<u4")
Numbers = npt.NDArray[Any]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[str]).decode


class DamagedGroupsError(sqlite3.DatabaseError):
    """The groups are not as they were written; the store has to be made again."""


class KnownGroups:
    """The groups of one ledger, in the order in which they came."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Read them; DamagedGroupsError where that can't be done."""
        self._db = db
        self.names: list[str] = []
        self._years = array("I")  # of each group: which set of years
        self._sets: list[frozenset[int]] = [frozenset()]
        self._set_numbers: dict[frozenset[int], int] = {self._sets[0]: 0}
        try:
            for first, names in db.execute("SELECT first, names FROM groups ORDER BY first"):
                if first != len(self.names):
                    raise DamagedGroupsError("groups are missing")
                self._append(_decode(names))
            for year, numbers in db.execute("SELECT year, numbers FROM years"):
                self._add_year(year, np.frombuffer(numbers, _NUMBER))
        except (msgspec.MsgspecError, TypeError, ValueError, IndexError) as error:
            raise DamagedGroupsError(f"groups can't be read: {error}") from None
        self._numbers = dict(zip(self.names, count()))
        self._written = len(self.names)

    def _append(self, names: Sequence[str]) -> None:
        self.names += names
        self._years.frombytes(bytes(self._years.itemsize * len(names)))

    def group_ids(self) -> Collection[str]:
        """Return all of them."""
        return self._numbers.keys()

    def number(self, group_id: str) -> int | None:
        """Return the number of a group; None where it isn't known."""
        return self._numbers.get(group_id)

    def years(self, group_id: str) -> Collection[int]:
        """Return the years of a group."""
        number = self._numbers.get(group_id)
        return self._sets[0 if number is None else self._years[number]]

    def numbered(self, group_ids: Sequence[str]) -> Numbers:
        """Return the number of each of some groups; those that were not known are from now on."""
        numbers, first = self._numbers, len(self.names)
        found = list(map(numbers.setdefault, group_ids, count(first)))
        added = len(numbers) - first
        if added == len(group_ids):
            self._append(group_ids)
            return np.arange(first, first + added, dtype=np.uint64)
        if added:  # beside known ones: each had its place among the names for a number, which leaves gaps
            new = dict.fromkeys(name for name, number in zip(group_ids, found, strict=True) if number >= first)
            numbers.update(zip(new, count(first)))
            self._append(list(new))
            found = list(map(numbers.__getitem__, group_ids))
        return np.array(found, np.uint64)

    def note_year(self, year: int, numbers: Numbers) -> None:
        """Note a year of some groups, in the transaction that the caller has begun."""
        new = self._add_year(year, numbers)
        if len(new):
            self._db.execute("INSERT INTO years VALUES (?, ?)", (year, new.astype(_NUMBER).tobytes()))

    def _add_year(self, year: int, numbers: Numbers) -> Numbers:
        """Return those of which the year was not known."""
        years = np.frombuffer(self._years, np.uintc)
        is_new = np.array([year not in held for held in self._sets])[years[numbers]]
        new = np.sort(numbers[is_new])
        new = new[np.append(True, new[1:] != new[:-1])] if len(new) else new  # `unique` hashes, and takes longer
        for held in set(years[new].tolist()):
            years[new[years[new] == held]] = self._set_number(self._sets[held] | {year})
        return new

    def _set_number(self, years: frozenset[int]) -> int:
        number = self._set_numbers.setdefault(years, len(self._sets))
        if number == len(self._sets):
            self._sets.append(years)
        return number

    def write(self) -> None:
        """Write those that were not known, in the transaction that the caller has begun."""
        new = self.names[self._written :]
        if new:
            self._db.execute("INSERT INTO groups VALUES (?, ?)", (self._written, _encode(new)))
            self._written = len(self.names)
