"""The store of the ledger on disk: what it keeps, and what befalls it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from streams.shell.ledger import Conflict, HomeLedger, covered
from streams.shell.packs import Part, columns, encode
from tests.unit.shell.folds import fold_in, remit, reverse, together

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of a store that holds two remittances and a conflict, closed."""
    path = tmp_path / "state" / "home-0.sqlite"
    ledger = HomeLedger(path, "log")
    entries = [(5, remit(1)), (6, remit(2, 5)), (8, remit(2, 6, digest=b"c" * 8))]
    packs = [
        Part("remittances", 1, 9, entries),
        Part("remittances", 2, 3, []),
        Part("remittances", 1, 4, []),  # a repeat of something older moves no stamp back
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


def test_a_conflict_is_where_its_part_comes_from(tmp_path: Path) -> None:
    """Of a pack of several parts each event has the place of its own input, and each input its stamp."""
    ledger = HomeLedger(tmp_path / "home-0.sqlite", "log")
    another = {"digest": b"c" * 8}
    pack = together(
        Part("remittances", 4, 9, [(5, remit(1)), (7, remit(2))]),
        Part("remittances", 0, 3, [(5, remit(1, 6, **another)), (6, remit(3))]),
        Part("remittances", 7, 1, [(8, remit(2)), (9, remit(3, 7, **another))]),
    )
    assert list(ledger.fold([columns(encode(pack))], 1)) == ["g"]
    assert ledger.stamps == {("remittances", 4): 9, ("remittances", 0): 3, ("remittances", 7): 1}
    assert ledger.conflicts == {Conflict("remittances", 0, 5), Conflict("remittances", 7, 9)}
    assert sums(ledger) == [100, 100, 100]
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
    assert fold_in(ledger, [Part("remittances", 0, 1, [(0, remit(1, 8))])], 1) == {"g"}
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
    pack = Part("remittances", 1, 13, list(enumerate(events, 9)))
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
