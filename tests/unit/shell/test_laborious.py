"""The worker's loop turns while a group with very many policies is judged."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

from schemas.currencies import MINOR_DIGITS
from streams.core.account import judge
from streams.core.book import Book
from streams.core.ledger import GroupLedger
from streams.core.register import MANY_POLICIES
from streams.shell.laborious import MOST_STEPS, judge_in_steps
from tests.model.wire import levy, opened, target
from tests.property.core import event_of

ISSUE_DAYS = 40
TODAY = date(2026, 8, 1).toordinal()


def levy_on(number: int, **more: Any) -> Any:
    """Return one of many levies of the group, issued on one of some days."""
    issued = (date(2026, 1, 2) + timedelta(number % ISSUE_DAYS)).isoformat()
    return event_of(
        levy(10 + number, issued, "2026-06-30", "2026-12-31", levy_id=f"l{number}", scope={"group_id": "g"}, **more)
    )


def book_of(levies: int) -> Book:
    """Return the policies of a group with some levies."""
    book = Book(MINOR_DIGITS)
    for message in (opened(day="2025-01-01"), target()):
        book.add(event_of(message))
    for number in range(levies):
        book.add(levy_on(number))
    return book


async def turns_while_judged(book: Book, between: list[Any]) -> int:
    """Return how often the loop turned meanwhile; one policy of `between` is added in each turn."""
    ledger: Any = SimpleNamespace(plan_years=lambda _: ())
    money = GroupLedger().money(2026)
    judged = asyncio.ensure_future(
        judge_in_steps(book, ledger, "g", lambda group_id: judge(book, money, group_id, 2026, TODAY))
    )
    turns = 0
    while not judged.done():
        await asyncio.sleep(0)
        turns += 1
        if between:
            book.add(between.pop())
    await judged
    return turns


def test_the_loop_turns_for_each_set_of_decrees() -> None:
    """Heartbeats and `/readyz` would otherwise stand still for as long as all of it takes, each other group too."""
    assert asyncio.run(turns_while_judged(book_of(MANY_POLICIES), [])) >= ISSUE_DAYS


def test_what_comes_meanwhile_is_in_it() -> None:
    """A policy that comes between two steps changes what was worked out, and nothing of it may be kept."""
    book = book_of(MANY_POLICIES)
    late = [levy_on(MANY_POLICIES + n, amount="7.00") for n in range(20)]
    asyncio.run(turns_while_judged(book, list(late)))
    money = GroupLedger().money(2026)
    fresh = book_of(MANY_POLICIES)
    for policy in reversed(late):
        fresh.add(policy)
    assert judge(book, money, "g", 2026, TODAY).episodes == judge(fresh, money, "g", 2026, TODAY).episodes


def test_policies_without_end_do_not_keep_a_group_from_being_judged() -> None:
    """Each changes all days from its own on, and so begins the work again; there is always one more."""
    book = book_of(MANY_POLICIES)
    between = [levy_on(MANY_POLICIES + ISSUE_DAYS * n) for n in range(3 * MOST_STEPS)]
    turns = asyncio.run(turns_while_judged(book, between))
    assert turns <= MOST_STEPS + 2
    assert between


def test_what_was_worked_out_is_not_again() -> None:
    """Else each remittance of the group would cost all of it again."""
    book = book_of(MANY_POLICIES)
    asyncio.run(turns_while_judged(book, []))
    assert asyncio.run(turns_while_judged(book, [])) <= 2


def test_a_group_is_laborious_by_its_own_and_by_shared_policies() -> None:
    """Most groups are judged at once; who has very many policies, or shares them, is not."""
    assert not book_of(10).is_laborious("g")
    book = book_of(MANY_POLICIES)
    assert book.is_laborious("g")
    assert not book.is_laborious("another")
    for number in range(MANY_POLICIES + 1):
        book.add(event_of(levy(10_000 + number, "2026-01-02", "2026-06-30", "2026-12-31", levy_id=f"s{number}")))
    assert book.is_laborious("another")
