"""News that move no episode of a group are let pass without judging it, and none else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from streams.core.events import Remittance
from streams.shell import packs
from streams.shell.judging import Judging
from streams.shell.ledger import HomeLedger
from streams.shell.told import Told
from tests.unit.core.making import GROUP, book_of, day, factor, opened, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TODAY = day("2026-01-15")


class House:
    """A group with a target, of which nothing is behind yet."""

    def __init__(self, path: Path) -> None:
        self.ledger = HomeLedger(path / "home.sqlite", "log")
        self.book = book_of(opened(), target())
        self.told = Told()
        self.told.day = TODAY
        place = SimpleNamespace(policy_log=SimpleNamespace(book=self.book))
        self.judging = Judging(self.told, place, self.ledger)  # type: ignore[arg-type]

    def pay(self, on: int, amount: int = 1) -> None:
        """Have one remittance more."""
        number = self.ledger.position
        event = Remittance(GROUP, bytes([number] * 16), b"digested", on, amount, "USD", None)
        pack = packs.Part("remittances", 0, 0, [(number, event)])
        self.ledger.fold([pack.columns()], number + 1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Open one, and close it."""
    made = House(tmp_path)
    yield made
    made.ledger.close()


def test_more_money_of_a_group_in_which_nothing_is_open_is_let_pass(house: House) -> None:
    """Once it was judged, and for as long as the day and the policies are those."""
    assert not house.judging.is_unmoved(GROUP)  # nothing is known of it
    house.pay(TODAY)
    assert not house.judging.is_unmoved(GROUP)  # nobody has looked yet
    assert house.judging.may_wait(GROUP, has_news=True)
    house.pay(TODAY)
    assert house.judging.is_unmoved(GROUP)
    house.told.day += 1
    assert not house.judging.is_unmoved(GROUP)
    house.told.day -= 1
    house.book.add(factor("2026-01-15", "0.85"))
    assert not house.judging.is_unmoved(GROUP)


def test_money_that_may_close_what_is_open_is_judged(house: House) -> None:
    """An alert waits for it; less money than that is let pass."""
    house.pay(TODAY)
    house.told.day = day("2026-03-20")
    assert not house.judging.may_wait(GROUP, has_news=True)
    (money,) = (house.ledger.money(GROUP, year) for year in house.ledger.plan_years(GROUP))
    assert money.known is not None
    assert {episode.kind for episode in money.known.open} >= {"silent"}
    assert not house.judging.is_unmoved(GROUP)  # its alerts are not told
    house.judging.note_told(money, money.known.episodes)
    assert house.judging.is_unmoved(GROUP)
    house.pay(house.told.day)
    assert not house.judging.is_unmoved(GROUP)
