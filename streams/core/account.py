"""The account of a group and plan year on a day: its status, and its alert episodes from the year's start.

Lives here: the one entrance to all of it. Not here: anything that remembers what was told (telling.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.core.headroom import headroom_of, no_headroom
from streams.core.history import Known, known_of
from streams.core.rest import next_due_day
from streams.core.status import status_value
from streams.core.view import AccountView
from streams.core.walk import canonical_episodes
from streams.core.years import plan_year as plan_year_of

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
    next_due: Day  # the first day on which more than as_of may change by the turn of days alone
    known: Known = field(compare=False, repr=False)  # for the next evaluation


def evaluate(
    book: Book, money: AccountMoney, group_id: str, plan_year: int, day_reached: Day, known: Known | None = None
) -> Account:
    """Return the account of a group and plan year on the day reached ("Arithmetic" and "Alerts").

    A pure function of the first five arguments; whether the account exists is `Book.plan_years`' question. `known`,
    of an earlier evaluation of the same account with the same book and money, only spares work.
    """
    view = AccountView(book, money, group_id, plan_year)
    found = _judged(view, day_reached, known)
    status = status_value(view, found.day, found.open)
    return Account(status, found.episodes, next_due_day(view, found.day, found.open), found)


def judge(
    book: Book, money: AccountMoney, group_id: str, plan_year: int, day_reached: Day, known: Known | None = None
) -> Known:
    """Return only the canonical history of the same account, to be told before its status is worked out."""
    return _judged(AccountView(book, money, group_id, plan_year), day_reached, known)


def is_settled(book: Book, money: AccountMoney, group_id: str, plan_year: int, day_reached: Day) -> bool:
    """Tell whether `judge` would find the episodes that are known. True is certain, False says only: judge."""
    known = money.known
    if known is None or not _stands(known, money, plan_year_of(plan_year).reached(day_reached)):
        return False
    return book.changed_from(group_id, known.policies) > known.day


def _stands(known: Known, money: AccountMoney, d: Day) -> bool:
    """Tell whether neither days nor money that came since can have moved what is known; policies may have."""
    return known.day == d and known is money.known and not money.may_move_episodes()


def look_ahead(book: Book, money: AccountMoney, group_id: str, plan_year: int) -> None:
    """Work out how much money the account, as it was judged last, takes before an open episode may move."""
    known = money.known
    if known is None or not known.open or (money.headroom is not None and not money.headroom.is_stale(known)):
        return
    view = AccountView(book, money, group_id, plan_year)
    regime, thresholds = view.timeline.regime_on(known.day), view.timeline.thresholds_on(known.day)
    claim = regime.base
    if claim is None:
        money.headroom = no_headroom(known)
    else:
        curve = view.curve(None, claim.currency)
        money.headroom = headroom_of(known, claim, regime.activity, thresholds, curve)


def _judged(view: AccountView, day_reached: Day, known: Known | None) -> Known:
    d = view.year.reached(day_reached)
    policies, money = view.book.version, view.money.version
    if known is None:
        return known_of(d, policies, money, canonical_episodes(view, d))
    episodes, changed_from = known.episodes, view.book.changed_from(view.group_id, known.policies)
    if changed_from <= d or not _stands(known, view.money, d):
        since = min(known.day + 1, changed_from, view.money.changed_from(known.money))
        episodes = canonical_episodes(view, d, known, since)
    if episodes is known.episodes:
        return Known(d, policies, money, episodes, known.open, known.last_moved)
    return known_of(d, policies, money, episodes)
