"""The groups that a ledger knows are found again, and a row that is not as it was written is noticed."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from streams.shell.known_groups import SCHEMA, DamagedGroupsError, KnownGroups

NAMES = ["east", "süd", "line\nbreak", "nul\0", "0"]


@pytest.fixture
def db() -> sqlite3.Connection:
    """Make a database without groups."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(SCHEMA)
    return made


def test_groups_and_their_years_are_found_again(db: sqlite3.Connection) -> None:
    """Each batch adds what it brings; a group has the number of its place for ever."""
    groups = KnownGroups(db)
    assert list(groups.numbered(NAMES[:2])) == [0, 1]
    groups.note_year(2026, np.array([0, 1, 1]))
    groups.write()
    assert list(groups.numbered([NAMES[3], NAMES[0], NAMES[3], NAMES[2], NAMES[4]])) == [2, 0, 2, 3, 4]
    assert list(groups.numbered([NAMES[4], NAMES[1]])) == [4, 1]
    groups.note_year(2025, np.array([0, 4]))
    groups.note_year(2026, np.array([4, 0, 4]))
    groups.write()
    groups.write()
    for known in (groups, KnownGroups(db)):
        assert known.names == [*NAMES[:2], NAMES[3], NAMES[2], NAMES[4]]
        assert set(known.group_ids()) == set(NAMES)
        assert [known.number(name) for name in (NAMES[2], "nobody")] == [3, None]
        assert [set(known.years(name)) for name in (*NAMES, "nobody")] == [
            {2025, 2026}, {2026}, set(), set(), {2025, 2026}, set(),
        ]  # fmt: skip
    assert db.execute("SELECT count(*) FROM groups").fetchone() == (2,)
    assert db.execute("SELECT count(*) FROM years").fetchone() == (3,)


def test_a_name_that_comes_twice_at_first_is_one_group(db: sqlite3.Connection) -> None:
    """Whether all of what comes is new, or not."""
    groups = KnownGroups(db)
    assert list(groups.numbered(["a", "b", "a"])) == [0, 1, 0]
    assert list(groups.numbered(["c", "b", "d", "c"])) == [2, 1, 3, 2]
    assert groups.names == ["a", "b", "c", "d"]


def test_a_batch_that_is_taken_back_leaves_nothing(db: sqlite3.Connection) -> None:
    """The numbers are given anew once the groups are read again."""
    db.execute("BEGIN")
    groups = KnownGroups(db)
    groups.note_year(2026, groups.numbered(NAMES))
    groups.write()
    db.execute("ROLLBACK")
    assert not KnownGroups(db).group_ids()


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("groups", (7, b"\x91\xa1a")),  # some before it are missing
        ("groups", (0, b"\x93\xa1a")),  # it is cut
        ("groups", (0, b"\x91\x01")),  # no names
        ("years", (2026, b"\x07\0\0\0")),  # of a group that is not there
        ("years", (2026, b"\0\0\0")),
        ("years", (2026, "text")),
    ],
)
def test_what_is_damaged_is_noticed(db: sqlite3.Connection, table: str, row: tuple[int, object]) -> None:
    """The store is then made again from the home log."""
    db.execute(f"INSERT INTO {table} VALUES (?, ?)", row)
    with pytest.raises(DamagedGroupsError):
        KnownGroups(db)
