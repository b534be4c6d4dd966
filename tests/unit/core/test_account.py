"""The entrances to an account, and that what bounds memory changes no result."""

from __future__ import annotations

import random

import pytest

from streams.core import book as books
from streams.core import plan as plans
from streams.core.account import evaluate, judge
from streams.core.register import MANY_POLICIES
from streams.core.telling import is_news, tell
from streams.core.thresholds import Judging
from streams.core.years import NEVER, plan_year
from tests.unit.core.making import (
    GROUP,
    HERE,
    book_of,
    day,
    factor,
    money_of,
    opened,
    random_money,
    random_policies,
    rate,
    rules,
    target,
)


def test_judging_finds_the_history_that_evaluating_finds() -> None:
    """Alerts are told before statuses are worked out, and have to be the same."""
    book, money = book_of(opened(), target()), money_of(("02-10", 5_00))
    judged = judge(book, money, GROUP, 2026, day("2026-03-01"))
    assert judged == evaluate(book, money, GROUP, 2026, day("2026-03-01")).known
    assert judge(book, money, GROUP, 2026, day("2026-04-01"), judged) == (
        evaluate(book, money, GROUP, 2026, day("2026-04-01")).known
    )


def test_the_trailing_rate_is_of_complete_days() -> None:
    """Today's money is not yet a day's worth."""
    money = money_of(("02-10", 30_00), ("02-11", 900_00))
    status = evaluate(book_of(opened(), target()), money, GROUP, 2026, day("2026-02-11")).status
    assert status["trailing_daily_rate"] == "1.00"
    assert status["projected_total"] == "930.00"  # what is in already, where going on like this would be less


def test_news_is_what_telling_would_tell() -> None:
    """A status waits where there is no news, so news that is missed would be told late."""
    book, money = book_of(opened(), target()), money_of()
    account = evaluate(book, money, GROUP, 2026, day("2026-03-01"))
    assert is_news({}, account.episodes)
    _, told = tell({}, account, book, money, GROUP, 2026)
    assert not is_news(told, account.episodes)
    assert is_news(told, ())
    assert not is_news({}, ())
    later = evaluate(book, money, GROUP, 2026, day("2026-12-31"))
    assert is_news(told, later.episodes) == bool(tell(told, later, book, money, GROUP, 2026)[0])


def test_a_stranger_has_no_history() -> None:
    """A group that nobody named has no year in which there could be an episode."""
    assert book_of(opened(), target()).history_years("nobody", []) == []


@pytest.mark.parametrize("plans_remembered", [1, 100])
def test_what_bounds_memory_changes_no_result(monkeypatch: pytest.MonkeyPatch, plans_remembered: int) -> None:
    """With room for one plan or pattern, or nothing shared, every account is what it is with room for all."""
    rng = random.Random(3)
    policies, money = [opened(), target(), *random_policies(rng, 25)], money_of(*random_money(rng, 30))
    others = [target(group_id=f"g{n}") for n in range(3)]

    def found() -> list[object]:
        book = book_of(*others)
        said: list[object] = []
        for policy in policies:
            book.add(policy)
            said += [
                evaluate(book, money, group_id, 2026, day("2026-10-01")) for group_id in (GROUP, "g0", "g1", "g2")
            ]
        return said

    roomy = found()
    monkeypatch.setattr(books, "REMEMBERED_PATTERNS", 1)
    monkeypatch.setattr(books, "REMEMBERED_PLANS", plans_remembered)
    monkeypatch.setattr(plans, "MOST_SHARED", 0)
    monkeypatch.setattr(plans, "SHARED_A_DECREE", 0)
    assert found() == roomy


def test_a_timeline_knows_the_rate_of_a_day() -> None:
    """`explain` shows by which rate a delta in another currency counts."""
    timeline = book_of(opened(), target(), rate("2026-02-01", "EUR", "USD", "2")).timeline(GROUP, 2026)
    assert timeline.rate("EUR", "USD", day("2026-02-01")) == 2
    assert timeline.rate("EUR", "USD", day("2026-01-31")) is None
    assert timeline.year == plan_year(2026)


def test_what_was_out_of_reach_is_within_it_again_day_by_day() -> None:
    """Going on from the day before finds the closing on the day of the money, as a walk of all days does."""
    book = book_of(opened(), target(), rules("2026-01-01", unreachable_grace_days=5, silent_days=366))
    money, known = money_of(("02-10", 1_00), ("03-01", 300_000_00)), None
    for d in range(day("02-08"), day("03-05")):
        account = evaluate(book, money, GROUP, 2026, d, known)
        known = account.known
        assert account == evaluate(book, money, GROUP, 2026, d)
    (episode,) = (episode for episode in account.episodes if episode.kind == "unreachable")
    assert [(step.transition, step.on_day) for step in episode.history] == [
        ("opened", day("02-11")),
        ("resolved", day("03-01")),
    ]


def test_what_was_prepared_in_steps_is_what_is_found_at_once() -> None:
    """A group with very many policies is prepared in steps, and policies may come between them."""
    policies = [opened(), target(), *(factor(f"2026-0{month}-01", "0.9") for month in range(1, 9))]
    late = factor("2026-03-15", "0.5")
    book, money = book_of(*policies), money_of(("02-10", 5_00))
    evaluate(book, money, GROUP, 2026, day("2026-02-15"))  # has worked out the first of them already
    steps = 0
    for _ in book.preparing(GROUP, 2026):
        steps += 1
        if steps == 3:
            book.add(late)
    assert steps > len(policies)
    fresh = book_of(*policies, late)
    assert evaluate(book, money, GROUP, 2026, day("2026-10-01")) == (
        evaluate(fresh, money, GROUP, 2026, day("2026-10-01"))
    )


def test_a_group_is_laborious_by_all_policies_that_may_concern_it() -> None:
    """Its own, and those for all or a region: whichever there are many of take a while."""
    own = [factor("2026-01-01", "1", scope=HERE) for _ in range(MANY_POLICIES)]
    book = book_of(*own)
    assert not book.is_laborious(GROUP)
    book.add(factor("2026-01-01", "1"))
    assert book.is_laborious(GROUP)
    assert not book.is_laborious("other")


def test_money_that_nobody_looked_at_yet_has_changed_for_nobody() -> None:
    """What a ledger brings back at a start came before anything that could be remembered of it."""
    money = money_of(("02-10", 5_00))
    assert money.changed_from(0) == day("2026-02-10")
    money.settle()
    assert money.changed_from(0) == NEVER


def test_thresholds_are_those_of_the_rules_that_are_given_whatever_was_asked_before() -> None:
    """What is remembered of other rules only spares work."""
    early, middle, late = (
        rules(on, for_days=days) for on, days in (("2026-01-01", 2), ("2026-02-01", 5), ("2026-03-01", 3))
    )
    judging = Judging()
    for in_force, on, for_days in (
        ([early, late], "2025-12-31", 1), ([early, late], "2026-12-31", 3), ([early, late], "2026-01-01", 2),
        ([early], "2026-12-31", 2), ([early, middle, late], "2026-12-31", 3), ([early, middle], "2026-12-31", 5),
        ([early, middle, late], "2026-02-28", 5), ([], "2026-12-31", 1), ([middle], "2026-12-31", 5),
    ):  # fmt: skip
        assert judging.on(in_force, day(on)).for_days == for_days
        assert judging.on(in_force, day(on)) == Judging().on(in_force, day(on))
