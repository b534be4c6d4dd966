"""The ledger on disk: one suite of behaviour for it and for the pure fold that it repeats; then its store."""

from __future__ import annotations

import random
import sqlite3
from collections import defaultdict
from datetime import date
from itertools import permutations
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import patch
from uuid import UUID

import pytest

from streams.core.events import Added, Remittance, Reversal
from streams.core.ledger import GroupLedger
from streams.shell import runs
from streams.shell.ledger import Conflict, HomeLedger, covered
from streams.shell.packs import Pack, columns, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Event = Remittance | Reversal

HUGE = 10**18 * 1000 - 1  # 18 digits before the point and three after it: more than 63 bits


def remit(
    number: int, amount: int = 100, *, group: str = "g", on: str = "2026-03-01", digest: bytes = b"a" * 8, **more: Any
) -> Remittance:
    """Return a remittance."""
    day = date.fromisoformat(on).toordinal()
    fields = {"currency": "USD", "levy_id": None} | more
    return Remittance(group, UUID(int=number).bytes, digest, day, amount, **fields)


def reverse(number: int, of: int, *, group: str = "g", digest: bytes = b"r" * 8) -> Reversal:
    """Return a reversal."""
    return Reversal(group, UUID(int=number).bytes, digest, UUID(int=of).bytes)


def fold_in(ledger: HomeLedger, packs: list[Pack], position: int) -> set[str]:
    """Fold packs, as they come out of the log."""
    return ledger.fold([columns(encode(pack)) for pack in packs], position)


# --- one suite for both ---------------------------------------------------------------------------------------------


class Fold(Protocol):
    """What both ledgers are, to the suite: batches in, money and conflicts out. Batch n has offsets from 100 n."""

    def take(self, *batch: Event) -> None:
        """Take in what came together."""

    def money(self, group: str, year: int) -> list[Any]:
        """Return the unreversed remittances of an account."""

    def years(self, group: str) -> set[int]:
        """Return the years in which any remittance of a group is known."""

    def conflicts(self) -> set[int]:
        """Return the offsets of conflicting duplicates."""


class PureFold:
    """The core's ledgers, one a group."""

    def __init__(self, _: Path) -> None:
        self._ledgers: defaultdict[str, GroupLedger] = defaultdict(GroupLedger)
        self._conflicts: set[int] = set()
        self._batches = 0

    def take(self, *batch: Event) -> None:
        """Add one by one."""
        for offset, event in enumerate(batch, 100 * self._batches):
            if self._ledgers[event.group_id].add(event) is Added.CONFLICT:
                self._conflicts.add(offset)
        self._batches += 1

    def money(self, group: str, year: int) -> list[Any]:
        """Return the entries of the account's money."""
        return self._ledgers[group].money(year).entries()

    def years(self, group: str) -> set[int]:
        """Return the group's plan years."""
        return set(self._ledgers[group].plan_years())

    def conflicts(self) -> set[int]:
        """Return what was noted."""
        return self._conflicts


class DiskFold:
    """The shell's ledger: a pack a batch, in transactions of its own."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "home-0.sqlite"
        self.ledger = HomeLedger(self._path, "log")
        self._batches = 0

    def take(self, *batch: Event) -> None:
        """Fold one pack."""
        first = 100 * self._batches
        entries = list(enumerate(batch, first))
        position = self.ledger.position
        changed = fold_in(self.ledger, [Pack("remittances", 1, first, entries)], position + 1)
        assert changed <= {event.group_id for event in batch}
        self._batches += 1

    def money(self, group: str, year: int) -> list[Any]:
        """Return the entries of the account's money."""
        return self.ledger.money(group, year).entries()

    def years(self, group: str) -> set[int]:
        """Return the group's plan years."""
        return set(self.ledger.plan_years(group))

    def conflicts(self) -> set[int]:
        """Return the offsets of what was noted."""
        assert {conflict[:2] for conflict in self.ledger.conflicts} <= {("remittances", 1)}
        return {conflict.offset for conflict in self.ledger.conflicts}

    def close(self) -> None:
        """Close the store."""
        self.ledger.close()


class AskedFold(DiskFold):
    """The same, asked about every account before each batch: all of it is in memory and goes on from there."""

    def take(self, *batch: Event) -> None:
        """Ask, then fold."""
        for event in batch:
            for year in (2025, 2026, 2027):
                self.ledger.money(event.group_id, year)
        super().take(*batch)


class ReopenedFold(DiskFold):
    """The same, closed and opened again after each batch: nothing is in memory."""

    def take(self, *batch: Event) -> None:
        """Fold, then open anew."""
        super().take(*batch)
        self.ledger.close()
        self.ledger = HomeLedger(self._path, "log")


class RunsFold(DiskFold):
    """The same with all but the newest in runs, which are merged early."""

    def take(self, *batch: Event) -> None:
        """Fold, then let what is due be written and merged."""
        with patch.multiple(runs, FLUSH_EVENTS=3, FANOUT=2):
            super().take(*batch)
            assert self.ledger._runs is not None
            self.ledger._runs.tend(wait=True)


class ReopenedRunsFold(RunsFold):
    """The same, closed and opened again after each batch."""

    def take(self, *batch: Event) -> None:
        """Fold, then open anew."""
        super().take(*batch)
        self.ledger.close()
        self.ledger = HomeLedger(self._path, "log")


FOLDS: dict[str, Callable[[Path], Any]] = {
    "pure": PureFold, "disk": DiskFold, "disk, asked": AskedFold, "disk, reopened": ReopenedFold,
    "runs": RunsFold, "runs, reopened": ReopenedRunsFold,
}  # fmt: skip


@pytest.fixture(params=FOLDS)
def fold(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fold]:
    """Give each ledger in turn."""
    made = FOLDS[request.param](tmp_path)
    yield made
    getattr(made, "close", lambda: None)()


def amounts(fold: Fold, group: str = "g", year: int = 2026) -> list[int]:
    """Return the amounts that count."""
    return sorted(entry.amount_minor for _, entry in fold.money(group, year))


@pytest.mark.parametrize("together", [True, False])
def test_an_event_counts_once(fold: Fold, together: bool) -> None:
    """Again in the same batch or a later one: once, and no conflict."""
    for batch in [[remit(1), remit(2, 5), remit(1)]] if together else [[remit(1)], [remit(1), remit(2, 5)]]:
        fold.take(*batch)
    assert amounts(fold) == [5, 100]
    assert fold.conflicts() == set()


@pytest.mark.parametrize("together", [True, False])
def test_of_two_that_differ_the_first_stands(fold: Fold, together: bool) -> None:
    """The other is a conflict, told by where it stood; so is a reversal with a remittance's id: it takes nothing."""
    events = [remit(1), remit(1, 7, digest=b"b" * 8), reverse(1, of=1)]
    for batch in [events] if together else [[event] for event in events]:
        fold.take(*batch)
    assert amounts(fold) == [100]
    assert fold.conflicts() == ({1, 2} if together else {100, 200})


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("together", [True, False])
def test_a_reversal_counts_whenever_it_comes(fold: Fold, order: tuple[int, ...], together: bool) -> None:
    """Before, after or with its remittance, once or twice: out it is, and its year stays known."""
    events = [remit(1), reverse(2, of=1), reverse(3, of=1), remit(4, 9)]
    ordered = [events[n] for n in order]
    for batch in [ordered] if together else [[event] for event in ordered]:
        fold.take(*batch)
    assert amounts(fold) == [9]
    assert fold.years("g") == {2026}
    assert fold.conflicts() == set()


def test_a_reversal_alone_makes_no_year(fold: Fold) -> None:
    """A group of which only a reversal is known has no plan year; the remittance, once it comes, doesn't count."""
    fold.take(reverse(2, of=1))
    assert fold.years("g") == set()
    fold.take(remit(1))
    assert fold.years("g") == {2026}
    assert amounts(fold) == []


def test_a_reversal_takes_out_neither_a_reversal_nor_a_strangers_money(fold: Fold) -> None:
    """Ids are those of one group, and a reversal names a remittance."""
    fold.take(remit(1), remit(1, 30, group="other"))
    fold.take(reverse(2, of=1))
    fold.take(reverse(3, of=2), reverse(4, of=1))
    assert amounts(fold) == []
    assert amounts(fold, "other") == [30]


def test_amounts_beyond_64_bits_are_exact(fold: Fold) -> None:
    """The largest amount that the wire allows comes back to the last digit."""
    fold.take(remit(1, HUGE), remit(2, 1 << 63), remit(3, (1 << 63) - 1))
    fold.take(remit(4, HUGE - 1, currency="KWD", levy_id="rail"), reverse(5, of=2))
    assert amounts(fold) == [(1 << 63) - 1, HUGE - 1, HUGE]


def test_money_belongs_to_the_year_of_its_day(fold: Fold) -> None:
    """The last and the first day of a year are on different accounts, with their own day, currency and levy."""
    fold.take(remit(1, on="2025-12-31"), remit(2, 5, on="2026-01-01", currency="EUR", levy_id="rail"))
    fold.take(remit(3, 6, on="2026-12-31"), remit(4, 7, on="2027-01-01"))
    assert fold.years("g") == {2025, 2026, 2027}
    assert [amounts(fold, year=year) for year in (2025, 2026, 2027)] == [[100], [5, 6], [7]]
    (key, entry), _ = fold.money("g", 2026)
    assert key == UUID(int=2).bytes
    assert (date.fromordinal(entry.day), *entry.purse) == (date(2026, 1, 1), "EUR", "rail")


def test_an_unknown_group_has_nothing(fold: Fold) -> None:
    """Asking about a group makes none."""
    assert fold.money("nobody", 2026) == []
    assert fold.years("nobody") == set()


@pytest.mark.parametrize("seed", range(12))
def test_any_batches_end_as_the_pure_fold_does(tmp_path: Path, seed: int) -> None:
    """Few ids, so that all collides: money, years and conflicts are those of the pure fold after each batch."""
    dice = random.Random(seed)
    folds = [make(tmp_path / str(n)) for n, make in enumerate(FOLDS.values())]
    for _ in range(12):
        batch = [chance(dice) for _ in range(dice.choice([0, 1, 2, 9]))]
        for fold in folds:
            fold.take(*batch)
        said = [
            ([fold.money(g, y) for g in "gh" for y in (2025, 2026)], fold.years("g"), fold.conflicts())
            for fold in folds
        ]
        assert all(one == said[0] for one in said)
    for fold in folds[1:]:
        fold.close()


def chance(dice: random.Random) -> Event:
    """Return any event of two groups and few ids."""
    group, digest = dice.choice("gh"), dice.choice([b"a" * 8] * 5 + [b"b" * 8])
    if dice.random() < 0.35:
        return reverse(dice.randrange(20), of=dice.randrange(20), group=group, digest=digest)
    on = dice.choice(["2025-12-31", "2026-01-01", "2026-07-01"])
    return remit(dice.randrange(20), dice.choice([1, HUGE]), group=group, on=on, digest=digest)


# --- the store ------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of a store that holds two remittances and a conflict, closed."""
    path = tmp_path / "state" / "home-0.sqlite"
    ledger = HomeLedger(path, "log")
    entries = [(5, remit(1)), (6, remit(2, 5)), (8, remit(2, 6, digest=b"c" * 8))]
    packs = [
        Pack("remittances", 1, 9, entries),
        Pack("remittances", 2, 3, []),
        Pack("remittances", 1, 4, []),  # a repeat of something older moves no stamp back
    ]
    assert fold_in(ledger, packs, 44) == {"g"}
    ledger.close()
    return path


def sums(ledger: HomeLedger) -> list[int]:
    """Return the amounts of the group's account."""
    return sorted(entry.amount_minor for _, entry in ledger.money("g", 2026).entries())


def test_a_store_survives(path: Path) -> None:
    """Position, stamps, money, groups and conflicts are there after it was closed."""
    ledger = HomeLedger(path, "log")
    assert ledger.position == 44
    assert ledger.stamps == {("remittances", 1): 9, ("remittances", 2): 3}
    assert sums(ledger) == [5, 100]
    assert set(ledger.group_ids()) == {"g"}
    assert ledger.conflicts == {Conflict("remittances", 1, 8)}
    ledger.close()


def garbage(path: Path) -> None:
    """Write what is no database."""
    path.write_bytes(b"this is no database\n" * 400)


def half(path: Path) -> None:
    """Cut the file off."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def other_version(path: Path) -> None:
    """Make it one of another version of the program."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def no_tables(path: Path) -> None:
    """Make it a database of something else."""
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE recipes (name)")
    db.close()


@pytest.mark.parametrize("befalls", [garbage, half, other_version, no_tables])
def test_a_store_that_cannot_be_used_is_made_anew(path: Path, befalls: Callable[[Path], None]) -> None:
    """It is empty and stands at 0, so that the home log is read from its beginning; and it takes in what comes."""
    befalls(path)
    check_empty(HomeLedger(path, "log"))


def test_a_store_of_another_log_is_made_anew(path: Path) -> None:
    """Offsets in a log that was deleted and created again mean something else."""
    check_empty(HomeLedger(path, "another log"))


def test_a_lost_file_of_the_write_ahead_log_does_no_harm(path: Path) -> None:
    """What is left beside a deleted store is not taken for part of the new one."""
    path.with_name(path.name + "-wal").write_bytes(b"\x00" * 4096)
    path.unlink()
    check_empty(HomeLedger(path, "log"))


def check_empty(ledger: HomeLedger) -> None:
    """Hold that a store is empty, and usable."""
    assert (ledger.position, ledger.stamps, ledger.conflicts) == (0, {}, set())
    assert sums(ledger) == []
    assert fold_in(ledger, [Pack("remittances", 0, 1, [(0, remit(1, 8))])], 1) == {"g"}
    assert sums(ledger) == [8]
    ledger.close()


def test_discarding_begins_again(path: Path) -> None:
    """A store that turned out to be damaged is emptied while it is open."""
    ledger = HomeLedger(path, "log")
    assert sums(ledger) == [5, 100]
    ledger.discard()
    check_empty(ledger)


def test_a_fold_that_fails_took_nothing_in(path: Path) -> None:
    """Where the last write fails, position, stamps, money, groups and conflicts stay as they were, in memory too."""
    ledger = HomeLedger(path, "log")
    assert sums(ledger) == [5, 100]
    ledger._db.execute("CREATE TEMP TRIGGER f BEFORE INSERT ON main.stamps BEGIN SELECT RAISE(ABORT, 'full'); END")
    events = [remit(7), reverse(8, of=1), remit(1, 3, digest=b"d" * 8), remit(1, group="new")]
    pack = Pack("remittances", 1, 13, list(enumerate(events, 9)))
    with pytest.raises(sqlite3.Error, match="full"):
        fold_in(ledger, [pack], 45)
    assert ledger.position == 44
    assert ledger.stamps == {("remittances", 1): 9, ("remittances", 2): 3}
    assert sums(ledger) == [5, 100]
    assert set(ledger.group_ids()) == {"g"}
    assert ledger.conflicts == {Conflict("remittances", 1, 8)}
    ledger._db.execute("DROP TRIGGER f")
    fold_in(ledger, [pack], 45)
    ledger.close()
    ledger = HomeLedger(path, "log")
    assert sums(ledger) == [5, 100]
    assert set(ledger.group_ids()) == {"g", "new"}
    assert ledger.conflicts == {Conflict("remittances", 1, 8), Conflict("remittances", 1, 11)}
    ledger.close()


def test_covered() -> None:
    """Every end has to be reached; an end of 0 is reached from the start."""
    ends = {("remittances", 0): 3, ("remittances", 1): 0}
    assert covered({("remittances", 0): 3}.items(), ends)
    assert not covered({("remittances", 0): 2}.items(), ends)
    assert not covered({}.items(), ends)
