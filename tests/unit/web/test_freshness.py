"""The judgement that keeps a lagging worker from looking like a group that is behind."""

from __future__ import annotations

from typing import Any

import pytest

from streams.web.freshness import Ends, Measured, Waiting, judge, value

ONE, TWO = ("remittances", 0), ("remittances", 1)
FINE = Measured(0, True, 0.5, 0, 0.0, 1, "2026-07-01T12:00:00.000Z", 739800, 739800, 500.0)


@pytest.mark.parametrize(
    ("measured", "state"),
    [
        ({}, "fresh"),
        ({"reading_left": 3}, "catching_up"),
        ({"waiting_records": 9, "waiting_seconds": 2.0}, "catching_up"),
        ({"waiting_records": 9, "waiting_seconds": 60.0}, "behind"),
        ({"workers": 0}, "no_worker"),
        ({"workers": 0, "waiting_records": 9, "waiting_seconds": 60.0}, "no_worker"),
        ({"read_once": False, "workers": 0}, "reading"),
        ({"silent_seconds": 30.0, "workers": 0}, "unreachable"),
        ({"today": 739801, "today_for_seconds": 500.0}, "day_behind"),
        ({"today": 739801, "today_for_seconds": 20.0}, "fresh"),
        ({"today": None}, "fresh"),
        ({"waiting_records": None, "waiting_seconds": None, "workers": None}, "fresh"),
    ],
)
def test_each_state(measured: dict[str, Any], state: str) -> None:
    """The worst that applies is said; what could not be measured is no reason."""
    assert judge(FINE._replace(**measured)) == state
    assert value(FINE._replace(**measured))["trusted"] is (state in {"fresh", "catching_up"})


def test_nothing_waits_where_all_is_taken_in() -> None:
    """However long ago that was."""
    waiting = Waiting()
    waiting.seen(Ends(10.0, {ONE: 5, TWO: 3}))
    assert waiting.seconds({ONE: 5, TWO: 3}, 500.0) == 0.0


def test_what_waits_has_waited_since_the_ends_last_were_where_workers_are() -> None:
    """The oldest record not taken in came after the last sample whose ends the workers have reached."""
    waiting = Waiting()
    for at, end in ((10.0, 5), (20.0, 5), (30.0, 5), (40.0, 8), (50.0, 9)):
        waiting.seen(Ends(at, {ONE: end}))
    assert waiting.seconds({ONE: 5}, 60.0) == 30.0
    assert waiting.seconds({ONE: 8}, 60.0) == 20.0
    assert waiting.seconds({ONE: 9}, 60.0) == 0.0


def test_what_waited_at_the_first_look_counts_from_then() -> None:
    """A page that was just opened says what it knows, and no age that it made up."""
    waiting = Waiting()
    waiting.seen(Ends(10.0, {ONE: 5}))
    waiting.seen(Ends(70.0, {ONE: 6}))
    assert waiting.seconds({ONE: 2}, 100.0) == 90.0
    assert waiting.seconds({}, 100.0) == 90.0


def test_samples_stay_bounded() -> None:
    """A page that is open for weeks keeps as much as one that is open for an hour."""
    waiting = Waiting()
    for at in range(20_000):
        waiting.seen(Ends(float(at), {ONE: at}))
    assert len(waiting._ends) <= 4_000
    assert waiting.seconds({ONE: 19_990}, 20_000.0) == 10.0
