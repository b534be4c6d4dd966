"""What is read back of packs that are folded already is read seldom: each fetch has its price."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from faust.types.tuples import TP
from prometheus_client import CollectorRegistry

from streams.shell import packs, transport
from streams.shell.folder import Folder
from streams.shell.ledger import HomeLedger
from streams.shell.metrics import Metrics
from streams.shell.transport import Chunk, ChunkConsumer

if TYPE_CHECKING:
    from pathlib import Path

HOME, INPUT = TP("quotastream-home", 0), TP("remittances", 0)


def consumer() -> ChunkConsumer:
    """Return one that has been given two partitions, without a client."""
    made = ChunkConsumer.__new__(ChunkConsumer)
    made.app = SimpleNamespace(flow_control=SimpleNamespace())
    made.can_resume_flow, made.suspend_flow = asyncio.Event(), asyncio.Event()
    made.on_init()
    made._position = {HOME: 7, INPUT: 100}
    return made


def room(of: ChunkConsumer) -> tuple[set[Any], float]:
    """Return the partitions to read from, and for how long it stays so."""
    tps, seconds = of._room()
    return {TP(*tp) for tp in tps}, seconds


def test_a_resting_partition_is_left_unread_for_a_moment() -> None:
    """Others are read meanwhile, and only for as long, so that it is not forgotten over them."""

    async def story() -> None:
        mine = consumer()
        assert room(mine) == ({HOME, INPUT}, transport.POLL_SECONDS)
        mine.rest(HOME)
        tps, seconds = room(mine)
        assert tps == {INPUT}
        assert seconds == pytest.approx(transport.REST_SECONDS, abs=0.02)
        await asyncio.sleep(seconds)
        assert room(mine) == ({HOME, INPUT}, transport.POLL_SECONDS)

    asyncio.run(story())


def test_a_new_epoch_reads_at_once() -> None:
    """Partitions may be others' then, or have to be read again."""

    async def story() -> None:
        mine = consumer()
        mine.rest(HOME)
        mine.begin_epoch()
        assert room(mine)[0] == {HOME, INPUT}

    asyncio.run(story())


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
        stamp = packs.encode(packs.Pack("remittances", 0, 1, []).columns())
        records = [SimpleNamespace(offset=n, value=stamp, headers=(), timestamp=0) for n in range(3)]
        for first, after in ((0, 2), (0, 2), (1, 3)):
            await folder.fold(Chunk(HOME, records[first:after], first, after, 0))
        ledger.close()
        return rested

    assert asyncio.run(story()) == [HOME]
