"""What somebody knows who has read the internal logs up to some offsets: folded by the pure core, and remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from schemas.currencies import MINOR_DIGITS
from streams.core.book import Book
from streams.core.events import Added
from streams.core.ledger import GroupLedger
from streams.core.takings import HeldMoney
from streams.shell import codec, packs
from streams.shell.router import STAMP_KEY, source_of
from streams.shell.topics import home_partition
from tests.simulation.cluster import NAMES, Cluster, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

Place = tuple[str, int, int]  # topic, partition, offset of an input record

_remembered: WeakKeyDictionary[Cluster, dict[Any, Any]] = WeakKeyDictionary()


def events_in(record: Record) -> Iterator[tuple[Place, Any]]:
    """Yield what a record of the home log has, and where each stood in the input."""
    for part in packs.decode(record.value or b""):
        for offset, event in part.entries:
            yield (NAMES.remittances, part.partition, offset), event


class Money:
    """A home partition's log up to an offset, folded."""

    def __init__(self, cluster: Cluster, partition: int, until: int) -> None:
        self.ledgers: dict[str, GroupLedger] = {}
        self.sources: set[tuple[str, int, int]] = set()
        self.conflicts: set[tuple[str, int, int]] = set()
        self.events = 0
        for record in cluster.records(NAMES.home, partition, until):
            for place, event in events_in(record):
                self.sources.add(place)
                added = self.ledgers.setdefault(event.group_id, GroupLedger()).add(event)
                self.events += added is Added.NEW
                if added is Added.CONFLICT:
                    self.conflicts.add(place)


class Policies:
    """The policies log up to an offset, folded."""

    def __init__(self, cluster: Cluster, until: int) -> None:
        self.book = Book(MINOR_DIGITS)
        self.sources: set[tuple[str, int, int]] = set()
        self.conflicts: set[tuple[str, int, int]] = set()
        for record in cluster.records(NAMES.policies, 0, until):
            if record.key != STAMP_KEY:
                place = (NAMES.policy_changes, *source_of(record))
                self.sources.add(place)
                if self.book.add(codec.decode("policy-changes", record.value)) is Added.CONFLICT:  # type: ignore[arg-type]
                    self.conflicts.add(place)


class Known:
    """Both together."""

    def __init__(self, money: Money, policies: Policies, homes: int) -> None:
        self._money, self._homes = money, homes
        self.book = policies.book
        self.sources = money.sources | policies.sources
        self.conflicts = money.conflicts | policies.conflicts
        self.event_count = money.events

    @classmethod
    def at(cls, cluster: Cluster, partition: int, home: int | None, policies: int | None) -> Known:
        """Return what is known of a partition with its log read to `home`, the policies to `policies` (None: all)."""
        home = len(cluster.logs[NAMES.home, partition]) if home is None else home
        policies = len(cluster.logs[NAMES.policies, 0]) if policies is None else policies
        memory = _remembered.setdefault(cluster, {})
        if (partition, home, policies) not in memory:
            money = memory.get((partition, home)) or Money(cluster, partition, home)
            book = memory.get(policies) or Policies(cluster, policies)
            memory[partition, home], memory[policies] = money, book
            memory[partition, home, policies] = cls(money, book, cluster.sizes[NAMES.home])
        return memory[partition, home, policies]

    def groups(self, partition: int) -> list[str]:
        """Return the groups at home in the partition."""
        named = {*self._money.ledgers, *self.book.group_ids()}
        return sorted(g for g in named if home_partition(g, self._homes) == partition)

    def years(self, group_id: str) -> set[int]:
        """Return the years in which the group sent money."""
        ledger = self._money.ledgers.get(group_id)
        return set(ledger.plan_years()) if ledger else set()

    def money(self, group_id: str, year: int) -> HeldMoney:
        """Return the money of an account."""
        ledger = self._money.ledgers.get(group_id)
        return ledger.money(year) if ledger else HeldMoney()
