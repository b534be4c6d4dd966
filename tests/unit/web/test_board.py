"""What the page knows: a fold of output messages, held against what the messages say."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest

from streams.web.board import FEED_LENGTH, ROWS_AT_ONCE, Board
from streams.web.messages import UnreadableError
from tests.browser.making import FIGURES, alert, letter, status


def put(board: Board, value: dict[str, Any], told_at: str = "2026-07-01T12:00:00.000Z") -> None:
    """Let a status come in."""
    board.status(f"{value['group_id']}/{value['plan_year']}", json.dumps(value).encode(), told_at)


def test_the_newest_status_of_each_group_and_year_counts() -> None:
    """A compacted topic may still hold older ones; a tombstone takes the group off."""
    board = Board()
    put(board, status(level="critical"))
    put(board, status(level="ok"))
    put(board, status(plan_year=2025, level="met"))
    assert [(row.plan_year, row.level) for row in board.rows()] == [(2026, "ok"), (2025, "met")]
    assert board.plan_years("g-1") == [2026, 2025]
    board.status("g-1/2026", None, None)
    assert board.status_value("g-1", 2026) is None
    assert [sums["groups"] for sums in board.totals()["overall"]] == [1]


def test_sums_reconcile_to_the_cent_however_statuses_come_and_go() -> None:
    """Overall is the sum of the regions, regions of their groups; kept in step, never recomputed from floats."""
    dice = random.Random(7)
    board, held = Board(), {}
    for _ in range(600):
        group = f"g-{dice.randrange(40)}"
        if dice.random() < 0.1:
            held.pop(group, None)
            board.status(f"{group}/2026", None, None)
            continue
        currency = dice.choice(["USD", "JPY", None])
        digits = {"USD": 2, "JPY": 0, None: 0}[currency]
        texts = {
            name: None if currency is None else f"{dice.randrange(10**15)}{'.37' if digits else ''}"
            for name in FIGURES
        }
        effect = None if currency is None or dice.random() < 0.2 else texts["shortfall"]
        held[group] = status(
            group, currency=currency, region=dice.choice(["north", "south", None]), **texts, policy_effect=effect,
            remittance_effect=effect, level=dice.choice(["ok", "critical"]),
        )  # fmt: skip
        put(board, held[group])
    totals = board.totals()
    for sums in totals["overall"]:
        regions = [one for one in totals["regions"] if one["currency"] == sums["currency"]]
        members = [one for one in held.values() if one["currency"] == sums["currency"]]
        assert sums["groups"] == len(members) == sum(one["groups"] for one in regions)
        for name in (*FIGURES, "policy_effect", "remittance_effect"):
            if sums["currency"] is None:
                assert sums[name] is None
                continue
            expected = sum(Decimal(one[name]) for one in members if one[name] is not None)
            assert Decimal(sums[name]) == expected == sum(Decimal(one[name]) for one in regions)
        without = sum(one["currency"] is not None and one["policy_effect"] is None for one in members)
        assert sums["without_effects"] == without


def test_an_episode_counts_as_it_was_told_last() -> None:
    """Each message tells it whole."""
    board = Board()
    board.alert("e-1", json.dumps(alert(1)).encode(), "2026-07-01T12:00:00.000Z")
    resolved = alert(1, revision=2, transition="resolved")
    board.alert("e-1", json.dumps(resolved).encode(), "2026-07-01T12:00:01.000Z")
    (value,) = board.episode_values("g-1", 2026)
    assert json.loads(value)["transition"] == "resolved"
    assert [row.transition for row in board.feed()] == ["opened", "resolved"]


def test_only_accounts_that_every_day_tells_show_that_a_day_was_not_told() -> None:
    """A year in which nothing is due any more is no sign of a worker that stands still."""
    board = Board()
    put(board, status("g-1", plan_year=2025, level="missed", as_of="2026-01-01"))
    put(board, status("g-2", level="met", as_of="2026-03-03"))
    assert (board.day_told(2026), board.day_reached) == (None, "2026-03-03")
    put(board, status("g-3", level="warning", as_of="2026-03-02"))
    assert board.day_told(2026) == "2026-03-02"


def test_the_feed_is_bounded() -> None:
    """A year of alerts doesn't fill the memory of a page."""
    board = Board()
    for number in range(FEED_LENGTH + 50):
        board.alert(f"e-{number}", json.dumps(alert(number)).encode(), f"2026-07-01T12:00:00.{number:03}Z")
    assert [len(board.feed()), board.feed()[-1].episode_id] == [FEED_LENGTH, f"e-{FEED_LENGTH + 49}"]


def test_dead_letters_are_counted_by_reason_and_their_records_never_kept() -> None:
    """The page counts; what a producer sent isn't its business."""
    board = Board()
    for reason in ("schema", "not_json", "schema"):
        board.letter(letter(reason), "2026-07-01T12:00:00.000Z")
    found = board.dead_letters()
    assert (found["total"], found["reasons"]) == (3, {"not_json": 1, "schema": 2})
    assert "c2VjcmV0" not in json.dumps(found)


def test_changes_hold_each_status_once_and_as_it_is_now() -> None:
    """A storm of statuses of one group is one row for the page."""
    board = Board()
    for level in ("ok", "warning", "critical"):
        put(board, status(level=level))
    change = board.take_changes()
    assert change is not None
    assert [row.level for row in change["rows"]] == ["critical"]
    assert board.take_changes() is None


def test_a_storm_comes_in_batches_that_lose_nothing() -> None:
    """10,000 groups that change at once must not be one message of many megabytes."""
    board = Board()
    for number in range(2 * ROWS_AT_ONCE + 1):
        put(board, status(f"g-{number}"))
    board.status("g-0/2026", None, None)
    seen: dict[str, Any] = {}
    removed: list[str] = []
    sizes = []
    while (change := board.take_changes()) is not None:
        seen |= {row.group_id: row for row in change["rows"]}
        removed += change["removed"]
        sizes.append(len(change["rows"]) + len(change["removed"]))
    assert (len(seen), removed) == (2 * ROWS_AT_ONCE, ["g-0/2026"])
    assert max(sizes) == ROWS_AT_ONCE


@pytest.mark.parametrize("value", [b"", b"[]", b'{"group_id": 3}', b"\xff", b'{"group_id": "g"}'])
def test_what_is_no_status_is_named_and_changes_nothing(value: bytes) -> None:
    """A message of another version must not take the page down."""
    board = Board()
    with pytest.raises(UnreadableError):
        board.status("g/2026", value, None)
    assert (len(board), board.take_changes()) == (0, None)
