"""An account that rests is told nothing new of, until the day on which it says that something may be due."""

from __future__ import annotations

import random

import pytest

from streams.core import events
from streams.core.account import evaluate
from streams.core.years import NEVER
from tests.unit.core.making import (
    GROUP,
    book_of,
    day,
    levy,
    money_of,
    opened,
    policy,
    random_money,
    random_policies,
    seeds,
    suspended,
    target,
)


def said(account):
    """Return what an account says, as_of aside."""
    return account.status | {"as_of": None}, account.episodes


@pytest.mark.parametrize("seed", seeds(40))
def test_nothing_changes_before_the_day_on_which_something_is_due(seed: int) -> None:
    """A status that changed on a day at rest would never be published."""
    rng = random.Random(seed)
    ending = policy(events.GroupClosed, "2026-01-15", group_id=GROUP, closed_on=day("2026-03-01"))
    own = [opened(), *([] if rng.random() < 0.4 else [target()]), *([ending] if rng.random() < 0.5 else [])]
    kept = [each for each in random_policies(rng, 8) if rng.random() < 0.6]
    book, money = book_of(*own, *kept), money_of(*random_money(rng, rng.randrange(4)))
    d = day("2025-11-20")
    while d < day("2027-01-10"):
        account = evaluate(book, money, GROUP, 2026, d)
        until = account.next_due
        assert until > d
        for later in rng.sample(range(d + 1, min(until, d + 60)), min(4, min(until, d + 60) - d - 1)):
            assert said(evaluate(book, money, GROUP, 2026, later)) == said(account)
        d = min(until, d + 40)


def test_a_group_that_closed_rests_once_its_money_has_left_the_trailing_rate() -> None:
    """Most groups of an old installation are closed, and a turn of the day must not walk through them all."""
    ending = policy(events.GroupClosed, "2025-11-15", group_id=GROUP, closed_on=day("2026-03-01"))
    book, money = book_of(opened(), target(), ending), money_of(("02-27", 365_000_00))
    assert evaluate(book, money, GROUP, 2026, day("2026-04-01")).next_due == day("2027-01-01")
    assert evaluate(book, money, GROUP, 2026, day("2027-01-01")).next_due == NEVER
    going_on = book_of(opened(), target())
    assert evaluate(going_on, money, GROUP, 2026, day("2026-04-01")).next_due == day("2026-04-02")


def test_a_levy_turns_on_the_day_after_its_end_though_the_group_is_inactive() -> None:
    """Then it is missed, and a group that rests in a long suspension would never be said to have missed it."""
    away = suspended("2026-02-05", "2026-02-10", "2026-12-01")
    book, money = book_of(opened(), levy("2026-01-15", "2026-02-01", "2026-02-20", 100_00), away), money_of()
    resting = evaluate(book, money, GROUP, 2026, day("2026-02-11"))
    assert resting.next_due == day("2026-02-21")
    missed = evaluate(book, money, GROUP, 2026, day("2026-02-21"))
    assert [episode.kind for episode in missed.episodes if episode.is_open] == ["missed"]
