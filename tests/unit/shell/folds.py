"""Folds that one suite of behaviour is held against: the pure one, and those on disk."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import patch
from uuid import UUID

import numpy as np

from streams.core.events import Added, Remittance, Reversal
from streams.core.ledger import GroupLedger
from streams.shell import runs
from streams.shell.event_columns import joined
from streams.shell.ledger import HomeLedger
from streams.shell.packs import Columns, Part, columns, encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streams.core.takings import AccountMoney

    Event = Remittance | Reversal

HUGE = 10**18 * 1000 - 1  # 18 digits before the point and three after it: more than 63 bits


def remit(
    number: int, amount: int = 100, *, group: str = "g", on: str = "2026-03-01", digest: bytes = b"a" * 8, **more: Any
) -> Remittance:
    """Return a remittance."""
    day = date.fromisoformat(on).toordinal()
    fields = {"currency": "USD", "levy_id": None} | more
    return Remittance(group, UUID(int=number).bytes, digest, day, amount, **fields)


def reverse(number: int, of: int, *, group: str = "g", digest: bytes = b"r" * 8) -> Reversal:
    """Return a reversal."""
    return Reversal(group, UUID(int=number).bytes, digest, UUID(int=of).bytes)


def together(*parts: Part) -> Columns:
    """Return one pack of several parts."""
    apart = [part.columns() for part in parts]
    return Columns(
        parts[0].topic,
        [source for one in apart for source in one.sources],
        np.concatenate([one.offsets for one in apart]),
        joined([one.events for one in apart]),
    )


def fold_in(ledger: HomeLedger, packs: list[Part], position: int) -> set[str]:
    """Fold packs, as they come out of the log."""
    return set(ledger.fold([columns(encode(pack.columns())) for pack in packs], position))


# --- one suite for both ---------------------------------------------------------------------------------------------


class Fold(Protocol):
    """What both ledgers are, to the suite: batches in, money and conflicts out. Batch n has offsets from 100 n."""

    def take(self, *batch: Event) -> None:
        """Take in what came together."""

    def money(self, group: str, year: int) -> list[Any]:
        """Return the unreversed remittances of an account."""

    def sums(self, group: str, year: int) -> Any:
        """Return what is kept of an account in memory: by kind of money what came by day, and how many there are."""

    def years(self, group: str) -> set[int]:
        """Return the years in which any remittance of a group is known."""

    def conflicts(self) -> set[int]:
        """Return the offsets of conflicting duplicates."""


def _sums(money: AccountMoney) -> Any:
    levies = (None, *sorted(money.earmarks()))
    return [(p, money.day_sums(p)) for levy in levies for p in sorted(money.purses(levy))], len(money)


class PureFold:
    """The core's ledgers, one a group."""

    def __init__(self, _: Path) -> None:
        self._ledgers: defaultdict[str, GroupLedger] = defaultdict(GroupLedger)
        self._conflicts: set[int] = set()
        self._batches = 0

    def take(self, *batch: Event) -> None:
        """Add one by one."""
        for offset, event in enumerate(batch, 100 * self._batches):
            if self._ledgers[event.group_id].add(event) is Added.CONFLICT:
                self._conflicts.add(offset)
        self._batches += 1

    def money(self, group: str, year: int) -> list[Any]:
        """Return the entries of the account's money."""
        return self._ledgers[group].money(year).entries()

    def sums(self, group: str, year: int) -> Any:
        """Return those that were kept as each came."""
        return _sums(self._ledgers[group].money(year))

    def years(self, group: str) -> set[int]:
        """Return the group's plan years."""
        return set(self._ledgers[group].plan_years())

    def conflicts(self) -> set[int]:
        """Return what was noted."""
        return self._conflicts


class DiskFold:
    """The shell's ledger: a pack a batch, in transactions of its own."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "home-0.sqlite"
        self.ledger = HomeLedger(self._path, "log")
        self._batches = 0

    def take(self, *batch: Event) -> None:
        """Fold one pack."""
        first = 100 * self._batches
        entries = list(enumerate(batch, first))
        position = self.ledger.position
        changed = fold_in(self.ledger, [Part("remittances", 1, first, entries)], position + 1)
        assert changed <= {event.group_id for event in batch}
        self._batches += 1

    def money(self, group: str, year: int) -> list[Any]:
        """Return the entries of the account's money."""
        return self.ledger.money(group, year).entries()

    def sums(self, group: str, year: int) -> Any:
        """Return those that were kept as each batch came, once the account was asked for."""
        return _sums(self.ledger.money(group, year))

    def years(self, group: str) -> set[int]:
        """Return the group's plan years."""
        return set(self.ledger.plan_years(group))

    def conflicts(self) -> set[int]:
        """Return the offsets of what was noted."""
        assert {conflict[:2] for conflict in self.ledger.conflicts} <= {("remittances", 1)}
        return {conflict.offset for conflict in self.ledger.conflicts}

    def close(self) -> None:
        """Close the store."""
        self.ledger.close()


class AskedFold(DiskFold):
    """The same, asked about every account before each batch: all of it is in memory and goes on from there."""

    def take(self, *batch: Event) -> None:
        """Ask, then fold."""
        for event in batch:
            for year in (2025, 2026, 2027):
                self.ledger.money(event.group_id, year)
        super().take(*batch)


class ReopenedFold(DiskFold):
    """The same, closed and opened again after each batch: nothing is in memory."""

    def take(self, *batch: Event) -> None:
        """Fold, then open anew."""
        super().take(*batch)
        self.ledger.close()
        self.ledger = HomeLedger(self._path, "log")


class RunsFold(DiskFold):
    """The same with all but the newest in runs, which are merged early."""

    def take(self, *batch: Event) -> None:
        """Fold, then let what is due be written and merged."""
        with patch.multiple(runs, FLUSH_EVENTS=3, FANOUT=2):
            super().take(*batch)
            assert self.ledger._runs is not None
            self.ledger._runs.tend(wait=True)


class ReopenedRunsFold(RunsFold):
    """The same, closed and opened again after each batch."""

    def take(self, *batch: Event) -> None:
        """Fold, then open anew."""
        super().take(*batch)
        self.ledger.close()
        self.ledger = HomeLedger(self._path, "log")


FOLDS: dict[str, Callable[[Path], Any]] = {
    "pure": PureFold, "disk": DiskFold, "disk, asked": AskedFold, "disk, reopened": ReopenedFold,
    "runs": RunsFold, "runs, reopened": ReopenedRunsFold,
}  # fmt: skip
