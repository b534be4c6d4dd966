"""Groups that are alike share what is decreed, and each is told of as if it were alone."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from streams.core import events
from streams.core.account import evaluate
from streams.core.book import Book
from streams.core.telling import tell
from tests.unit.core.making import (
    DIGITS,
    GROUP,
    HERE,
    book_of,
    day,
    delta,
    factor,
    money_of,
    opened,
    policy,
    random_money,
    random_policies,
    rate,
    seeds,
    target,
)

if TYPE_CHECKING:
    from streams.core.events import Policy
    from streams.core.schedule import Shape

GROUPS = ("anju-01", "dandong-07", "sinuiju-03", "wonsan-11")


def made_for(group_id: str, likeness: Policy, rng: random.Random) -> Policy:
    """Return the same policy for another group: another id, perhaps another amount or time of the same day."""
    fields = {"policy_id": str(UUID(int=rng.getrandbits(128)))}
    if getattr(likeness, "scope", None) == HERE:
        fields["scope"] = events.Scope(group_id=group_id)
    else:
        fields["group_id"] = group_id
    if isinstance(likeness, events.TargetSet) and rng.random() < 0.7:
        fields["amount_minor"] = rng.choice([0, 1, 99_999, 365_000_00, 10**20])
    if rng.random() < 0.3:
        fields["issued_at_us"] = likeness.issued_at_us + rng.choice([-1, 1])
    return replace(likeness, **fields)


def is_own(each: Policy) -> bool:
    """Tell whether a policy is about the group alone."""
    return GROUP in {getattr(each, "group_id", None), getattr(getattr(each, "scope", None), "group_id", None)}


@pytest.mark.parametrize("seed", seeds(40))
def test_groups_that_share_are_told_of_as_if_they_were_alone(seed: int) -> None:
    """Amounts, ids, times of issue and the order of arrival are a group's own, whatever it shares with others."""
    rng = random.Random(seed)
    random_ones = random_policies(rng, 24)
    models = [opened(), target(), *filter(is_own, random_ones)]
    shared = [each for each in random_ones if not is_own(each)]
    mine = {group_id: [made_for(group_id, each, rng) for each in models if rng.random() < 0.9] for group_id in GROUPS}
    money = {group_id: money_of(*random_money(rng, 15)) for group_id in GROUPS}
    news = [*shared, *(each for own in mine.values() for each in own)]
    rng.shuffle(news)
    book, known, d = Book(DIGITS), {}, day("2026-03-01")
    for each in news:
        book.add(each)
        d += rng.choice([0, 0, 5, 30])
        for group_id in GROUPS if rng.random() < 0.5 else ():
            known[group_id] = evaluate(book, money[group_id], group_id, 2026, d, known.get(group_id)).known
    for group_id in GROUPS:
        alone = book_of(*rng.sample(shared, len(shared)), *mine[group_id])
        paid = money[group_id]
        assert book.plan_years(group_id, [], d) == alone.plan_years(group_id, [], d)
        account = evaluate(book, paid, group_id, 2026, d, known.get(group_id))
        assert account == evaluate(alone, paid, group_id, 2026, d)
        assert tell({}, account, book, paid, group_id, 2026) == tell({}, account, alone, paid, group_id, 2026)


def test_a_policy_for_all_is_worked_out_once_for_all_that_are_alike() -> None:
    """Groups with targets of their own share one shape of what is due, or a million would each have one."""
    book = Book(DIGITS)
    for number in range(50):
        group_id = f"group-{number}"
        book.add(opened(group_id=group_id))
        book.add(target(group_id=group_id, amount=number * 1000_00))
    cut = factor("2026-03-01", "0.85")
    book.add(cut)
    regimes = [book.timeline(f"group-{number}", 2026).regime_on(day("2026-06-01")) for number in range(50)]
    assert len({id(regime.law) for regime in regimes}) == 1
    assert [regime.base.schedule.total for regime in regimes][7] == 7 * regimes[1].base.schedule.total
    assert {regime.decrees.target.amount_minor for regime in regimes} == {n * 1000_00 for n in range(50)}


def test_what_is_due_is_worked_out_once_for_patterns_that_agree_on_it() -> None:
    """Each of a hundred regions would have hundreds of shapes else; a rate that comes changes them."""
    book = Book(DIGITS)
    for region in ("Anju", "Dandong"):
        book.add(opened(group_id=region, region=region))
        book.add(target(group_id=region, amount=len(region) * 1000_00))
    book.add(delta("2026-03-01", -100_00, currency="EUR"))

    def shapes() -> list[Shape]:
        regimes = [book.timeline(region, 2026).regime_on(day("2026-06-01")) for region in ("Anju", "Dandong")]
        return [regime.base.schedule.shape for regime in regimes]

    before = shapes()
    book.add(rate("2026-01-01", "EUR", "USD", "2"))
    after = shapes()
    assert before[0] is before[1]
    assert after[0] is after[1]
    assert after[0].totals != before[0].totals


def test_what_is_for_one_group_is_for_no_other() -> None:
    """A suspension of one group, and a resumption for all that names it, leave a like group alone."""
    stop = policy(events.Suspended, "2026-02-01", scope=HERE, from_day=day("02-01"), until_day=None)
    go_on = policy(
        events.Resumed, "2026-02-01", resumes=stop.policy_id, scope=events.EVERYBODY, effective_on=day("03-01")
    )
    book = book_of(opened(), target(), stop, go_on, opened(group_id="other"), target(group_id="other"))
    active = [book.timeline(g, 2026).regime_on(day("06-01")).activity.on(day("02-15")) for g in (GROUP, "other")]
    assert active == [False, True]
