"""The core as a worker uses it, from wire messages to statuses, histories and alert messages; nothing of Kafka."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schemas.currencies import MINOR_DIGITS
from streams.core.account import Account, evaluate
from streams.core.book import Book
from streams.core.events import Remittance, Reversal
from streams.core.history import EpisodeKey, Known, history_value
from streams.core.ledger import GroupLedger
from streams.core.telling import ToldEpisode, tell
from streams.core.years import day_text, year_of
from streams.shell.codec import decode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from streams.core.events import Policy

Key = tuple[str, int]
Told = dict[Key, dict[EpisodeKey, ToldEpisode]]


def event_of(message: dict[str, Any]) -> Remittance | Reversal | Policy:
    """Send a message through the codec."""
    topic = "policy-changes" if "policy_id" in message else "remittances"
    return decode(topic, json.dumps(message).encode())


class Core:
    """Everything that one worker would know of all groups."""

    def __init__(self, messages: Iterable[dict[str, Any]] = ()) -> None:
        self.book = Book(MINOR_DIGITS)
        self.ledgers: dict[str, GroupLedger] = {}
        self.years: set[int] = set()
        self._known: dict[Key, Known] = {}
        for message in messages:
            self.fold(message)

    def fold(self, message: dict[str, Any]) -> None:
        """Add one message."""
        event = event_of(message)
        if isinstance(event, Remittance | Reversal):
            self.ledgers.setdefault(event.group_id, GroupLedger()).add(event)
        else:
            self.book.add(event)
        self._note_year(event)

    def _note_year(self, event: Remittance | Reversal | Policy) -> None:
        """Remember every year that could have a history, whether or not its account still exists."""
        for name in ("plan_year", "day", "from_day"):
            said = getattr(event, name, None)
            if said is not None:
                self.years.add(said if name == "plan_year" else year_of(said))

    def groups(self) -> list[str]:
        """Every group that policies or remittances name."""
        paying = {group_id for group_id, ledger in self.ledgers.items() if ledger.plan_years()}
        return sorted(paying | set(self.book.group_ids()))

    def account(self, group_id: str, year: int, day: date) -> Account:
        """Evaluate one account."""
        ledger = self.ledgers.setdefault(group_id, GroupLedger())
        known = self._known.get((group_id, year))
        account = evaluate(self.book, ledger.money(year), group_id, year, day.toordinal(), known)
        self._known[group_id, year] = account.known
        return account

    def statuses(self, day: date) -> dict[Key, dict[str, Any]]:
        """Make the status of every account that exists."""
        found = {}
        for group_id in self.groups():
            ledger = self.ledgers.setdefault(group_id, GroupLedger())
            for year in self.book.plan_years(group_id, ledger.plan_years(), day.toordinal()):
                found[group_id, year] = self.account(group_id, year, day).status
        return found

    def episodes(self, day: date) -> dict[str, dict[str, Any]]:
        """Walk the canonical histories of all accounts that were or are."""
        told = {}
        for group_id in self.groups():
            for year in sorted(self.years):
                for e in self.account(group_id, year, day).episodes:
                    name = e.id_in(group_id, year)
                    told[name] = {
                        "episode_id": name,
                        "group_id": group_id,
                        "plan_year": year,
                        "kind": e.kind,
                        "levy_id": e.levy_id,
                        "opened_on": day_text(e.opened_on),
                        "history": history_value(e.history),
                    }
        return told

    def tell(self, told: Told, day: date) -> list[dict[str, Any]]:
        """Tell what is new about every account, and remember in `told` that it was."""
        messages = []
        for group_id in self.groups():
            for year in sorted(self.years):
                remembered = told.setdefault((group_id, year), {})
                account = self.account(group_id, year, day)
                money = self.ledgers[group_id].money(year)
                new, changed = tell(
                    remembered, account, book=self.book, money=money, group_id=group_id, plan_year=year
                )
                messages += new
                remembered.update(changed)
        return messages
