"""The set of policies: repeats, reach, which accounts exist, and that what is remembered changes nothing."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from streams.core import events
from streams.core.account import evaluate
from streams.core.book import Book
from streams.core.events import EVERYBODY, Added, Scope
from tests.unit.core.making import (
    DIGITS,
    GROUP,
    book_of,
    day,
    factor,
    levy,
    money_of,
    opened,
    policy,
    random_money,
    random_policies,
    rate,
    revoked,
    seeds,
    suspended,
    target,
)


def test_a_policy_counts_once_and_the_first_stands() -> None:
    """Equal again is a repeat, other fields a conflict."""
    plan = target()
    book = book_of(plan)
    assert book.add(replace(plan)) is Added.REPEAT
    assert book.add(replace(plan, amount_minor=1)) is Added.CONFLICT
    assert (len(book), book.policy(plan.policy_id)) == (1, plan)


def test_reach_follows_scopes_regions_and_names() -> None:
    """A policy reaches those whose account it may change; a revocation those of what it revokes."""
    cut = factor("2026-01-01", "0.5", scope=Scope(region="north"))
    everywhere = factor("2026-01-01", "0.5")
    book = book_of(
        opened(), cut, everywhere, levy("2026-01-01", "2026-02-01", "2026-03-01", 1, scope=Scope(group_id=GROUP))
    )
    assert book.reach(cut) == [Scope(region="north")]
    assert book.reach(everywhere) == [EVERYBODY]
    assert book.reach(rate("2026-01-01", "EUR", "USD", "1")) == [EVERYBODY]
    assert book.reach(revoked("2026-01-02", cut)) == [Scope(region="north")]
    assert book.groups_in(Scope(region="north")) == {GROUP}
    assert book.reach(revoked("2026-01-02", target())) == []
    assert book.reach(policy(events.LevyLifted, "2026-01-01", levy_id="other", effective_on=day("01-01"))) == []


def test_groups_are_those_that_policies_name_not_those_of_scopes() -> None:
    """A scope names nobody."""
    book = book_of(target(), factor("2026-01-01", "0.5", scope=Scope(group_id="other")))
    assert set(book.group_ids()) == {GROUP}
    assert book.plan_years("other", [], day("2026-06-01")) == []


@pytest.mark.parametrize(
    ("policies", "money_years", "on", "years"),
    [
        ([target()], [], "2025-11-30", []),
        ([target()], [], "2025-12-01", [2026]),
        ([target()], [2024], "2028-01-01", [2024, 2026]),
        ([opened()], [], "2025-09-30", []),
        ([opened()], [], "2026-06-01", [2026]),
        ([opened(), policy(events.GroupClosed, "2025-12-30", group_id=GROUP, closed_on=day("2025-12-31"))], [],
         "2026-06-01", []),
        ([opened(), policy(events.GroupClosed, "2025-12-30", group_id=GROUP, closed_on=day("2026-01-01"))], [],
         "2026-06-01", [2026]),
        ([opened(), levy("2025-12-01", "2027-02-01", "2027-03-01", 5)], [], "2026-06-01", [2026, 2027]),
        ([target("2027-01-01")], [], "2027-02-01", []),
    ],
)  # fmt: skip
def test_an_account_exists_once_something_is_known_for_it(
    policies: list[events.Policy], money_years: list[int], on: str, years: list[int]
) -> None:
    """A target or a levy in force, money, or a group that is opened make an account (decisions/0001, 2)."""
    assert book_of(*policies).plan_years(GROUP, money_years, day(on)) == years


@pytest.mark.parametrize("seed", seeds(15))
def test_what_is_remembered_changes_no_result(seed: int) -> None:
    """A book that was asked after each policy says the same as a new one that got them in another order."""
    rng = random.Random(seed)
    policies = [opened(), target(), *random_policies(rng, 18)]
    money = money_of(*random_money(rng, 30))
    asked = Book(DIGITS)
    for each in policies:
        asked.add(each)
        evaluate(asked, money, GROUP, 2026, day("2026-08-01"))
    shuffled = rng.sample(policies, len(policies))
    fresh = book_of(*shuffled)
    for on in ("2025-12-31", "2026-08-01", "2027-01-01"):
        assert evaluate(asked, money, GROUP, 2026, day(on)) == evaluate(fresh, money, GROUP, 2026, day(on))


@pytest.mark.parametrize("seed", seeds(15))
def test_a_policy_changes_nothing_for_whom_it_does_not_reach(seed: int) -> None:
    """Whoever a policy changes anything for is in its reach."""
    rng = random.Random(100 + seed)
    book, money = book_of(opened(), target()), money_of(*random_money(rng, 20))
    before = evaluate(book, money, GROUP, 2026, day("2026-12-31"))
    for each in random_policies(rng, 30):
        book.add(each)
        reached = book.reach(each)
        after = evaluate(book_of(*book._policies.values()), money, GROUP, 2026, day("2026-12-31"))
        assert after == before or any(GROUP in book.groups_in(scope) for scope in reached)
        assert after == evaluate(book, money, GROUP, 2026, day("2026-12-31"))
        before = after


def test_the_history_to_an_earlier_day_is_the_beginning_of_a_later_one() -> None:
    """What was decreed later leaves alone what was true before."""
    rng = random.Random(7)
    for _ in range(8):
        book = book_of(opened(), target(), suspended("2026-06-01", "2026-06-02"), *random_policies(rng, 12))
        money = money_of(*random_money(rng, 40))
        early = evaluate(book, money, GROUP, 2026, day("2026-07-01")).episodes
        late = evaluate(book, money, GROUP, 2026, day("2027-01-01")).episodes
        until = [
            (e.id_in(GROUP, 2026), tuple(s for s in e.history if s.on_day <= day("2026-07-01")))
            for e in late
            if e.opened_on <= day("2026-07-01")
        ]
        assert until == [(e.id_in(GROUP, 2026), e.history) for e in early]


def test_an_account_that_ends_keeps_its_history() -> None:
    """The year of a revoked target has no account on a later day, but still a history that lapsed."""
    plan = target()
    book = book_of(plan, revoked("2026-04-01", plan))
    after_the_year = day("2027-01-01")
    assert book.plan_years(GROUP, (), after_the_year) == []
    assert book.history_years(GROUP, ()) == [2026]
    assert {e.history[-1].transition for e in evaluate(book, money_of(), GROUP, 2026, after_the_year).episodes} == {
        "lapsed"
    }


def test_a_group_that_is_opened_on_new_years_day_has_an_account_from_then_on() -> None:
    """The first day of the year is one of its days."""
    book = book_of(opened("2025-12-01", opened_on=day("2026-01-01")))
    assert [book.plan_years(GROUP, [], day(text)) for text in ("2026-01-01", "2026-06-01")] == [[2026], [2026]]
