"""Which money moves no episode is known without judging it: never wrongly, and for most of it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from streams.core.account import evaluate, is_settled, judge, look_ahead
from streams.core.takings import HeldMoney
from tests.unit.core.making import (
    GROUP,
    book_of,
    day,
    factor,
    levy,
    money_of,
    opened,
    random_policies,
    rate,
    rules,
    seeds,
    target,
)

if TYPE_CHECKING:
    from streams.core.book import Book
    from streams.core.events import Day


def looked_at(book: Book, money: HeldMoney, d: Day) -> None:
    """Judge an account, and ask how much moves nothing."""
    money.known = judge(book, money, GROUP, 2026, d, money.known)
    look_ahead(book, money, GROUP, 2026)


def pay(money: HeldMoney, d: Day, amount: int, currency: str = "USD", levy_id: str | None = None) -> None:
    """Add one remittance more."""
    money.add(UUID(int=len(money) + 1).bytes, d, amount, currency, levy_id)


@pytest.mark.parametrize("seed", seeds(60))
def test_what_is_said_to_move_nothing_moves_nothing(seed: int) -> None:
    """Small and large amounts, of today, of days before, of other currencies and earmarked; policies and turns."""
    rng = random.Random(seed)
    book, money = book_of(opened(), target(), rate("2026-01-01", "EUR", "USD", "1.1")), HeldMoney()
    policies = random_policies(rng, rng.randrange(8))
    d = day("2026-01-20")
    for _ in range(250):
        chance = rng.random()
        if chance < 0.03 and policies:
            book.add(policies.pop())
        elif chance < 0.12:
            d += rng.choice([1, 1, 3, 20])
        elif chance < 0.15:
            d -= rng.choice([1, 30])
        elif chance < 0.18 and len(money):
            money.remove(rng.choice(money.entries())[0])
        else:
            on = d if rng.random() < 0.7 else d - rng.randrange(40)
            of = rng.choice([("USD", None)] * 20 + [("USD", "rail"), ("EUR", None), ("KWD", None)])
            if day("2026-01-01") <= on <= day("2026-12-31"):
                money.add(rng.randbytes(16), on, int(10 ** rng.uniform(0, 6.5)), *of)
        if is_settled(book, money, GROUP, 2026, d):
            known = money.known
            assert known is not None
            assert evaluate(book, money, GROUP, 2026, d).episodes == known.episodes
        if rng.random() < 0.3:  # a status is told, and what moves nothing is passed over there too
            account = evaluate(book, money, GROUP, 2026, d, money.known)
            assert account.episodes == evaluate(book, money, GROUP, 2026, d).episodes
            money.known = account.known
        if rng.random() < 0.8:
            looked_at(book, money, d)


@pytest.mark.parametrize(
    ("kind", "severity", "others"),
    [
        ("behind_pace", "critical", {"unreachable_factor": "100"}),
        ("behind_pace", "warning", {"unreachable_factor": "100", "critical_below": "0.01"}),
        ("unreachable", "critical", {"warning_below": "0.01"}),
    ],
)
@pytest.mark.parametrize("before", [[("01-10", 10_000_00)], [("02-10", 9_000_00), ("05-30", 8_999_00)]])
def test_an_open_episode_is_taken_to_move_once_the_money_is_there_and_not_before(
    kind: str, severity: str, others: dict[str, str], before: list[tuple[str, int]]
) -> None:
    """The least amount that moves the only one that is open is found by halving."""
    book = book_of(opened(), target(), rules("2026-01-01", silent_days=366, **others))
    d = day("06-01")

    def settled_and_same(amount: int) -> tuple[bool, bool]:
        money = money_of(*before)
        looked_at(book, money, d)
        assert money.known is not None
        assert [(episode.kind, episode.severity) for episode in money.known.open] == [(kind, severity)]
        pay(money, d, amount)
        found = evaluate(book, money, GROUP, 2026, d)
        return is_settled(book, money, GROUP, 2026, d), found.episodes == money.known.episodes

    low, high = 1, 1_000_000_00
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if settled_and_same(middle)[1] else (low, middle)
    assert settled_and_same(low) == (True, True)
    assert settled_and_same(high) == (False, False)


def test_where_nothing_is_open_more_money_opens_nothing() -> None:
    """The first there is aside, where days after it are judged: it begins the best thirty days."""
    book, money, d = book_of(opened(), target()), HeldMoney(), day("01-15")
    looked_at(book, money, d)
    pay(money, d, 1)
    assert is_settled(book, money, GROUP, 2026, d)
    pay(money, d - 1, 1)
    assert not is_settled(book, money, GROUP, 2026, d)
    looked_at(book, money, d)
    pay(money, d, 1)
    assert is_settled(book, money, GROUP, 2026, d)
    assert not is_settled(book, money, GROUP, 2026, d + 1)
    book.add(factor("2026-01-15", "0.85"))
    assert not is_settled(book, money, GROUP, 2026, d)


def test_money_of_the_day_on_which_an_episode_moved_moves_it_no_more() -> None:
    """A silence that ended today stays ended; money of the day before would have ended it earlier."""
    book = book_of(opened(), target(), rules("2026-01-01", warning_below="0.01", unreachable_factor="100"))
    money, d = money_of(("01-10", 100_000_00)), day("05-01")
    looked_at(book, money, d)
    pay(money, d, 1)
    assert not is_settled(book, money, GROUP, 2026, d)
    looked_at(book, money, d)
    assert money.known is not None
    assert money.known.last_moved == d
    pay(money, d, 1)
    assert is_settled(book, money, GROUP, 2026, d)
    pay(money, d - 1, 1)
    assert not is_settled(book, money, GROUP, 2026, d)


def test_any_money_may_end_a_silence_or_help_a_levy() -> None:
    """Neither has a headroom; a reversal takes money away, and that may move anything."""
    d = day("2026-05-01")
    quiet = book_of(opened(), target(), rules("2026-01-01", warning_below="0.01", unreachable_factor="100"))
    owing = book_of(opened(), target(amount=1), levy("2026-01-02", "2026-01-02", "2026-12-01", 100_000_00))
    for book, money in ((quiet, money_of(("01-10", 10_000_00))), (owing, money_of(("04-30", 10_000_00)))):
        looked_at(book, money, d)
        assert money.known is not None
        assert money.known.open
        assert is_settled(book, money, GROUP, 2026, d)
        pay(money, d, 1, "USD", "rail" if book is owing else None)
        assert not is_settled(book, money, GROUP, 2026, d)
    calm = book_of(opened(), target(amount=1))
    money = money_of(("01-10", 10), ("04-30", 10))
    looked_at(calm, money, d)
    assert is_settled(calm, money, GROUP, 2026, d)
    money.remove(money.entries()[0][0])
    assert not is_settled(calm, money, GROUP, 2026, d)


def test_any_money_may_help_a_levy_of_a_group_without_a_target() -> None:
    """There is no base account to have a headroom."""
    book, money = book_of(opened(), levy("2026-01-02", "2026-01-02", "2026-12-01", 100_000_00)), HeldMoney()
    d = day("2026-05-01")
    looked_at(book, money, d)
    assert money.known is not None
    assert {episode.levy_id for episode in money.known.open} == {"rail"}
    pay(money, d, 1)
    assert not is_settled(book, money, GROUP, 2026, d)
