"""The ledger of one home partition on local disk: what the groups at home there sent in, each event once.

It follows from the home log alone: data and the log's offset are committed in one local transaction (sqlite), a start
goes on from that offset, and without a store (or with one that can't be read) the log is read from its beginning. The
fold is the pure one of `streams.core.ledger.GroupLedger`, on disk and by columns: what costs time for each event is
done by numpy for all of a batch, and only what is doubtful (an id that may be here already) one by one. A test runs
one suite against both. Where the events lie: `runs.py`.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from bisect import bisect_right
from collections import OrderedDict
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streams.core.takings import Entry, Purse
from streams.core.years import year_of
from streams.shell import known_groups, runs
from streams.shell.batch import Batch, by_year, day_sums
from streams.shell.known_groups import KnownGroups
from streams.shell.runs import Keys, Rows, Runs, Sorted
from streams.shell.stored_money import BEYOND_64_BITS, StoredMoney

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from streams.core.events import Day
    from streams.shell.packs import Columns

log = logging.getLogger(__name__)

VERSION = 3
CACHED_ACCOUNTS = 400_000  # as sums by day, some 1.2 KiB each; a round comes by all, so more groups miss it each time
FORGOTTEN_AT_ONCE = 500  # accounts, in a few milliseconds

_SCHEMA = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE stamps (topic TEXT, partition INTEGER, next INTEGER, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE purses (number INTEGER PRIMARY KEY, currency TEXT, levy_id TEXT);
CREATE TABLE large (number INTEGER, event_id BLOB, amount TEXT, PRIMARY KEY (number, event_id)) WITHOUT ROWID;
CREATE TABLE reversals (number INTEGER, reverses BLOB, PRIMARY KEY (number, reverses)) WITHOUT ROWID;
CREATE TABLE conflicts (
    topic TEXT, partition INTEGER, offset INTEGER, PRIMARY KEY (topic, partition, offset)
) WITHOUT ROWID;
{known_groups.SCHEMA}{runs.SCHEMA}"""
_NEW_YEARS_DAYS = np.array([date(year, 1, 1).toordinal() for year in range(1, 3000)])


class Conflict(NamedTuple):
    """The place of an input record that says something else than an earlier one with its id."""

    topic: str  # remittances or policy-changes, without a prefix
    partition: int
    offset: int


class HomeLedger:
    """The events of the groups at home in one partition."""

    def __init__(self, path: Path, log_id: str) -> None:
        """Open the store at `path`, or make it; `log_id` is the home topic's, for a store of another log is void."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._log_id = log_id
        self._runs: Runs | None = None
        try:
            self._open()
        except (sqlite3.DatabaseError, UnreadableLedgerError) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            log.warning("the local store %s can't be used (%s); it is made again from the home log", path.name, error)
            self.discard()

    def _open(self) -> None:
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # a crash may lose the newest commits, never consistency
        self._db.execute("PRAGMA wal_autocheckpoint = 4000")  # pages; by default a sync for every 4 MiB is waited for
        if not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            self._db.execute("INSERT INTO meta VALUES ('log_id', ?)", (self._log_id,))
        if self._db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            raise UnreadableLedgerError("written by another version")
        if self._db.execute("SELECT value FROM meta WHERE name = 'log_id'").fetchone() != (self._log_id,):
            raise UnreadableLedgerError("of another home log")
        self._load()

    def _load(self) -> None:
        rows = self._db.execute
        if self._runs is not None:
            self._runs.close()
        self._runs = Runs(self._path, self._db)
        found = rows("SELECT value FROM meta WHERE name = 'position'").fetchone()
        #: The home log's offset up to which everything is in here.
        self.position: int = found[0] if found else 0
        #: For each input partition the offset up to which the home log holds what it said.
        self.stamps: dict[tuple[str, int], int] = {(t, p): n for t, p, n in rows("SELECT * FROM stamps")}
        self._groups = KnownGroups(self._db)
        #: The unreversed rows of the group that was asked for last: it has more to be asked while it is told of.
        self._at_hand: tuple[str, Rows] | None = None
        self._purses: list[Purse] = [
            Purse(*purse) for purse in rows("SELECT currency, levy_id FROM purses ORDER BY number")
        ]
        self._purse_numbers: dict[tuple[str, str | None], int] = {p: number for number, p in enumerate(self._purses)}
        self._large: dict[tuple[int, bytes], int] = {
            (n, key): int(text) for n, key, text in rows("SELECT * FROM large")
        }
        self._reversed: dict[int, set[bytes]] = {}  # by group: what reversals name, known or not
        for number, reverses in rows("SELECT number, reverses FROM reversals"):
            self._reversed.setdefault(number, set()).add(reverses)
        #: Conflicting duplicates among what is in here.
        self.conflicts: set[Conflict] = {Conflict(*row) for row in rows("SELECT * FROM conflicts")}
        self._accounts: OrderedDict[tuple[str, int], StoredMoney] = OrderedDict()

    def close(self) -> None:
        """Close the store."""
        if self._runs is not None:
            self._runs.close()
        self._db.close()

    def forget_some(self) -> bool:
        """Let go of some accounts, after closing; return whether there were any.

        Each holds this ledger: they would stay in memory until the collector came by, if it ever did.
        """
        for _ in range(min(FORGOTTEN_AT_ONCE, len(self._accounts))):
            self._accounts.popitem()
        return bool(self._accounts)

    def discard(self) -> None:
        """Begin again with an empty store; the home log is then read from its beginning."""
        with contextlib.suppress(AttributeError, sqlite3.Error):
            self.close()
        self._runs = None
        sides = {self._path.with_name(self._path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")}
        for file in sides | runs.files(self._path):
            file.unlink(missing_ok=True)
        self._open()

    # --- the fold ---

    def fold(self, packs: Sequence[Columns], position: int) -> Iterator[str]:
        """Take in packs and the log's next offset; return what yields the groups that changed, each once.

        Raises sqlite3.Error where the store can't be written; then nothing was taken in.
        """
        assert self._runs is not None
        self._runs.tend()
        self._at_hand = batch = None
        self._db.execute("BEGIN")
        try:
            batch = self._batch(packs)
            news, kept = self._news(packs, batch)
            self._groups.write()
            self._write(batch, news, kept)
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('position', ?)", (position,))
            stamps = dict(self.stamps)
            for pack in packs:
                for partition, stamp, _ in pack.sources:
                    stamps[pack.topic, partition] = max(stamps.get((pack.topic, partition), 0), stamp)
            moved = [(*source, stamp) for source, stamp in stamps.items() if self.stamps.get(source) != stamp]
            self._db.executemany("INSERT OR REPLACE INTO stamps VALUES (?, ?, ?)", moved)
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            self._load()
            raise
        self.position, self.stamps = position, stamps
        if not len(kept):
            return iter(())
        try:
            self._runs.stored(news)
            self._apply(batch, kept)
        except BaseException:
            self._load()  # what is in memory is only a copy
            raise
        return self._changed(batch.numbers[kept])

    def _changed(self, numbers: Keys) -> Iterator[str]:
        """Yield the names, worked out only where somebody asks: while a partition is behind nobody does."""
        for number in set(numbers.tolist()):
            yield self._groups.names[number]

    def _batch(self, packs: Sequence[Columns]) -> Batch:
        count = sum(pack.events.size for pack in packs)
        numbers, rows = np.empty(count, np.uint64), np.zeros(count, runs.ROW)
        large: dict[int, int] = {}
        reverses: dict[int, bytes] = {}
        at = 0
        for pack in packs:
            events, size = pack.events, pack.events.size
            if not size:
                continue
            mine, part = rows[at : at + size], slice(at, at + size)
            numbers[part] = self._groups.numbered(events.groups)[events.group]
            mine["low"], mine["high"] = events.ids[:, 0], events.ids[:, 1]
            mine["digest"], mine["day"], mine["amount"] = events.digests, events.days, events.amounts
            mine["purse"] = np.array([self._purse(purse) for purse in events.purses], np.uint32)[events.purse]
            for row, amount in events.large.items():
                mine["amount"][row] = BEYOND_64_BITS
                large[at + row] = amount
            reverses |= {at + row: reversed_id for row, reversed_id in events.reverses.items()}
            at += size
        return Batch(numbers, rows, large, reverses)

    def _news(self, packs: Sequence[Columns], batch: Batch) -> tuple[Sorted, npt.NDArray[np.int64]]:
        """Return what is not here yet, by key, and the rows of the batch that it is in."""
        assert self._runs is not None
        keys = runs.keys_of(batch.numbers, batch.rows)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        doubtful = self._runs.doubtful(keys)
        if doubtful.any():
            new = np.ones(len(keys), np.bool_)
            places = np.flatnonzero(doubtful)
            repeated = self._runs.repeated(Sorted(keys[places], batch.rows.take(order[places])))
            new[places[repeated]] = False
            places = places[~repeated]
            self._judge(packs, batch, keys, order, places[np.argsort(order[places])].tolist(), new)
            keys, order = keys[new], order[new]
        return Sorted(keys, batch.rows.take(order)), order

    def _judge(
        self, packs: Sequence[Columns], batch: Batch, keys: Keys, order: npt.NDArray[np.int64],
        places: list[int], new: npt.NDArray[np.bool_],
    ) -> None:  # fmt: skip
        """Tell new events from repeats and conflicts, one by one in the log's order: the first stands."""
        assert self._runs is not None
        starts = [0, *accumulate(pack.events.size for pack in packs)]
        taken: dict[tuple[int, bytes], bytes] = {}
        for place in places:
            key, row = int(keys[place]), int(order[place])
            said = batch.rows[row].tobytes()
            event_id, digest = said[:16], said[16:24]
            held = taken.get((key, event_id))
            if held is None and (found := self._runs.find(key, event_id)) is not None:
                held = found.tobytes()[16:24]
            if held is None:
                taken[key, event_id] = digest
                continue
            new[place] = False
            if held != digest:
                which = bisect_right(starts, row) - 1
                pack, at = packs[which], row - starts[which]
                conflict = Conflict(pack.topic, pack.source_of(at).partition, int(pack.offsets[at]))
                self._db.execute("INSERT OR IGNORE INTO conflicts VALUES (?, ?, ?)", conflict)
                self.conflicts.add(conflict)  # a rollback reads them anew

    def _write(self, batch: Batch, news: Sorted, kept: npt.NDArray[np.int64]) -> None:
        assert self._runs is not None
        if not len(kept):
            return
        self._runs.store(news)
        for year, numbers in _by_year(batch.rows["day"][kept], batch.numbers[kept]):
            self._groups.note_year(year, numbers)
        rows = set(kept.tolist()) if batch.reverses or batch.large else set()
        reversals = [(int(batch.numbers[row]), key) for row, key in batch.reverses.items() if row in rows]
        self._db.executemany("INSERT OR IGNORE INTO reversals VALUES (?, ?)", reversals)
        for row in rows & batch.large.keys():
            known_by = int(batch.numbers[row]), batch.rows[row].tobytes()[:16]
            self._large[known_by] = batch.large[row]
            self._db.execute("INSERT INTO large VALUES (?, ?, ?)", (*known_by, str(batch.large[row])))

    def _purse(self, purse: tuple[str, str | None]) -> int:
        number = self._purse_numbers.get(purse)
        if number is None:
            number = self._purse_numbers[purse] = len(self._purses)
            self._purses.append(Purse(*purse))
            self._db.execute("INSERT INTO purses VALUES (?, ?, ?)", (number, *purse))
        return number

    def _apply(self, batch: Batch, kept: npt.NDArray[np.int64]) -> None:
        """Bring the accounts that are in memory up to date: remittances first, a reversal takes out what is there."""
        if self._accounts:
            for (number, purse), came in day_sums(batch, kept, self._reversed):
                for year, of_year in by_year(came):
                    money = self._accounts.get((self._groups.names[number], year))
                    if money is not None:
                        money.count(self._purses[purse], of_year)
        rows = set(kept.tolist()) if batch.reverses else set()
        for row in rows & batch.reverses.keys():
            self._take_out(int(batch.numbers[row]), batch.reverses[row])

    def _take_out(self, number: int, reverses: bytes) -> None:
        assert self._runs is not None
        gone = self._reversed.setdefault(number, set())
        if reverses in gone:
            return
        gone.add(reverses)
        halves = np.frombuffer(reverses + bytes(runs.ROW.itemsize - 16), runs.ROW)
        found = self._runs.find(int(runs.keys_of(np.array([number], np.uint64), halves)[0]), reverses)
        if found is None or not found["day"]:  # not here yet, or a reversal itself
            return
        ((_, entry),) = self._entries(number, found.reshape(1))
        money = self._accounts.get((self._groups.names[number], year_of(entry.day)))
        if money is not None:
            money.discount(entry)

    # --- what the teller asks ---

    @property
    def accounts_at_hand(self) -> int:
        """How many accounts are in memory."""
        return len(self._accounts)

    def group_ids(self) -> Collection[str]:
        """Return the groups that any event here names."""
        return self._groups.group_ids()

    def plan_years(self, group_id: str) -> Collection[int]:
        """Return the years in which any remittance of the group is known, reversed or not."""
        return self._groups.years(group_id)

    def money(self, group_id: str, plan_year: int) -> StoredMoney:
        """Return the unreversed remittances of a group and plan year; kept in memory while it is in use."""
        money = self._accounts.get((group_id, plan_year))
        if money is None:
            money = self._accounts[group_id, plan_year] = StoredMoney(self, group_id, plan_year)
            if len(self._accounts) > CACHED_ACCOUNTS:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end((group_id, plan_year))
        return money

    def money_at_hand(self, group_id: str, plan_year: int) -> StoredMoney | None:
        """Return the same if it is in memory."""
        return self._accounts.get((group_id, plan_year))

    def unreversed(self, group_id: str, first: Day, last: Day) -> Rows:
        """Return the rows of a group's unreversed remittances of some days."""
        if self._at_hand is None or self._at_hand[0] != group_id:
            self._at_hand = group_id, self._all_unreversed(group_id)
        rows = self._at_hand[1]
        return rows.compress((rows["day"] >= first) & (rows["day"] <= last))

    def _all_unreversed(self, group_id: str) -> Rows:
        assert self._runs is not None
        number = self._groups.number(group_id)
        if number is None:
            return np.empty(0, runs.ROW)
        rows = self._runs.of_group(number)
        gone = self._reversed.get(number)
        return rows.compress([key not in gone for key in _event_ids(rows)]) if gone and len(rows) else rows

    def purse(self, number: int) -> Purse:
        """Return the kind of money that rows have by a number."""
        return self._purses[number]

    def entries(self, group_id: str, rows: Rows, purse: Purse | None = None) -> list[tuple[bytes, Entry]]:
        """Return (event_id, remittance) of a group's rows, or of those of one kind of money."""
        if purse is not None:
            rows = rows.compress(rows["purse"] == self._purse_numbers.get(purse, -1))
        number = self._groups.number(group_id)
        return [] if number is None else self._entries(number, rows)

    def _entries(self, number: int, rows: Rows) -> list[tuple[bytes, Entry]]:
        found = zip(
            _event_ids(rows), rows["day"].tolist(), rows["amount"].tolist(), rows["purse"].tolist(), strict=True
        )
        return [
            (key, Entry(day, self._large[number, key] if amount == BEYOND_64_BITS else amount, self._purses[purse]))
            for key, day, amount, purse in found
        ]


class UnreadableLedgerError(Exception):
    """The store is of another version of this program, of another home log, or ahead of it."""


def _by_year(days: npt.NDArray[Any], numbers: Keys) -> Iterator[tuple[int, Keys]]:
    """Yield each year in which any of some days are, and the groups' numbers beside those."""
    first, last = int(days.min()), int(days.max())
    if first and year_of(first) == year_of(last):  # as most often
        yield year_of(first), numbers
        return
    years = np.searchsorted(_NEW_YEARS_DAYS, days, "right")  # 0 of a reversal, which has no day
    for year in set(years.tolist()) - {0}:
        yield year, numbers[years == year]


def _event_ids(rows: Rows) -> list[bytes]:
    data, size = rows.tobytes(), rows.itemsize
    return [data[at : at + 16] for at in range(0, len(data), size)]


def covered(stamps: Iterable[tuple[tuple[str, int], int]], ends: dict[tuple[str, int], int]) -> bool:
    """Return whether stamps reach every one of the given ends (an empty partition's end is 0)."""
    reached = dict(stamps)
    return all(reached.get(source, 0) >= end for source, end in ends.items())
