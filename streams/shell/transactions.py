"""The transactions of one teller: what it tells and the notes of it, all or nothing.

Not here: what is told and what is noted (`teller.py`), what a takeover makes of the notes (`recall.py`).
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

from streams.shell import cloudevents, connection
from streams.shell.outbox import Message, retire
from streams.shell.told import META_KEY, Reached
from streams.shell.topics import LARGEST_BYTES
from streams.shell.transacting import AHEAD_SECONDS, TransactionalProducer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from aiokafka import TopicPartition

    from streams.shell.told import Told
    from streams.shell.workplace import Workplace

TRANSACTION_SECONDS = 30.0  # after this Kafka aborts it, and aiokafka may wait for its end for ever


class Transactions:
    """Those of one home partition's teller, under the partition's transactional id."""

    def __init__(self, partition: int, place: Workplace) -> None:
        self._partition = partition
        self._place = place
        self._producer: TransactionalProducer | None = None
        self._offsets: dict[tuple[str, int], int] = {}  # of the newest batch that is there, by topic and partition
        self._alerts_went = -math.inf  # monotonic
        #: Partitions of the next transaction that has alerts; none where they go out seldom.
        self._likely: frozenset[tuple[str, int]] = frozenset()

    async def begin(self) -> TransactionalProducer:
        """Connect, and fence whoever has the id (InitProducerId)."""
        names = self._place.names
        self._offsets.clear()
        self._producer = TransactionalProducer(
            **connection.aiokafka(self._place.bootstrap_servers), client_id=f"{names.consumer_group}-teller",
            transactional_id=names.transactional_id(self._partition), acks="all", compression_type="lz4",
            linger_ms=0, max_batch_size=1 << 18,
            max_request_size=LARGEST_BYTES, transaction_timeout_ms=int(TRANSACTION_SECONDS * 1000),
        )  # fmt: skip
        await self._producer.start()
        return self._producer

    async def abort_open(self, partitions: Iterable[TopicPartition]) -> None:
        """Take back what Kafka left without an end in partitions: the next commit would commit it too.

        A transaction of no message, aborted, writes its mark into each; begun again, for only then is it there.
        """
        assert self._producer is not None
        async with asyncio.timeout(TRANSACTION_SECONDS):
            await self._producer.begin_transaction()
            manager = self._producer._txn_manager  # noqa: SLF001  aiokafka itself adds only partitions that it sends to
            for partition in partitions:
                manager.maybe_add_partition_to_txn(partition)
            await self._producer.abort_transaction()
        self.end()
        await self.begin()

    def end(self) -> None:
        """Let the connection go."""
        if self._producer is not None:
            retire(self._producer)
            self._producer = None

    async def commit(self, told: Told, messages: Sequence[Message], notes: Sequence[Message]) -> None:
        """Send messages, the notes of them, and how far `told` then reaches.

        KafkaError or TimeoutError where that fails: whether it was committed is not known then.
        """
        first: dict[tuple[str, int], Message] = {}  # of each partition
        for message in messages:
            first.setdefault((message.topic, message.partition), message)
        self._note_reached(told, first)
        meta = Message(self._place.names.told, self._partition, META_KEY, told.meta())
        async with asyncio.timeout(TRANSACTION_SECONDS):
            await self._transact([*messages, *notes, meta])
        self._begin_next(first.keys())

    def _note_reached(self, told: Told, first: Mapping[tuple[str, int], Message]) -> None:
        """Note where the outputs stood before some messages, and the first of those in each partition."""
        reached = told.reached
        assert reached is not None  # a takeover asks
        for place in first.keys() & reached.keys():
            offset = self._offsets.get(place, reached[place].offset)
            reached[place] = Reached(offset, cloudevents.id_of(first[place].headers))

    async def _transact(self, messages: Sequence[Message]) -> None:
        assert self._producer is not None
        self._offsets |= await self._producer.transact(messages)

    def _begin_next(self, places: Collection[tuple[str, int]]) -> None:
        """Begin the next transaction ahead, where alerts go out often: they wait for it, statuses may wait."""
        assert self._producer is not None
        names, now = self._place.names, time.monotonic()
        is_recent = now - self._alerts_went < AHEAD_SECONDS
        if any(topic == names.alerts for topic, _ in places):
            self._likely = frozenset({*places, (names.told, self._partition)}) if is_recent else frozenset()
            self._alerts_went = now
        if self._likely and is_recent:
            self._producer.begin_ahead(self._likely)
