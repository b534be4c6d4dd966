"""Which groups of a home partition have something to tell, and which can wait: news that move no episode may pass.

Lives here: what is judged, and what needs no judging. Not here: telling (teller.py), and in which order (agenda.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.core.account import is_settled, judge, look_ahead
from streams.core.telling import is_news
from streams.shell.laborious import FAULTS

if TYPE_CHECKING:
    from streams.core.history import Episode
    from streams.core.takings import AccountMoney
    from streams.shell.ledger import HomeLedger
    from streams.shell.told import Told
    from streams.shell.workplace import Workplace


class Judging:
    """Holds what is known of groups against what was told of them since a takeover."""

    def __init__(self, told: Told, place: Workplace, ledger: HomeLedger) -> None:
        self._told = told
        self._mark = object()  # of this takeover: accounts would keep all the notes of the one before in memory
        self._place = place
        self._ledger = ledger

    def is_told(self, money: AccountMoney) -> bool:
        """Tell whether the episodes that are known are the very ones told since taking over."""
        return money.known is not None and money.told_by is self._mark and money.told is money.known.episodes

    def note_told(self, money: AccountMoney, episodes: tuple[Episode, ...]) -> None:
        """Take note that episodes were told, or go out next."""
        money.told_by, money.told = self._mark, episodes

    def is_unmoved(self, group_id: str) -> bool:
        """Tell whether what came in of a group moves none of its episodes, and all of them are told."""
        book, day, years = self._place.policy_log.book, self._told.day, self._ledger.plan_years(group_id)
        for year in years:
            money = self._ledger.money_at_hand(group_id, year)
            if money is None or not self.is_told(money) or not is_settled(book, money, group_id, year, day):
                return False
        return bool(years)

    def may_wait(self, group_id: str, *, has_news: bool = False) -> bool:
        """Judge a group, and tell whether all its alerts are told as they are, so that its status can wait.

        What has news is likely to have more.
        """
        told, book, ledger = self._told, self._place.policy_log.book, self._ledger
        years = book.history_years(group_id, ledger.plan_years(group_id))
        try:
            for year in years:
                money = ledger.money(group_id, year)
                money.known = judge(book, money, group_id, year, told.day, money.known)
                if has_news:
                    look_ahead(book, money, group_id, year)
                if not self.is_told(money):
                    if is_news(told.of_account(group_id, year).episodes, money.known.episodes):
                        return False
                    self.note_told(money, money.known.episodes)
        except FAULTS:
            return False  # which says what is wrong with it
        gone = (year for year in told.years(group_id) if year not in years)
        return not any(is_news(told.of_account(group_id, year).episodes, ()) for year in gone)
