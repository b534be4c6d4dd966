"""The account of a group and plan year on a day: its status, and its alert episodes from the year's start.

Lives here: the one entrance to all of it. Not here: anything that remembers what was told (telling.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from streams.core.status import status_value
from streams.core.view import AccountView
from streams.core.walk import canonical_episodes

if TYPE_CHECKING:
    from streams.core.book import Book
    from streams.core.events import Day
    from streams.core.history import Episode
    from streams.core.takings import AccountMoney


class Known(NamedTuple):
    """What an earlier evaluation found, and of what: so much of it still holds that only later days are walked."""

    day: Day  # d
    policies: int  # the book's version
    money: int  # the money's version
    episodes: tuple[Episode, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """What is to be said of an account on d."""

    status: dict[str, object]  # the quota-status value
    episodes: tuple[Episode, ...]  # the canonical history to d, ordered by (opened_on, kind, levy_id)
    known: Known = field(compare=False, repr=False)  # for the next evaluation


def evaluate(
    book: Book, money: AccountMoney, group_id: str, plan_year: int, day_reached: Day, known: Known | None = None
) -> Account:
    """Return the account of a group and plan year on the day reached ("Arithmetic" and "Alerts").

    A pure function of the first five arguments; whether the account exists is `Book.plan_years`' question. `known`,
    of an earlier evaluation of the same account with the same book and money, only spares work.
    """
    view = AccountView(book, money, group_id, plan_year)
    d = view.year.reached(day_reached)
    if known is None:
        episodes = canonical_episodes(view, d)
    else:
        since = min(known.day + 1, book.changed_from(group_id, known.policies), money.changed_from(known.money))
        episodes = canonical_episodes(view, d, known.episodes, since)
    known = Known(d, book.version, money.version, episodes)
    return Account(status_value(view, d, episodes), episodes, known)
