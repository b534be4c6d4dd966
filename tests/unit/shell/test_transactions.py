"""When a teller's next transaction is begun ahead: where alerts go out often, with the partitions that they need."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from streams.shell import transactions
from streams.shell.outbox import Message
from streams.shell.told import Told
from streams.shell.topics import Names
from streams.shell.transactions import Transactions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

NAMES = Names("")
ALERT = Message(NAMES.alerts, 1, b"k", b"1", [("ce_id", b"a")])
STATUS = Message(NAMES.status, 2, b"k", b"2", [("ce_id", b"s")])
WITH_ALERT = {(NAMES.alerts, 1), (NAMES.status, 2), (NAMES.told, 3)}


class Producer:
    """Takes every transaction, and notes what was begun ahead after it."""

    def __init__(self) -> None:
        self.ahead: list[set[tuple[str, int]] | None] = []

    async def transact(self, _: Sequence[Message]) -> dict[tuple[str, int], int]:
        """Say that all of it is there."""
        self.ahead.append(None)
        return {}

    def begin_ahead(self, places: Any) -> None:
        """Note it."""
        self.ahead[-1] = set(places)


def told(monkeypatch: pytest.MonkeyPatch, *what: tuple[float, list[Message]]) -> list[set[tuple[str, int]] | None]:
    """Return what was begun ahead after each transaction, given when it was and what was in it."""
    place: Any = SimpleNamespace(names=NAMES)
    mine, producer = Transactions(3, place), Producer()
    mine._producer = producer  # type: ignore[assignment]

    async def run() -> None:
        for at, messages in what:
            monkeypatch.setattr(transactions.time, "monotonic", lambda at=at: at)
            await mine.commit(Told(reached={}), messages, [])

    asyncio.run(run())
    return producer.ahead


def test_alerts_that_follow_each_other_find_their_transaction_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first one may be the only one, and what is begun for nothing has to be aborted."""
    begun = told(monkeypatch, (100, [ALERT, STATUS]), (104.9, [ALERT, STATUS]))
    assert begun == [None, WITH_ALERT]


def test_alerts_that_come_seldom_find_nothing_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds apart each would leave an aborted transaction behind."""
    assert told(monkeypatch, (100, [ALERT]), (105, [ALERT]), (110, [ALERT])) == [None, None, None]


def test_statuses_between_alerts_leave_the_next_transaction_begun_for_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    """They use up what was begun; once alerts have stopped they begin none."""
    begun = told(
        monkeypatch,
        (100, [ALERT, STATUS]),
        (101, [ALERT, STATUS]),
        (102, [STATUS]),
        (106, [STATUS]),
        (106.5, [ALERT]),
    )
    assert begun == [None, WITH_ALERT, WITH_ALERT, None, None]
