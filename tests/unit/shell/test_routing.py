"""What the router makes of small chunks: those of several input partitions go together, and stay what they are."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pytest
from faust.types.tuples import TP
from prometheus_client import CollectorRegistry

from streams.shell import blocks, native, packs, router
from streams.shell.blocks import Record
from streams.shell.metrics import Metrics
from streams.shell.topics import Names, home_partition
from streams.shell.transport import Chunk
from tests.unit.shell.batches import body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.shell.outbox import Message
    from tests.unit.shell.batches import Plain

HOMES, NAMES = 3, Names()
FRONTS = {0: 5, 1: 0, 2: 9}
NO_JSON = b"{"


def remittance(number: int, **more: str) -> bytes:
    """Return a message that no other is like."""
    body = {
        "schema_version": 1, "type": "remittance", "event_id": str(UUID(int=number)),
        "group_id": f"unit-{number % 11}", "amount": "1.00", "currency": "USD",
        "occurred_at": "2026-03-05T09:30:00+09:00", "channel": "cash",
    }  # fmt: skip
    return json.dumps(body | more).encode()


def reversal(number: int, of: int) -> bytes:
    """Return a message that takes back another one's remittance."""
    body = {
        "schema_version": 1, "type": "reversal", "event_id": str(UUID(int=number)),
        "group_id": f"unit-{of % 11}", "reverses": str(UUID(int=of)),
        "occurred_at": "2026-03-06T09:30:00+09:00", "reason": "bounced",
    }  # fmt: skip
    return json.dumps(body).encode()


def chunk(partition: int, first: int, values: Sequence[bytes], in_batches: int = 0) -> Chunk:
    """Return a chunk of the remittances: every second offset has a record; in so many batches that are blocks."""
    plain = [(2 * n, None, value, []) for n, value in enumerate(values)]
    records: Any = [Record(first + at, 1_000 + at, 0, None, value) for at, _, value, _ in plain]
    if in_batches:
        size = -(-len(plain) // in_batches)
        records = blocks.joined([block(first, plain[at : at + size]) for at in range(0, len(plain), size)])
    return Chunk(TP(NAMES.remittances, partition), records, first, first + 2 * len(values), 0, 0.0)


def block(first: int, plain: list[Plain]) -> blocks.Block:
    """Return records as a block."""
    assert native.columns is not None
    shift = plain[0][0]
    data = body([(offset - shift, *rest) for offset, *rest in plain])  # type: ignore[misc]
    spans = native.columns.spans(data, len(plain), first + shift, 1_000 + shift)
    assert spans is not None
    return blocks.Block.of(data, spans, 0)


class Routing:
    """A router whose messages are acknowledged at once, and what it did."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.letters: defaultdict[int, list[int]] = defaultdict(list)  # by partition: offsets
        self.finished: list[Chunk] = []
        self.logged: list[router.Logged] = []
        consumer = SimpleNamespace(
            epoch=0, finish=self.finished.append,
            fronts=lambda: {TP(NAMES.remittances, p): front for p, front in FRONTS.items()},
        )  # fmt: skip
        self.router = router.Router(NAMES, self, self, consumer, Metrics(CollectorRegistry()))  # type: ignore[arg-type]
        self.router._home_partitions = HOMES
        self.router._dead_letter_partitions = 1
        self.router.on_logged = self.logged.extend

    async def enqueue(self, messages: Sequence[Message]) -> list[asyncio.Future[Any]]:
        """Play the outbox."""
        self.sent += messages
        futures = [asyncio.get_running_loop().create_future() for _ in messages]
        for place, future in enumerate(futures, len(self.sent) - len(messages)):
            future.set_result(SimpleNamespace(offset=place))
        return futures

    async def acknowledged(self, futures: Sequence[asyncio.Future[Any]]) -> None:
        """Play the outbox: all is there."""
        await asyncio.gather(*futures)

    async def send(self, tp: TP, _epoch: int, letters: Sequence[Any]) -> None:
        """Play the letterbox."""
        self.letters[tp.partition] += [letter.offset for letter in letters]

    def route(self, *chunks: Chunk) -> None:
        """Route chunks that came together."""

        async def all_of_it() -> None:
            await self.router.route(chunks)
            await asyncio.gather(*self.router._waiting)

        asyncio.run(all_of_it())

    def parts(self) -> list[packs.Part]:
        """Return what the packs have, and hold each group against the partition in which it is at home."""
        found = list[packs.Part]()
        for message in self.sent:
            for part in packs.decode(message.value or b""):
                found.append(part)
                homes = {home_partition(event.group_id, HOMES) for _, event in part.entries}
                assert homes == {message.partition}
        return found


def events_of(parts: Sequence[packs.Part]) -> dict[tuple[int, int], int]:
    """Return by input partition and offset the number of the event."""
    return {
        (part.partition, offset): UUID(bytes=event.event_id).int for part in parts for offset, event in part.entries
    }


@pytest.mark.parametrize("in_batches", [(0, 0, 0), (1, 1, 1), (3, 1, 2), (0, 2, 1)])
def test_what_came_together_goes_together(in_batches: tuple[int, int, int]) -> None:
    """One pack for each home partition, however many input partitions; each event is known by its own place."""
    if any(in_batches) and native.columns is None:
        pytest.skip("no C here")
    routing = Routing()
    chunks = [
        chunk(p, first, [remittance(100 * p + n) for n in range(20)], in_batches[p])
        for p, first in ((0, 5), (1, 0), (2, 7))
    ]
    routing.route(*chunks)
    assert sorted(message.partition for message in routing.sent) == [*range(HOMES)]
    assert events_of(routing.parts()) == {
        (p, first + 2 * n): 100 * p + n for p, first in ((0, 5), (1, 0), (2, 7)) for n in range(20)
    }
    assert {(part.partition, part.stamp) for part in routing.parts()} == set(FRONTS.items())
    assert routing.finished == chunks
    assert [pack.offset for pack in routing.logged] == [*range(HOMES)]
    headers = {header for message in routing.sent for header in message.headers}
    assert headers == {("source_timestamp", b"1000")}  # the oldest of all


def test_a_pack_names_only_inputs_that_it_has_something_of() -> None:
    """A stamp of another would say nothing of what is in it."""
    routing = Routing()
    routing.route(chunk(0, 0, [remittance(1)]), chunk(1, 0, [remittance(1)]), chunk(2, 0, [remittance(2)]))
    assert sorted(part.partition for part in routing.parts()) == [0, 1, 2]
    assert all(part.entries for part in routing.parts())


def test_what_cannot_be_used_is_its_own_partitions() -> None:
    """Its letter names where it stood; the others are routed."""
    routing = Routing()
    routing.route(
        chunk(0, 5, [remittance(1), NO_JSON]), chunk(1, 0, [NO_JSON, remittance(2), NO_JSON]), chunk(2, 3, [NO_JSON])
    )
    assert routing.letters == {0: [7], 1: [0, 4], 2: [3]}
    assert events_of(routing.parts()) == {(0, 5): 1, (1, 2): 2}


def test_large_chunks_go_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is decoded in one go than others can wait for."""
    monkeypatch.setattr(router, "SLICE", 10)
    chunks = [chunk(p, 0, [remittance(100 * p + n) for n in range(count)]) for p, count in ((0, 25), (1, 4), (2, 1))]
    sizes = [[len(records) for _, records in slices] for slices in router._in_slices(chunks)]
    assert sizes == [[10], [10], [5, 4, 1]]
    routing = Routing()
    routing.route(*chunks)
    assert len(events_of(routing.parts())) == 30
    assert len(routing.sent) <= len(sizes) * HOMES


@pytest.mark.parametrize("in_batches", [0, 2])
def test_what_is_handed_to_the_fold_is_what_the_log_has(in_batches: int) -> None:
    """A worker's own packs are folded without being read back: it would know something else than the next."""
    if in_batches and native.columns is None:
        pytest.skip("no C here")
    routing = Routing()
    some = [remittance(n) for n in range(30)]
    large = [remittance(n, amount="999999999999999999.99") for n in range(30, 40)]
    other = [remittance(n, currency="KRW", amount=str(n)) for n in range(40, 50)]
    routing.route(chunk(0, 0, [*some, *large, *other, *(reversal(100 + n, n) for n in range(12))], in_batches))
    assert len(routing.logged) == HOMES
    assert not routing.letters
    for handed, message in zip(routing.logged, routing.sent, strict=True):
        read = packs.columns(message.value or b"")
        assert (handed.pack.topic, handed.pack.sources) == (read.topic, read.sources)
        for one, same in zip((handed.pack.offsets, *handed.pack.events), (read.offsets, *read.events), strict=True):
            assert np.array_equal(one, same) if isinstance(same, np.ndarray) else one == same
            assert getattr(one, "dtype", None) == getattr(same, "dtype", None)
