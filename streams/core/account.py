"""The account of a group and plan year on a day: its status, and its alert episodes from the year's start.

Lives here: the one entrance to all of it. Not here: anything that remembers what was told (telling.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.core.status import status_value
from streams.core.view import AccountView
from streams.core.walk import canonical_episodes

if TYPE_CHECKING:
    from streams.core.book import Book
    from streams.core.events import Day
    from streams.core.history import Episode
    from streams.core.takings import AccountMoney


@dataclass(frozen=True, slots=True)
class Account:
    """What is to be said of an account on d."""

    status: dict[str, object]  # the quota-status value
    episodes: tuple[Episode, ...]  # the canonical history to d, ordered by (opened_on, kind, levy_id)


def evaluate(book: Book, money: AccountMoney, group_id: str, plan_year: int, day_reached: Day) -> Account:
    """Return the account of a group and plan year on the day reached ("Arithmetic" and "Alerts").

    A pure function of its arguments; whether the account exists is `Book.plan_years`' question.
    """
    view = AccountView(book, money, group_id, plan_year)
    d = view.year.reached(day_reached)
    episodes = canonical_episodes(view, d)
    return Account(status_value(view, d, episodes), episodes)
