"""The sorted runs: what the ledger keeps on disk is all there, whatever befalls the files."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import UUID

import pytest

from streams.core.events import Remittance
from streams.shell import runs
from streams.shell.ledger import HomeLedger
from streams.shell.packs import Part, columns, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DAY = 739_680
BATCHES = 40
SIZE = 10


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    with patch.multiple(runs, FLUSH_EVENTS=25, FANOUT=3):
        yield


def batch(number: int) -> Part:
    """Return the events of a batch: ids in order, as of a producer that counts."""
    ids = range(number * SIZE, number * SIZE + SIZE)
    entries = [(n, Remittance(f"g{n % 7}", UUID(int=n).bytes, b"d" * 8, DAY, n + 1, "USD", None)) for n in ids]
    return Part("remittances", 0, 0, entries)  # type: ignore[arg-type]


def take(ledger: HomeLedger, *numbers: int) -> set[str]:
    """Fold batches; return the groups that changed."""
    return set(ledger.fold([columns(encode(batch(n).columns())) for n in numbers], ledger.position + 1))


def total(ledger: HomeLedger) -> int:
    """Return all money."""
    return sum(entry.amount_minor for n in range(7) for _, entry in ledger.money(f"g{n}", 2026).entries())


ALL = sum(range(1, BATCHES * SIZE + 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of a store with runs of more than one level, closed."""
    path = tmp_path / "home-0.sqlite"
    ledger = HomeLedger(path, "log")
    for n in range(BATCHES):
        take(ledger, n)
        assert ledger._runs is not None
        ledger._runs.tend(wait=True)
    assert {run.level for run in ledger._runs._runs} >= {1, 2}
    ledger.close()
    return path


def test_runs_hold_everything_once(path: Path) -> None:
    """After levels of merges all of it is there, and all of it again changes nothing."""
    ledger = HomeLedger(path, "log")
    assert (ledger.position, total(ledger)) == (BATCHES, ALL)
    for n in range(BATCHES):
        assert take(ledger, n) == set()
    assert (total(ledger), ledger.conflicts) == (ALL, set())
    ledger.close()


def mapped_kib(path: Path) -> int:
    """Return how much of the runs of a store is resident in this process."""
    kib, is_run = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:  # addresses: of the next mapping
            is_run = line.endswith(".run") and str(path) in line
        elif is_run and line.startswith("Rss:"):
            kib += int(line.split()[1])
    return kib


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="no Linux")
def test_what_is_mapped_is_given_back(path: Path) -> None:
    """After a start, which reads all of it, and after so many looks; nothing is missing then."""
    ledger = HomeLedger(path, "log")
    assert mapped_kib(path) == 0
    assert total(ledger) == ALL
    assert mapped_kib(path) > 0
    with patch.object(runs, "LOOKS", 1), patch.object(runs.Runs, "_parts", lambda _: iter(())):
        assert ledger.entries("g1", ledger.unreversed("g1", DAY, DAY)) == []  # it looks nowhere, and gives back
    assert mapped_kib(path) == 0
    ledger._at_hand = None
    assert total(ledger) == ALL
    ledger.close()


def test_few_runs_and_no_stray_files(path: Path) -> None:
    """Levels keep the number of files small, and what a killed worker left is removed."""
    stray = path.with_name(f"{path.name}.999.run")
    stray.write_bytes(b"half a run")
    HomeLedger(path, "log").close()
    assert not stray.exists()
    assert len(runs.files(path)) < 8


def test_what_is_being_written_is_there(tmp_path: Path) -> None:
    """While a run is on its way, and after a kill in its midst, nothing is missing and nothing double."""
    path = tmp_path / "home-0.sqlite"
    ledger = HomeLedger(path, "log")
    for n in range(BATCHES):  # nobody waits: whatever is under way is under way
        take(ledger, n)
        assert total(ledger) == sum(range(1, (n + 1) * SIZE + 1))
        assert take(ledger, n) == set()
    ledger._db.close()  # as a kill: what was written is not adopted
    again = HomeLedger(path, "log")
    assert total(again) == ALL
    again.close()


def cut_off(file: Path) -> None:
    """Keep half of a file."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    """Change one byte."""
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("befalls", [cut_off, flip, lambda file: file.unlink(), lambda file: file.write_bytes(b"")])
def test_a_damaged_run_is_noticed(path: Path, befalls: Callable[[Path], None]) -> None:
    """The store is made again from the log, rather than counting from what is not what was written."""
    befalls(max(runs.files(path), key=lambda file: file.stat().st_size))
    ledger = HomeLedger(path, "log")
    assert (ledger.position, total(ledger)) == (0, 0)
    assert runs.files(path) == set()
    ledger.close()


def test_a_run_that_cannot_be_written_loses_nothing(tmp_path: Path) -> None:
    """On a full disk the fold fails as the database's would, and goes on once there is space."""
    ledger = HomeLedger(tmp_path / "home-0.sqlite", "log")
    with patch.object(runs.os, "fsync", side_effect=OSError(28, "No space left on device")):
        take(ledger, 0, 1, 2)
        assert ledger._runs is not None
        with pytest.raises(sqlite3.OperationalError, match="No space left"):
            ledger._runs.tend(wait=True)
    assert ledger.position == 1
    for n in range(BATCHES):
        take(ledger, n)
    assert total(ledger) == ALL
    ledger.close()


def test_ids_whose_hashes_collide_are_told_apart(tmp_path: Path) -> None:
    """A key is a hash; what decides is the whole id."""
    ledger = HomeLedger(tmp_path / "home-0.sqlite", "log")
    with patch.object(runs, "keys_of", lambda numbers, _: numbers << runs.np.uint64(runs.HASH_BITS)):
        for n in (0, 0, 1, 2, 3, 1, 3):
            take(ledger, n)
    assert total(ledger) == sum(range(1, 4 * SIZE + 1))
    ledger.close()


def test_what_comes_again_word_for_word_is_found_at_once(path: Path) -> None:
    """A file that is published twice: looked up one by one its events took ten times as long as new ones."""
    ledger = HomeLedger(path, "log")
    with patch.object(runs.Runs, "find", side_effect=AssertionError("looked up alone")):
        assert not take(ledger, *range(BATCHES))
    assert (total(ledger), ledger.conflicts) == (ALL, set())
    ledger.close()


def test_a_small_batch_does_not_move_all_that_came_before(tmp_path: Path) -> None:
    """A live worker folds a few events at a time: copying what is in memory each time took longer than all else."""
    moved = 0
    merge = runs.merged

    def counting(parts: Sequence[runs.Sorted]) -> runs.Sorted:
        nonlocal moved
        moved += sum(len(part.keys) for part in parts)
        return merge(parts)

    with patch.multiple(runs, FLUSH_EVENTS=10**6, merged=counting):
        ledger = HomeLedger(tmp_path / "home-0.sqlite", "log")
        for n in range(200):
            take(ledger, n)
        assert moved < 20 * 200 * SIZE  # all of it each time would be 100 times as much
        assert total(ledger) == sum(range(1, 200 * SIZE + 1))
        ledger.close()
