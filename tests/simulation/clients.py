"""Clients of the simulated cluster in the place of aiokafka's: the same calls, slow, failing, with acks lost."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    CorruptRecordException,
    KafkaConnectionError,
    KafkaTimeoutError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
)

from streams.shell.group_member import REST_SECONDS
from streams.shell.outbox import Message
from tests.simulation.cluster import NAMES
from tests.simulation.loop import PROCESS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.cluster import Cluster, Record

WORLD: ContextVar[Any] = ContextVar("world")
AT_ONCE = 5  # records fetched at most: a chunk is small, so that there are many
BATCH_MESSAGES = 3  # so few, so that there are full ones


class Network:
    """How long an answer takes, and whether it comes; decided by the seed."""

    def __init__(self, dice: Any, failing: float, lost: float, slow: float, tearing: float) -> None:
        self._dice = dice
        self.failing, self.lost, self.slow, self.tearing = failing, lost, slow, tearing
        self.well = False  # once it is, nothing fails any more

    async def trip(self) -> None:
        """Wait for an answer; KafkaConnectionError where none will come because nothing was done."""
        await asyncio.sleep(self.latency())
        if self.fails():
            raise KafkaConnectionError("simulated: not reached")

    def latency(self) -> float:
        """Return the seconds that one trip takes."""
        if not self.well and self._dice.random() < self.slow:
            return self._dice.uniform(0.5, 8.0)
        return self._dice.uniform(0.001, 0.03)

    def fails(self) -> bool:
        """Return whether this one never arrives."""
        return not self.well and self._dice.random() < self.failing

    def loses_answer(self) -> bool:
        """Return whether this one arrives and its answer doesn't."""
        return not self.well and self._dice.random() < self.lost

    def tears(self, messages: list[Message]) -> tuple[str, int] | None:
        """Return the partition that has no leader just as a transaction ends, if there is one.

        There always is where dead letters are in it: of these a worker doesn't find out (docs/operations.md).
        """
        touched = sorted({(message.topic, message.partition) for message in messages})
        is_safe = self.well or any(topic == NAMES.dead_letters for topic, _ in touched)
        if is_safe or self._dice.random() >= self.tearing:
            return None
        return self._dice.choice(touched)  # type: ignore[no-any-return]


class _Batch(NamedTuple):
    messages: list[Message]

    def append(self, *, key: bytes | None, value: bytes | None, headers: Any, **_: Any) -> bool | None:
        """Take a message; None where it is full."""
        if len(self.messages) == BATCH_MESSAGES:
            return None
        self.messages.append(Message("", 0, key, value, tuple(headers)))
        return True


class Producer:
    """Stands in for AIOKafkaProducer; idempotent, or transactional under an id."""

    def __init__(self, *, transactional_id: str | None = None, **_: Any) -> None:
        world = WORLD.get()
        self._cluster: Cluster = world.cluster
        self._network: Network = world.network
        self._id = transactional_id
        self._epoch = 0
        self._broken: set[tuple[str, int]] = set()
        self._last: dict[tuple[str, int], asyncio.Task[Any]] = {}
        self._messages: list[Message] | None = None
        self._marks: dict[tuple[str, int], int] = {}
        self._txn_manager = SimpleNamespace(maybe_add_partition_to_txn=lambda _: None)
        self.process = PROCESS.get()

    async def start(self) -> None:
        """Connect; with an id, fence whoever has it."""
        await self._network.trip()
        if self._id is not None:
            self._epoch = self._cluster.init_producer(self._id)
            await self._network.trip()

    async def stop(self) -> None:
        """Disconnect; an open transaction is aborted."""
        await asyncio.sleep(self._network.latency())
        self._abort()

    def _abort(self) -> None:
        if self._messages:
            self._cluster.abort_transaction(self._messages)
        self._messages = None

    async def partitions_for(self, topic: str) -> set[int]:
        """Return a topic's partitions."""
        await asyncio.sleep(0)
        return set(range(self._cluster.sizes[topic]))

    async def send(self, topic: str, value=None, key=None, partition=0, headers=()) -> asyncio.Future[Any]:
        """Send; the future says when it is there. Within a partition in order, between partitions in any."""
        message = Message(topic, partition, key, value, tuple(headers))
        if self._messages is not None:
            future = asyncio.get_running_loop().create_future()
            self._messages.append(message)
            future.set_result(None)
            return future
        return self._sent([message])

    def create_batch(self) -> _Batch:
        """Return a batch to be filled."""
        return _Batch([])

    async def send_batch(self, batch: _Batch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        """Send what is in a batch; the future says when all of it is there."""
        await asyncio.sleep(0)
        return self._sent([message._replace(topic=topic, partition=partition) for message in batch.messages])

    def _sent(self, messages: list[Message]) -> asyncio.Task[Any]:
        tp = messages[0].topic, messages[0].partition
        task = self._last[tp] = asyncio.ensure_future(self._deliver(messages, self._last.get(tp)))
        return task

    async def _deliver(self, messages: list[Message], after: asyncio.Task[Any] | None) -> SimpleNamespace:
        latency = self._network.latency()
        if after is not None:
            await asyncio.wait([after])
        await asyncio.sleep(latency)
        tp = messages[0].topic, messages[0].partition
        if tp in self._broken:  # its sequence numbers have a gap for good
            raise OutOfOrderSequenceNumber("simulated")
        if self._network.fails():
            self._broken.add(tp)
            raise KafkaTimeoutError("simulated: never sent")
        offsets = [self._cluster.append(message, self.process) for message in messages]
        await asyncio.sleep(self._network.latency())
        if self._network.loses_answer():
            raise KafkaTimeoutError("simulated: the answer was lost")
        return SimpleNamespace(offset=offsets[0], timestamp_type=0)

    async def begin_transaction(self) -> None:
        """Begin."""
        self._messages, self._marks = [], {}

    async def abort_transaction(self) -> None:
        """Abort; nothing is left open here."""
        await self._network.trip()
        self._abort()

    async def send_offsets_to_transaction(self, offsets: dict[TopicPartition, int], group_id: str) -> None:
        """Have offsets committed with the transaction."""
        assert group_id == NAMES.letters_group
        await self._network.trip()
        self._marks.update({tuple(tp): at for tp, at in offsets.items()})

    async def commit_transaction(self) -> None:
        """Commit; the outcome may stay unknown. ProducerFenced where another has the id by now."""
        assert self._messages is not None
        assert self._id is not None
        await asyncio.sleep(self._network.latency())
        if self._cluster.epochs[self._id] != self._epoch:
            self._abort()
            raise ProducerFenced("simulated")
        if self._network.fails():
            raise KafkaTimeoutError("simulated: not committed")
        messages, self._messages = self._messages, None
        torn = None if self._marks else self._network.tears(messages)
        self._cluster.commit_transaction(messages, self.process, self._marks, torn)
        await asyncio.sleep(self._network.latency())
        if torn is not None or self._network.loses_answer():
            raise KafkaTimeoutError("simulated: committed, the answer was lost")


class TransactionalProducer(Producer):
    """Stands in for the teller's producer."""

    async def transact(self, messages: Sequence[Message]) -> dict[tuple[str, int], int]:
        """Send messages and commit; return the offset of the newest batch of each partition."""
        offsets = {(m.topic, m.partition): len(self._cluster.logs[m.topic, m.partition]) for m in messages}
        await self.begin_transaction()
        for message in messages:
            await self.send(message.topic, message.value, message.key, message.partition, message.headers)
        await self.commit_transaction()
        return offsets

    def begin_ahead(self, places: object) -> None:
        """Do nothing: a transaction of no messages changes nothing."""


class _Positions:
    active = True

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def state_value(self, tp: TopicPartition) -> SimpleNamespace:
        """Return what the fetcher knows of a partition."""
        return SimpleNamespace(_position=self._consumer.at.get(tp))


class Consumer:
    """Stands in for AIOKafkaConsumer, assigned by hand or by the group."""

    def __init__(self, group_id: str | None = None, **_: Any) -> None:
        world = WORLD.get()
        self._cluster: Cluster = world.cluster
        self._network: Network = world.network
        self._committed = world.cluster.marks if group_id == NAMES.letters_group else world.cluster.committed
        self.at: dict[TopicPartition, int] = {}
        self._resting: dict[TopicPartition, float] = {}
        self.generation = -1
        self._coordinator = self  # the chunk consumer looks into these
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=_Positions(self)))

    async def start(self) -> None:
        """Connect."""
        await self._network.trip()

    async def stop(self) -> None:
        """Disconnect."""
        await asyncio.sleep(0)

    def assign(self, tps: Any) -> None:
        """Take partitions by hand, or from the group."""
        self.at = dict.fromkeys([TopicPartition(*tp) for tp in tps], 0)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read on from an offset."""
        if tp in self.at:
            self.at[tp] = offset

    async def seek_to_beginning(self, *tps: TopicPartition) -> None:
        """Read from the beginning."""
        self.at.update(dict.fromkeys(tps, 0))

    async def position(self, tp: TopicPartition) -> int:
        """Return the next offset to read."""
        await asyncio.sleep(0)
        return self.at[tp]

    async def end_offsets(self, tps: Any) -> dict[TopicPartition, int]:
        """Return the ends."""
        await self._network.trip()
        return {tp: len(self._cluster.logs[tuple(tp)]) for tp in tps}

    def highwater(self, tp: TopicPartition) -> int:
        """Return the end, as the last fetch told it."""
        return len(self._cluster.logs[tuple(tp)])

    async def beginning_offsets(self, tps: Any) -> dict[TopicPartition, int]:
        """Return the beginnings."""
        await self._network.trip()
        return dict.fromkeys(tps, 0)

    async def getmany(
        self,
        *tps: TopicPartition,
        timeout_ms: int = 0,
        max_records: int | None = None,  # noqa: ARG002
    ) -> dict[TopicPartition, list[Record]]:
        """Return what is there, or nothing after the timeout."""
        await self._network.trip()
        found = {}
        for tp in tps:
            if tp in self.at and self._resting.get(tp, 0.0) <= asyncio.get_running_loop().time():
                records, self.at[tp] = self._cluster.read(tuple(tp), self.at[tp], AT_ONCE)
                if records:
                    found[tp] = records
        if found and self._network.fails():  # what was taken from one partition is lost with another's error
            raise CorruptRecordException("simulated")
        if not found:
            await asyncio.sleep(timeout_ms / 1000)
        return found

    async def getone(self, tp: TopicPartition) -> Record:
        """Return one record."""
        while True:
            for records in (await self.getmany(tp, timeout_ms=100)).values():
                return records[0]

    # --- as a member of the group ---

    def rest(self, tp: TopicPartition) -> None:
        """Leave a partition unread for a moment."""
        self._resting[tp] = asyncio.get_running_loop().time() + REST_SECONDS

    def assignment(self) -> list[TopicPartition]:
        """Return what the group gave."""
        return list(self.at)

    async def committed(self, tp: TopicPartition) -> int | None:
        """Return the group's committed offset."""
        await self._network.trip()
        return self._committed.get(tuple(tp))

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit; CommitFailedError from whoever is no member any more."""
        await asyncio.sleep(self._network.latency())
        if self.generation != self._cluster.generation:
            raise CommitFailedError("simulated: not a member of this generation")
        if self._network.fails():
            raise KafkaConnectionError("simulated: not reached")
        self._cluster.commit_offsets({tuple(tp): at for tp, at in offsets.items()})
        if self._network.loses_answer():
            raise KafkaTimeoutError("simulated: the answer was lost")
