"""The ledger of one home partition on local disk (sqlite): what the groups at home there sent in, each event once.

It follows from the home log alone: data and the log's offset are committed in one local transaction, a start goes on
from that offset, and without a store (or with one that can't be read) the log is read from its beginning. The fold is
the pure one of `streams.core.ledger.GroupLedger`, on disk; a test runs one suite against both.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections import OrderedDict
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.events import Remittance, Reversal
from streams.core.takings import AccountMoney, Entry, Purse
from streams.core.years import year_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from streams.core.events import Day
    from streams.shell.packs import Pack

log = logging.getLogger(__name__)

VERSION = 1
CACHED_ACCOUNTS = 200_000  # as sums by day: some KiB each
_INT64_MAX = (1 << 63) - 1

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE stamps (topic TEXT, partition INTEGER, next INTEGER, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE groups (number INTEGER PRIMARY KEY, group_id TEXT NOT NULL UNIQUE);
CREATE TABLE years (number INTEGER, year INTEGER, PRIMARY KEY (number, year)) WITHOUT ROWID;
CREATE TABLE events (
    number INTEGER, event_id BLOB, digest BLOB NOT NULL, day INTEGER, amount, currency TEXT, levy_id TEXT,
    PRIMARY KEY (number, event_id)
) WITHOUT ROWID;
CREATE TABLE reversals (number INTEGER, reverses BLOB, PRIMARY KEY (number, reverses)) WITHOUT ROWID;
CREATE TABLE conflicts (
    topic TEXT, partition INTEGER, offset INTEGER, PRIMARY KEY (topic, partition, offset)
) WITHOUT ROWID;
"""
_ADD = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


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
        self._db.execute("PRAGMA cache_size = -65536")
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
        found = rows("SELECT value FROM meta WHERE name = 'position'").fetchone()
        #: The home log's offset up to which everything is in here.
        self.position: int = found[0] if found else 0
        #: For each input partition the offset up to which the home log holds what it said.
        self.stamps: dict[tuple[str, int], int] = {(t, p): n for t, p, n in rows("SELECT * FROM stamps")}
        self._numbers: dict[str, int] = {g: n for n, g in rows("SELECT number, group_id FROM groups")}
        self._years: dict[int, set[int]] = {}
        for number, year in rows("SELECT number, year FROM years"):
            self._years.setdefault(number, set()).add(year)
        self._reversed: set[tuple[int, bytes]] = set(rows("SELECT number, reverses FROM reversals"))
        #: Conflicting duplicates among what is in here.
        self.conflicts: set[Conflict] = {Conflict(*row) for row in rows("SELECT * FROM conflicts")}
        self._accounts: OrderedDict[tuple[str, int], StoredMoney] = OrderedDict()

    def close(self) -> None:
        """Close the store."""
        self._db.close()

    def discard(self) -> None:
        """Begin again with an empty store; the home log is then read from its beginning."""
        with contextlib.suppress(AttributeError, sqlite3.Error):
            self._db.close()
        for suffix in ("", "-wal", "-shm", "-journal"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._open()

    # --- the fold ---

    def fold(self, packs: Sequence[tuple[int, Pack]], position: int) -> set[str]:
        """Take in packs (each with its home offset) and the log's next offset; return the groups that changed.

        Raises sqlite3.Error where the store can't be written; then nothing was taken in.
        """
        self._db.execute("BEGIN")
        try:
            news = self._write(packs)
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('position', ?)", (position,))
            stamps = dict(self.stamps)
            for _, pack in packs:
                source = (pack.topic, pack.partition)
                stamps[source] = max(stamps.get(source, 0), pack.stamp)
            self._db.executemany(
                "INSERT OR REPLACE INTO stamps VALUES (?, ?, ?)", [(*k, n) for k, n in stamps.items()]
            )
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            self._load()
            raise
        self.position, self.stamps = position, stamps
        try:
            for number, event in sorted(news, key=lambda new: isinstance(new[1], Reversal)):
                self._apply(number, event)  # remittances first: a reversal takes out what is there
        except BaseException:
            self._load()  # what is in memory is only a copy
            raise
        return {event.group_id for _, event in news}

    def _write(self, packs: Sequence[tuple[int, Pack]]) -> list[tuple[int, Remittance | Reversal]]:
        events = [(self._number(event.group_id), event) for _, pack in packs for _, event in pack.entries]
        if not events:
            return []
        before = self._db.total_changes
        self._db.execute("SAVEPOINT bulk")
        self._db.executemany(_ADD, [_row(number, event) for number, event in events])
        if self._db.total_changes - before == len(events):
            self._db.execute("RELEASE bulk")
            news = events
        else:  # something is here already: one by one, to tell repeats from conflicts
            self._db.execute("ROLLBACK TO bulk")
            self._db.execute("RELEASE bulk")
            news = self._write_singly(packs)
        self._db.executemany(
            "INSERT OR IGNORE INTO reversals VALUES (?, ?)",
            [(number, event.reverses) for number, event in news if isinstance(event, Reversal)],
        )
        years = {(n, year_of(e.day)) for n, e in news if type(e) is Remittance}
        self._db.executemany("INSERT OR IGNORE INTO years VALUES (?, ?)", years)
        return news

    def _write_singly(self, packs: Sequence[tuple[int, Pack]]) -> list[tuple[int, Remittance | Reversal]]:
        news: list[tuple[int, Remittance | Reversal]] = []
        for _, pack in packs:
            for source_offset, event in pack.entries:
                number = self._number(event.group_id)
                if self._db.execute(_ADD, _row(number, event)).rowcount:
                    news.append((number, event))
                    continue
                held = "SELECT digest FROM events WHERE number = ? AND event_id = ?"
                if self._db.execute(held, (number, event.event_id)).fetchone()[0] != event.digest:
                    conflict = Conflict(pack.topic, pack.partition, source_offset)
                    self._db.execute("INSERT OR IGNORE INTO conflicts VALUES (?, ?, ?)", conflict)
                    self.conflicts.add(conflict)  # a rollback reads them anew
        return news

    def _number(self, group_id: str) -> int:
        number = self._numbers.get(group_id)
        if number is None:
            number = self._numbers[group_id] = len(self._numbers)
            self._db.execute("INSERT INTO groups VALUES (?, ?)", (number, group_id))
        return number

    def _apply(self, number: int, event: Remittance | Reversal) -> None:
        if isinstance(event, Reversal):
            self._take_out(number, event)
            return
        year = year_of(event.day)
        self._years.setdefault(number, set()).add(year)
        money = self._accounts.get((event.group_id, year))
        if money is not None and (number, event.event_id) not in self._reversed:
            money.count(Purse(event.currency, event.levy_id), event.day, event.amount_minor)

    def _take_out(self, number: int, reversal: Reversal) -> None:
        if (number, reversal.reverses) in self._reversed:
            return
        self._reversed.add((number, reversal.reverses))
        row = self._db.execute(
            "SELECT day, amount, currency, levy_id FROM events WHERE number = ? AND event_id = ? AND day NOT NULL",
            (number, reversal.reverses),
        ).fetchone()
        if row is None:  # not here yet, or a reversal itself
            return
        entry = _entry(*row)
        money = self._accounts.get((reversal.group_id, year_of(entry.day)))
        if money is not None:
            money.discount(entry)

    # --- what the teller asks ---

    def group_ids(self) -> Collection[str]:
        """Return the groups that any event here names."""
        return self._numbers.keys()

    def plan_years(self, group_id: str) -> Collection[int]:
        """Return the years in which any remittance of the group is known, reversed or not."""
        number = self._numbers.get(group_id)
        return () if number is None else self._years.get(number, ())

    def money(self, group_id: str, plan_year: int) -> AccountMoney:
        """Return the unreversed remittances of a group and plan year; kept in memory while it is in use."""
        money = self._accounts.get((group_id, plan_year))
        if money is None:
            money = self._accounts[group_id, plan_year] = StoredMoney(self, group_id, plan_year)
            if len(self._accounts) > CACHED_ACCOUNTS:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end((group_id, plan_year))
        return money

    def unreversed(self, columns: str, condition: str, group_id: str, parameters: Sequence[object]) -> Iterable[Any]:
        """Return columns of a group's unreversed remittances that meet an SQL condition."""
        number = self._numbers.get(group_id)
        sql = (
            f"SELECT {columns} FROM events WHERE number = ?1 AND day NOT NULL"  # noqa: S608  none of it is input
            f" AND event_id NOT IN (SELECT reverses FROM reversals WHERE number = ?1) AND {condition}"
        )
        return () if number is None else self._db.execute(sql, (number, *parameters))


class StoredMoney(AccountMoney):
    """The money of one account: its sums in memory, the single remittances in the store."""

    def __init__(self, ledger: HomeLedger, group_id: str, plan_year: int) -> None:
        super().__init__()
        self._ledger, self._group_id, self._days = ledger, group_id, _days_of(plan_year)
        # Added in the store, which is much faster; in two halves, because it adds 64 bits and no more.
        sums = "day, currency, levy_id, sum(amount >> 32), sum(amount & 0xffffffff), count(*)"
        small = "day BETWEEN ?2 AND ?3 AND typeof(amount) = 'integer' GROUP BY day, currency, levy_id"
        for day, currency, levy_id, high, low, how_many in ledger.unreversed(sums, small, group_id, self._days):
            self.count(Purse(currency, levy_id), day, (high << 32) + low, how_many)
        large = "day BETWEEN ?2 AND ?3 AND typeof(amount) = 'text'"
        for row in ledger.unreversed("day, amount, currency, levy_id", large, group_id, self._days):
            entry = _entry(*row)
            self.count(entry.purse, entry.day, entry.amount_minor)

    def entries(self, day: Day | None = None, purse: Purse | None = None) -> list[tuple[bytes, Entry]]:
        """Return (event_id, remittance) of all of them, or those of a day or a kind, by day and event_id."""
        days = self._days if day is None else (day, day)
        condition = (
            "day BETWEEN ?2 AND ?3 AND (?4 IS NULL OR (currency = ?4 AND levy_id IS ?5)) ORDER BY day, event_id"
        )
        rows = self._ledger.unreversed(
            "event_id, day, amount, currency, levy_id", condition, self._group_id, (*days, *(purse or (None, None)))
        )
        return [(event_id, _entry(*row)) for event_id, *row in rows]


class UnreadableLedgerError(Exception):
    """The store is of another version of this program, of another home log, or ahead of it."""


def _row(number: int, event: Remittance | Reversal) -> tuple[object, ...]:
    if isinstance(event, Reversal):
        return (number, event.event_id, event.digest, None, None, None, None)
    amount = event.amount_minor if event.amount_minor <= _INT64_MAX else str(event.amount_minor)
    return (number, event.event_id, event.digest, event.day, amount, event.currency, event.levy_id)


def _entry(day: Day, amount: int | str, currency: str, levy_id: str | None) -> Entry:
    return Entry(day, int(amount), Purse(currency, levy_id))


def _days_of(plan_year: int) -> tuple[Day, Day]:
    return date(plan_year, 1, 1).toordinal(), date(plan_year, 12, 31).toordinal()


def covered(stamps: Iterable[tuple[tuple[str, int], int]], ends: dict[tuple[str, int], int]) -> bool:
    """Return whether stamps reach every one of the given ends (an empty partition's end is 0)."""
    reached = dict(stamps)
    return all(reached.get(source, 0) >= end for source, end in ends.items())
