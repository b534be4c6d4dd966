"""Where a page that lost its connection goes on: only ever without a gap."""

from __future__ import annotations

from streams.web.ring import Ring


def filled(changes: int, **bounds: int) -> Ring:
    """Return a ring to which so many changes were added."""
    ring = Ring("run", **bounds)
    for number in range(1, changes + 1):
        ring.append(f"change {number}".encode())
    return ring


def test_what_came_since_is_given_in_order() -> None:
    """A page that missed two changes gets those two."""
    assert filled(5).since(3) == [(4, b"change 4"), (5, b"change 5")]
    assert filled(5).since(5) == []


def test_where_something_is_dropped_there_is_no_going_on() -> None:
    """A gap would leave figures on the page that nobody corrects: it needs a new snapshot."""
    ring = filled(10, most_changes=4)
    assert ring.since(5) is None
    assert ring.since(6) == [(number, f"change {number}".encode()) for number in (7, 8, 9, 10)]


def test_large_changes_are_dropped_sooner() -> None:
    """Memory is bounded in bytes too."""
    ring = filled(10, most_bytes=20)
    assert ring.since(7) is None
    assert ring.since(9) == [(10, b"change 10")]


def test_an_id_of_another_run_means_nothing() -> None:
    """A restarted server numbers from the start again: its third change is not the one of before."""
    ring = filled(5)
    assert ring.number_of(ring.id_of(3)) == 3
    for strange in (None, "", "3", "other.3", "run.", "run.-1", "run.x", "run.³"):
        assert ring.number_of(strange) is None
    assert ring.since(99) is None
