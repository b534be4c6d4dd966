"""An evaluation that goes on from an earlier one finds what one from the year's first day finds."""

from __future__ import annotations

import random
from uuid import UUID

import pytest

from streams.core.account import evaluate
from streams.core.events import Policy
from streams.core.history import known_of
from streams.core.takings import HeldMoney
from tests.unit.core.making import (
    GROUP,
    book_of,
    day,
    money_of,
    opened,
    random_money,
    random_policies,
    rate,
    revoked,
    rules,
    seeds,
    target,
)


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


@pytest.mark.parametrize("missing", [-1, 0, 1])
@pytest.mark.parametrize("rows", [(("01-31", 0.95),), (("01-30", 0.9),), (("01-30", 0.75), ("02-10", 0.8))])
def test_day_by_day_the_thresholds_are_where_they_are(rows: tuple[tuple[str, float], ...], missing: int) -> None:
    """Money that reaches exactly a threshold, or a cent less or more, is judged the same by one day as by all."""
    book = book_of(opened(), target())
    paid, money = 0, HeldMoney()
    for number, (text, ratio) in enumerate(rows):
        due = 1000_00 * (day(text) - day("01-01"))
        amount = round(due * ratio) - paid - missing
        money.add(UUID(int=number).bytes, day(text), amount, "USD", None)
        paid += amount
    known = None
    for d in range(day("01-25"), day("02-20")):
        account = evaluate(book, money, GROUP, 2026, d, known)
        known = account.known
        assert account == evaluate(book, money, GROUP, 2026, d)


def test_what_is_out_of_reach_is_noticed_on_the_day_after_the_first_money() -> None:
    """The best thirty days begin with the first remittance, and one that goes on from before it sees them."""
    book = book_of(opened(), target(), rules("2026-01-01", unreachable_grace_days=5, silent_days=366))
    money = money_of(("02-10", 1_00))
    known = evaluate(book, money, GROUP, 2026, day("02-10")).known
    found = evaluate(book, money, GROUP, 2026, day("02-11"), known)
    assert found == evaluate(book, money, GROUP, 2026, day("02-11"))
    assert day("02-11") in {episode.opened_on for episode in found.episodes if episode.kind == "unreachable"}


def test_what_is_known_is_gone_on_from() -> None:
    """A history given as known is taken as it stands: that is what spares the walk."""
    book, money = book_of(opened(), target()), HeldMoney()
    found = evaluate(book, money, GROUP, 2026, day("2026-06-01")).known
    assert found.episodes
    nothing = known_of(found.day, found.policies, found.money, ())
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


def test_a_rate_that_is_revoked_never_was_for_an_evaluation_that_knew_it() -> None:
    """A rate is a fact: its revocation changes days long before it was issued, so all of them are walked again."""
    booked_by = rate("2026-01-01", "EUR", "USD", "2")
    book, money = book_of(opened(), target(), booked_by), money_of(("01-20", 200_000_00, "EUR"))
    before = evaluate(book, money, GROUP, 2026, day("2026-06-01"))
    assert before.episodes == ()
    book.add(revoked("2026-06-01", booked_by))
    after = evaluate(book, money, GROUP, 2026, day("2026-06-01"), before.known)
    assert after == evaluate(book, money, GROUP, 2026, day("2026-06-01"))
    assert after.episodes
