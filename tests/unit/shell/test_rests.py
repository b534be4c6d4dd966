"""When what is fetched: what is folded already is read back seldom, and no broker is asked all the time."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from aiokafka.protocol.fetch import FetchRequest
from faust.types.tuples import TP
from prometheus_client import CollectorRegistry

from streams.shell import packs, transport
from streams.shell.folder import Folder
from streams.shell.group_member import REST_SECONDS, Member
from streams.shell.ledger import HomeLedger
from streams.shell.metrics import Metrics
from streams.shell.transport import Chunk, ChunkConsumer

if TYPE_CHECKING:
    from pathlib import Path

HOME, INPUT = TopicPartition("quotastream-home", 0), TopicPartition("remittances", 0)


def asked(held_seconds: float, *resting: TopicPartition) -> tuple[list[Any], float, set[TopicPartition]]:
    """Return what a broker is asked for, how much later, and what rests when all is over."""

    async def story() -> tuple[list[Any], float, set[TopicPartition]]:
        requests: list[Any] = []

        async def fetch(_assignment: Any, _node: int, request: Any) -> bool:
            requests.append((request._max_wait_ms, time.monotonic()))
            return True

        mine = Member(enable_auto_commit=False)
        mine.assign([HOME, INPUT])
        mine.held_seconds = held_seconds
        for tp in resting:
            mine.rest(tp)
        since = time.monotonic()
        assert await mine._fetch(fetch, None, 0, FetchRequest(500, 1, 1, 1, []))
        await asyncio.sleep(1.5 * REST_SECONDS)
        ((wait_ms, at),) = requests
        return wait_ms, at - since, mine.paused()

    return asyncio.run(story())


def test_a_resting_partition_is_left_unread_for_a_moment() -> None:
    """Others are asked for meanwhile, and only for as long, so that it is not forgotten over them."""
    assert asked(0.0)[0] == 500
    wait_ms, _, paused = asked(0.0, HOME)
    assert wait_ms == 1000 * REST_SECONDS
    assert paused == set()


def test_a_partition_that_went_meanwhile_is_not_woken() -> None:
    """It is another worker's by then."""

    async def story() -> None:
        mine = Member(enable_auto_commit=False)
        mine.assign([HOME, INPUT])
        mine.rest(HOME)
        mine.assign([INPUT])
        mine._wake(HOME)
        assert mine.paused() == set()

    asyncio.run(story())


def test_a_broker_is_asked_again_after_a_while() -> None:
    """The longer what it sent takes, the longer: more is there then, and each answer has its price."""
    assert asked(0.0)[1] < 0.02
    assert asked(0.03)[1] >= 0.03


def test_a_request_that_waits_can_be_given_up() -> None:
    """Aiokafka cancels it where partitions go, and waits for it."""

    async def story() -> bool:
        mine = Member(enable_auto_commit=False)
        mine.held_seconds = 10.0
        waiting = asyncio.ensure_future(mine._fetch(None, None, 0, None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        waiting.cancel()
        return await waiting

    assert asyncio.run(story()) is False


@pytest.mark.parametrize(("took", "held"), [(0.008, 0.008), (1.0, transport.LONGEST_HELD_SECONDS)])
def test_how_long_follows_from_what_took_how_long(took: float, held: float) -> None:
    """Up to a limit, and by what comes by the thousand alone."""
    made = ChunkConsumer.__new__(ChunkConsumer)
    made.app = SimpleNamespace(flow_control=SimpleNamespace())
    made.can_resume_flow, made.suspend_flow = asyncio.Event(), asyncio.Event()
    made.on_init()
    client = made._client = SimpleNamespace(held_seconds=0.0)  # type: ignore[assignment]
    made.in_blocks = INPUT.topic
    made.finish(Chunk(TP(*HOME), [], 0, 1, 0, time.monotonic() - took))
    assert client.held_seconds == 0.0
    made.finish(Chunk(TP(*INPUT), [], 0, 1, 0, time.monotonic() - took))
    assert client.held_seconds == pytest.approx(held, rel=0.2)


def test_what_holds_nothing_new_rests(tmp_path: Path) -> None:
    """A chunk of which all was folded already; one with anything new does not: others write there too."""

    async def story() -> list[TP]:
        rested: list[TP] = []
        reader = SimpleNamespace(epoch=0, finish=lambda _: None, rest=rested.append)
        place = SimpleNamespace(
            metrics=Metrics(CollectorRegistry()), names=SimpleNamespace(plain=str),
            policy_log=SimpleNamespace(traces=SimpleNamespace(take_pack=lambda _: None)),
        )  # fmt: skip
        folder = Folder(place, reader, tmp_path, "log")  # type: ignore[arg-type]
        ledger = HomeLedger(tmp_path / "home.sqlite", "log")
        folder._tellers[0] = SimpleNamespace(  # type: ignore[assignment]
            partition=0, caught_up=True, ledger=ledger, changed=lambda *_: None
        )
        stamp = packs.encode(packs.Part("remittances", 0, 1, []).columns())
        records = [SimpleNamespace(offset=n, value=stamp, headers=(), timestamp=0) for n in range(3)]
        for first, after in ((0, 2), (0, 2), (1, 3)):
            await folder.fold([Chunk(TP(*HOME), records[first:after], first, after, 0, 0.0)])
        reader.epoch = 1
        await folder.fold([Chunk(TP(*HOME), records, 7, 9, epoch, 0.0) for epoch in (0, 0)])  # void by now
        assert ledger.position == 3
        ledger.close()
        return rested

    assert asyncio.run(story()) == [TP(*HOME)]


def test_what_is_still_to_be_read_is_counted() -> None:
    """Of the input alone, up to where it is committed; nothing of a partition that was not fetched yet."""

    async def story() -> int:
        consumer = ChunkConsumer.__new__(ChunkConsumer)
        consumer.in_blocks, consumer._client = INPUT.topic, Member(enable_auto_commit=False)
        inputs = [TopicPartition(INPUT.topic, number) for number in range(3)]
        consumer._client.assign([HOME, *inputs])
        consumer._position = {TP(*tp): 10 for tp in (HOME, *inputs)}
        assignment = consumer._client._subscription.subscription.assignment
        for tp, stable in ((HOME, 1_000), (inputs[0], 25), (inputs[1], 10)):
            assignment.state_value(tp).lso = stable
        consumer._count_waiting()
        return consumer.waiting_records

    assert asyncio.run(story()) == 15
