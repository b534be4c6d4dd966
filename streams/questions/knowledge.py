"""Everything known of all groups, as a question looks at it: which accounts there are, and each one's status.

Lives here: going through accounts, hypothetical policies beside the known ones. Not here: reading Kafka
(`streams.shell.knowledge`), and what each question makes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from streams.core.account import evaluate
from streams.core.book import Book
from streams.core.events import Added
from streams.core.takings import HeldMoney
from streams.core.view import AccountView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from streams.core.account import Account
    from streams.core.events import Day, Policy
    from streams.core.history import Known
    from streams.core.ledger import GroupLedger
    from streams.core.takings import Entry

    Progress = Callable[[int, int], None]  # (done, of how many)

T = TypeVar("T")


class AccountKey(NamedTuple):
    """Which account."""

    group_id: str
    plan_year: int


class PolicyClashError(Exception):
    """A hypothetical policy has the policy_id of another one that says something else."""

    def __init__(self, policy_id: str) -> None:
        super().__init__(policy_id)
        self.policy_id = policy_id


class Knowledge(NamedTuple):
    """The policies, and each group's remittances, as they stand."""

    book: Book
    ledgers: Mapping[str, GroupLedger]

    def group_ids(self) -> list[str]:
        """Return every group that policies or remittances name."""
        paying = {group_id for group_id, ledger in self.ledgers.items() if ledger.plan_years()}
        return sorted(paying | set(self.book.group_ids()))

    def plan_years(self, group_id: str, day_reached: Day) -> list[int]:
        """Return the years for which a group has an account on the day reached."""
        ledger = self.ledgers.get(group_id)
        return self.book.plan_years(group_id, () if ledger is None else ledger.plan_years(), day_reached)

    def keys(self, day_reached: Day) -> list[AccountKey]:
        """Return every account that exists on the day reached, by group and year."""
        return [
            AccountKey(group_id, year)
            for group_id in self.group_ids()
            for year in self.plan_years(group_id, day_reached)
        ]

    def money(self, group_id: str, plan_year: int) -> HeldMoney:
        """Return what a group sent in for a year."""
        ledger = self.ledgers.get(group_id)
        return HeldMoney() if ledger is None else ledger.money(plan_year)

    def account(self, key: AccountKey, day_reached: Day, known: Known | None = None) -> Account:
        """Return one account on the day reached; `known`, of when less was known of it, only spares work."""
        return evaluate(self.book, self.money(*key), key.group_id, key.plan_year, day_reached, known)

    def taken_out(self, group_id: str, plan_year: int) -> list[tuple[bytes, Entry]]:
        """Return the remittances of a group and year that were reversed, by day and event_id."""
        ledger = self.ledgers.get(group_id)
        return [] if ledger is None else ledger.taken_out(plan_year)

    def view(self, key: AccountKey) -> AccountView:
        """Return what an account is looked at with."""
        return AccountView(self.book, self.money(*key), key.group_id, key.plan_year)

    def with_policies(self, policies: Iterable[Policy]) -> Knowledge:
        """Return what would be known with these policies beside the known ones; itself is left as it is.

        A policy that is known already, equal in all it says, changes nothing; PolicyClashError for one that says
        something else under a known policy_id.
        """
        book = Book(self.book.minor_digits)
        for known in self.book.policies():
            book.add(known)
        for policy in policies:
            if book.add(policy) is Added.CONFLICT:
                raise PolicyClashError(policy.policy_id)
        return Knowledge(book, self.ledgers)


def each(items: Sequence[T], progress: Progress | None) -> Iterator[T]:
    """Yield the items, and say how far it has come."""
    for done, item in enumerate(items):
        if progress is not None:
            progress(done, len(items))
        yield item
    if progress is not None:
        progress(len(items), len(items))
