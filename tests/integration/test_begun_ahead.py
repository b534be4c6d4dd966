"""A transaction that is begun ahead, on a real Kafka: it holds nobody up, and what comes goes on as without it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from aiokafka.errors import ProducerFenced

from streams.shell import transacting
from streams.shell.outbox import Message
from streams.shell.told import Told
from streams.shell.topic_admin import admin_client, create_missing
from streams.shell.topics import Names
from streams.shell.transactions import Transactions
from tests.reading import read_records

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streams.devkafka.broker import Broker


@pytest.fixture
def place(kafka: Broker) -> Any:
    """Give a worker's place whose topics nobody else has."""
    names = Names(f"ahead-{uuid4().hex[:8]}-")
    with admin_client(kafka.bootstrap_servers) as admin:
        create_missing(admin, names, partitions=1)
    return SimpleNamespace(names=names, bootstrap_servers=kafka.bootstrap_servers)


def alert(place: Any, number: int) -> Message:
    """Return an alert that stands for one."""
    return Message(place.names.alerts, 0, b"k", b"%d" % number, [("ce_id", b"%d" % number)])


def committed(place: Any) -> list[bytes]:
    """Return the alerts that subscribers have."""
    return [record.value for record in read_records(place.bootstrap_servers, place.names.alerts)]


def tell(place: Any, then: Callable[[Transactions], Awaitable[None]]) -> None:
    """Commit two alerts, so that a third transaction is begun ahead, and go on from there."""

    async def run() -> None:
        mine = Transactions(0, place)
        await mine.begin()
        try:
            for number in (1, 2):
                await mine.commit(Told(reached={}), [alert(place, number)], [])
            await asyncio.sleep(0.5)
            assert mine._producer is not None
            assert mine._producer._ahead is not None
            await then(mine)
        finally:
            mine.end()
            await asyncio.sleep(0.1)

    asyncio.run(run())


def test_what_comes_goes_into_the_transaction_that_was_begun(place: Any) -> None:
    """It is committed with it."""

    async def go_on(mine: Transactions) -> None:
        assert committed(place) == [b"1", b"2"]
        await mine.commit(Told(reached={}), [alert(place, 3)], [])

    tell(place, go_on)
    assert committed(place) == [b"1", b"2", b"3"]


def test_what_comes_late_finds_it_aborted(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same producer goes on, under the same epoch."""
    monkeypatch.setattr(transacting, "AHEAD_SECONDS", 0.2)

    async def go_on(mine: Transactions) -> None:
        assert mine._producer is not None
        assert mine._producer._ahead is not None
        assert mine._producer._ahead.done()
        await mine.commit(Told(reached={}), [alert(place, 3)], [])

    tell(place, go_on)
    assert committed(place) == [b"1", b"2", b"3"]


def test_whoever_takes_over_aborts_it(place: Any) -> None:
    """The one before is fenced, with all that comes to it then."""

    async def go_on(mine: Transactions) -> None:
        other = Transactions(0, place)
        await other.begin()
        try:
            await other.commit(Told(reached={}), [alert(place, 3)], [])
            with pytest.raises(ProducerFenced):
                await mine.commit(Told(reached={}), [alert(place, 4)], [])
            await other.commit(Told(reached={}), [alert(place, 5)], [])
        finally:
            other.end()

    tell(place, go_on)
    assert committed(place) == [b"1", b"2", b"3", b"5"]
