"""Sorted runs: the ledger's events on disk, by group and event id, in files that are written once.

Ids come in random order. In a B-tree each touches a page of its own, and the more there are the more pages are
written for every batch. So events are kept as in a log-structured merge tree: the newest as the batches in which they
came (in the ledger's database, in the transaction that moves its position) and, sorted, in memory; from a number on
they go to a run, a file sorted by key; runs of one size are merged into one of the next, in a thread. A run is
columns: all keys, then all rows. It is mapped, not read, so that memory holds what is in use and the system may take
it back.
"""

from __future__ import annotations

import logging
import mmap
import os
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

FLUSH_EVENTS = 131_072  # so many newest ones become a run
FANOUT = 4  # so many runs of one level become one of the next
LOOKS = 1 << 15  # at groups, after which mapped pages are given back: a round needs none of them again
TIMES_LARGER = (
    8  # each part in memory is than the next, or they are merged: a small batch must not move all the others
)
HASH_BITS = 38  # of a key: the group's number stands before them

Keys = npt.NDArray[np.uint64]
#: Taken by `take` and `compress`, joined by `together`: numpy's other ways go field by field, ten times slower.
Rows = npt.NDArray[np.void]
#: One event but its group: the id's two halves, the digest, and what a remittance is (a reversal has day 0).
ROW = np.dtype(
    [("low", "<u8"), ("high", "<u8"), ("digest", "<u8"), ("amount", "<i8"), ("day", "<i4"), ("purse", "<u4")]
)
EVENT_BYTES = 8 + ROW.itemsize

SCHEMA = """
CREATE TABLE events (batch INTEGER PRIMARY KEY, rows BLOB NOT NULL);
CREATE TABLE runs (run INTEGER PRIMARY KEY, level INTEGER, events INTEGER, checksum BLOB);
"""


class DamagedRunError(sqlite3.DatabaseError):
    """A run is not as it was written, or not there; the store has to be made again."""


class Sorted(NamedTuple):
    """Events by ascending key."""

    keys: Keys
    rows: Rows

    def seek(self, keys: Keys) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return the first place of each of some keys, and which of them are here at all; not for no events."""
        at = np.searchsorted(self.keys, keys)
        at[at == len(self.keys)] = 0
        return at, self.keys[at] == keys

    def between(self, bounds: Keys) -> Rows:
        """Return the rows with keys from the first to before the second of two."""
        first, after = self.keys.searchsorted(bounds)
        return self.rows[first:after]

    def to_bytes(self) -> bytes:
        """Return all keys, then all rows."""
        return self.keys.tobytes() + self.rows.tobytes()

    @classmethod
    def of_bytes(cls, data: bytes | mmap.mmap) -> Sorted:
        """Return what `to_bytes` gave, without a copy."""
        count = len(data) // EVENT_BYTES
        return cls(np.frombuffer(data, "<u8", count), np.frombuffer(data, ROW, count, 8 * count))


def together(parts: Sequence[Rows]) -> Rows:
    """Return the rows of all parts, not to be written to."""
    return np.frombuffer(b"".join([part.data for part in parts]), ROW)


def keys_of(numbers: Keys, rows: Rows) -> Keys:
    """Return the keys: group numbers, then a hash of the ids.

    Ids made in order share their first bytes, so these bytes alone would not tell them apart.
    """
    mixed = (rows["low"] ^ (rows["high"] * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xD6E8FEB86659FD93)
    keys: Keys = (numbers << np.uint64(HASH_BITS)) | ((mixed ^ (mixed << np.uint64(32))) >> np.uint64(64 - HASH_BITS))
    return keys


def merged(parts: Sequence[Sorted]) -> Sorted:
    """Return the events of all parts by ascending key."""
    keys = np.concatenate([part.keys for part in parts])
    order = np.argsort(keys, kind="stable")  # which merges what is in order already
    return Sorted(keys[order], together([part.rows for part in parts]).take(order))


_NONE = Sorted(np.empty(0, np.uint64), np.empty(0, ROW))


class _Run(NamedTuple):
    """A file of sorted events."""

    run: int
    level: int
    checksum: bytes
    data: mmap.mmap
    events: Sorted


class Runs:
    """The events of one ledger: the newest in its database, the others in files beside it."""

    def __init__(self, stem: Path, db: sqlite3.Connection) -> None:
        """Open what is there: `stem` is the database's path. DamagedRunError: a file is not as it was written."""
        self._stem, self._db = stem, db
        self._runs = [self._open(*row) for row in db.execute("SELECT run, level, events, checksum FROM runs")]
        self._next = 1 + max((run.run for run in self._runs), default=0)
        batches = [(n, Sorted.of_bytes(rows)) for n, rows in db.execute("SELECT batch, rows FROM events")]
        self._batch = max((n for n, _ in batches), default=0)
        self._newest = [merged([batch for _, batch in batches])] if batches else []  # the largest first
        self._frozen: tuple[Sorted, int] = (_NONE, 0)  # being written; up to which batch
        self._work: Future[_Run] | None = None
        self._adopt: Callable[[_Run], None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="runs")
        self._looks = 0
        self._give_back()  # to hold a run against its checksum took all of it
        for left in files(stem) - {self._path(run.run) for run in self._runs}:
            left.unlink()

    def close(self) -> None:
        """Wait for what is being written, and forget it: it is made again."""
        self._thread.shutdown()

    def _path(self, run: int) -> Path:
        return self._stem.with_name(f"{self._stem.name}.{run}.run")

    # --- asking ---

    def __len__(self) -> int:
        return sum(len(part.keys) for part in self._parts())

    def _parts(self) -> Iterator[Sorted]:
        yield from self._newest
        if len(self._frozen[0].keys):
            yield self._frozen[0]
        yield from (run.events for run in self._runs)

    def doubtful(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Return which of some ascending keys are among them twice, or here already."""
        found = np.zeros(len(keys), np.bool_)
        same = keys[1:] == keys[:-1]
        found[1:] |= same
        found[:-1] |= same
        for part in self._parts():
            found |= part.seek(keys)[1]
        return found

    def repeated(self, events: Sorted) -> npt.NDArray[np.bool_]:
        """Return which of some events are here word for word; one whose key another has too may be left out."""
        found = np.zeros(len(events.keys), np.bool_)
        for part in self._parts():
            at, is_here = part.seek(events.keys)
            places = np.flatnonzero(is_here)
            held, said = part.rows.take(at[places]), events.rows.take(places)
            same = [held[name] == said[name] for name in ("low", "high", "digest")]
            found[places] |= np.logical_and.reduce(same)
        return found

    def find(self, key: int, event_id: bytes) -> Any:
        """Return the row of an event, None where it isn't here."""
        wanted = np.uint64(key)
        for part in self._parts():
            at = int(np.searchsorted(part.keys, wanted))
            while at < len(part.keys) and part.keys[at] == wanted:
                if part.rows[at].tobytes()[:16] == event_id:
                    return part.rows[at]
                at += 1
        return None

    def of_group(self, number: int) -> Rows:
        """Return all rows of a group."""
        self._looks += 1
        if self._looks % LOOKS == 0:
            self._give_back()
        bounds = np.array([number << HASH_BITS, (number + 1) << HASH_BITS], np.uint64)
        return together([part.between(bounds) for part in self._parts()])

    def _give_back(self) -> None:
        """Keep no page mapped, for all that are count as resident; the system's cache has them for the next look."""
        for run in self._runs:
            run.data.madvise(mmap.MADV_DONTNEED)

    # --- adding ---

    def store(self, events: Sorted) -> None:
        """Write new events, in the transaction that the caller has begun."""
        self._db.execute("INSERT INTO events VALUES (?, ?)", (self._batch + 1, events.to_bytes()))

    def stored(self, events: Sorted) -> None:
        """Take them in, now that the transaction is committed."""
        self._batch += 1
        parts = self._newest
        parts.append(events)
        while len(parts) > 1 and len(parts[-2].keys) < TIMES_LARGER * len(parts[-1].keys):
            parts[-2:] = [merged(parts[-2:])]

    def tend(self, wait: bool = False) -> None:
        """Adopt what the thread has written, and give it what is due; sqlite3.Error where nothing can be written."""
        while True:
            if self._work is not None:
                if not (wait or self._work.done()):
                    return
                self._settle(self._work)
            self._begin()
            if self._work is None or not wait:
                return

    def _settle(self, work: Future[_Run]) -> None:
        adopt, self._work, self._adopt = self._adopt, None, None
        try:
            run = work.result()
        except OSError as error:
            raise sqlite3.OperationalError(f"no run can be written: {error.strerror}") from error
        assert adopt is not None
        adopt(run)

    def _begin(self) -> None:
        if not len(self._frozen[0].keys) and sum(len(part.keys) for part in self._newest) >= FLUSH_EVENTS:
            self._frozen, self._newest = (merged(self._newest), self._batch), []
        if len(self._frozen[0].keys):
            self._give([self._frozen[0]], 0, self._adopt_flush)
            return
        levels: dict[int, list[_Run]] = {}
        for run in self._runs:
            levels.setdefault(run.level, []).append(run)
        for level, runs in sorted(levels.items()):
            if len(runs) >= FANOUT:
                self._give([run.events for run in runs], level + 1, lambda new: self._adopt_merge(runs, new))  # noqa: B023  returns
                return

    def _give(self, parts: list[Sorted], level: int, adopt: Callable[[_Run], None]) -> None:
        run, self._next = self._next, self._next + 1
        self._adopt = adopt
        self._work = self._thread.submit(_write, self._path(run), run, level, parts)

    def _adopt_flush(self, new: _Run) -> None:
        with _transaction(self._db):
            self._insert(new)
            self._db.execute("DELETE FROM events WHERE batch <= ?", (self._frozen[1],))
        self._runs.append(new)
        self._frozen = (_NONE, 0)

    def _adopt_merge(self, old: list[_Run], new: _Run) -> None:
        with _transaction(self._db):
            self._insert(new)
            self._db.executemany("DELETE FROM runs WHERE run = ?", [(run.run,) for run in old])
        gone = {run.run for run in old}
        self._runs = [run for run in self._runs if run.run not in gone] + [new]
        for run in gone:
            self._path(run).unlink(missing_ok=True)  # what still maps it keeps it

    def _insert(self, new: _Run) -> None:
        row = (new.run, new.level, len(new.events.keys), new.checksum)
        self._db.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", row)

    # --- files ---

    def _open(self, run: int, level: int, count: int, checksum: bytes) -> _Run:
        try:
            data = _mapped(self._path(run))
        except (OSError, ValueError) as error:
            raise DamagedRunError(f"run {run} can't be read") from error
        if len(data) != count * EVENT_BYTES or xxh3_64(data).digest() != checksum:
            raise DamagedRunError(f"run {run} is not as it was written")
        return _Run(run, level, checksum, data, Sorted.of_bytes(data))


def files(stem: Path) -> set[Path]:
    """Return the files of runs that lie beside a database."""
    return set(stem.parent.glob(f"{stem.name}.*.run"))


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _write(path: Path, run: int, level: int, parts: list[Sorted]) -> _Run:
    """Write a run of what the parts hold; OSError where that can't be."""
    events = parts[0] if len(parts) == 1 else merged(parts)
    checksum = xxh3_64()
    try:
        with path.open("wb") as file:
            for column in (events.keys, events.rows):
                checksum.update(column.data)
                file.write(column.data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    data = _mapped(path)
    return _Run(run, level, checksum.digest(), data, Sorted.of_bytes(data))


class _transaction:  # noqa: N801  used as a statement
    """One transaction: committed at the end, rolled back at an exception."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
