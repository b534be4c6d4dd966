"""One account as it is looked at: the book, the money, the group and the year together.

Lives here: which curve of money belongs to which claim, and what waits. Not here: judgements, figures, texts.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from streams.core.years import plan_year

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.core.book import Book
    from streams.core.curve import Curve
    from streams.core.events import Day
    from streams.core.takings import AccountMoney
    from streams.core.timeline import Timeline


class AccountView:
    """What is needed to say anything about a group and plan year; made for one evaluation."""

    def __init__(self, book: Book, money: AccountMoney, group_id: str, year: int) -> None:
        self.book = book
        self.money = money
        self.group_id = group_id
        self.year = plan_year(year)

    @cached_property
    def timeline(self) -> Timeline:
        """What is decreed; a look at what is settled needs none."""
        return self.book.timeline(self.group_id, self.year.year)

    @cached_property
    def paid_days(self) -> Sequence[Day]:
        """The days with any remittance, ascending."""
        return self.money.paid_days()

    def curve(self, levy_id: str | None, currency: str) -> Curve:
        """Return R(x) of the base account (levy_id None) or of a levy's, booked in a currency."""
        return self.money.curve(levy_id, currency, self.year, self.book.rates)

    def waiting(self, levy_id: str | None, currency: str | None, by: Day) -> Iterator[tuple[str, int]]:
        """Yield (own currency, minor units) of money of days <= `by` that has no rate to `currency` (None: all)."""
        for purse in self.money.purses(levy_id):
            if purse.currency == currency:
                continue
            sums = self.money.day_sums(purse)
            booked = {} if currency is None else self.money.booked(purse, currency, self.book.rates)
            waiting = sum(amount for day, amount in sums.items() if day <= by and booked.get(day) is None)
            if waiting:
                yield purse.currency, waiting
