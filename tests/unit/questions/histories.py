"""Everything known, made by hand or at random, for the questions' tests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from schemas.currencies import MINOR_DIGITS
from streams import synthetic
from streams.core.book import Book
from streams.core.events import Policy, Remittance
from streams.core.ledger import GroupLedger
from streams.questions.knowledge import Knowledge
from tests.property.core import Core
from tests.unit.core.making import GROUP, book_of, day, random_money, random_policies

if TYPE_CHECKING:
    from collections.abc import Iterable


def known(policies: Iterable[Policy], money: dict[str, list[tuple[Any, ...]]] | None = None) -> Knowledge:
    """Return policies, and by group rows of money: (day, minor units[, currency[, levy_id]])."""
    book = Book(MINOR_DIGITS)
    for policy in policies:
        book.add(policy)
    ledgers: dict[str, GroupLedger] = {}
    for group_id, rows in (money or {}).items():
        ledger = ledgers[group_id] = GroupLedger()
        for number, row in enumerate(rows, start=1):
            text, amount, *rest = row
            currency, levy_id = (*rest, "USD")[0], rest[1] if len(rest) > 1 else None
            ledger.add(Remittance(group_id, number.to_bytes(16, "big"), b"", day(text), amount, currency, levy_id))
    return Knowledge(book, ledgers)


def random_knowledge(seed: int) -> Knowledge:
    """Return one group's policies of all types, and money, in which everything collides."""
    rng = random.Random(seed)
    book = book_of(*random_policies(rng, rng.randrange(3, 25)))
    rows = {GROUP: random_money(rng, 30)}
    return Knowledge(book, known((), rows).ledgers)


def synthetic_knowledge(groups: int = 8, remittances: int = 1200, seed: int = 3) -> Knowledge:
    """Return a made-up year of several groups in four regions."""
    core = Core(synthetic.year(seed, groups, remittances, 2026))
    return Knowledge(core.book, core.ledgers)


def days_to_look_at(seed: int) -> list[int]:
    """Return a few days, before, in and after the plan year 2026."""
    rng = random.Random(seed)
    return [day("2025-12-20") + rng.randrange(400) for _ in range(3)] + [day("2027-01-01")]
