"""An evaluation that goes on from an earlier one finds what one from the year's first day finds."""

from __future__ import annotations

import random
from uuid import UUID

import pytest

from streams.core.account import Known, evaluate
from streams.core.events import Policy
from streams.core.takings import HeldMoney
from tests.unit.core.making import GROUP, book_of, day, opened, random_money, random_policies, seeds, target


@pytest.mark.parametrize("seed", seeds(60))
def test_going_on_from_an_earlier_evaluation_changes_no_result(seed: int) -> None:
    """Policies and money of any day come and go, days turn and turn back: each time the account is the same."""
    rng = random.Random(seed)
    book, money = book_of(opened(), target()), HeldMoney()
    rows = random_money(rng, 40)
    news: list[object] = [*random_policies(rng, 18), *enumerate(rows), *("turn" for _ in range(12))]
    rng.shuffle(news)
    d, known, held = day("2026-03-01"), None, []
    for new in news:
        if isinstance(new, Policy):
            book.add(new)
        elif isinstance(new, tuple):
            number, (text, amount, currency, levy_id) = new
            held.append(UUID(int=number).bytes)
            money.add(held[-1], day(text), amount, currency, levy_id)
            if rng.random() < 0.3:
                money.remove(held.pop(rng.randrange(len(held))))
        else:
            d += rng.choice([1, 1, 20, 60, -15])
        if rng.random() < 0.7:
            account = evaluate(book, money, GROUP, 2026, d, known)
            assert account == evaluate(book, money, GROUP, 2026, d)
            known = account.known


def test_what_is_known_is_gone_on_from() -> None:
    """A history given as known is taken as it stands: that is what spares the walk."""
    book, money = book_of(opened(), target()), HeldMoney()
    found = evaluate(book, money, GROUP, 2026, day("2026-06-01")).known
    assert found.episodes
    nothing = Known(found.day, found.policies, found.money, ())
    again = evaluate(book, money, GROUP, 2026, day("2026-06-02"), nothing)
    assert {episode.opened_on for episode in again.episodes} == {day("2026-06-02")}


def test_the_first_policy_of_a_group_counts_for_an_evaluation_that_knew_none() -> None:
    """A group known by money alone is evaluated before any policy names it; what its first target says came after."""
    book, money = book_of(), HeldMoney()
    money.add(UUID(int=1).bytes, day("2026-02-01"), 5, "USD", None)
    known = evaluate(book, money, GROUP, 2026, day("2026-06-01")).known
    book.add(target())
    again = evaluate(book, money, GROUP, 2026, day("2026-06-01"), known)
    assert again == evaluate(book, money, GROUP, 2026, day("2026-06-01"))
    assert again.episodes
