"""Dead letters of what the router can't use: one for each bad record, whatever breaks.

The letters of an input partition go out in order, in transactions that also move the partition's *mark*: the offset
before which every bad record has its letter. Marks are committed offsets of a consumer group without members, of its
own, so that no other commit can move them back. Whoever comes to a bad record for the first time, or after a failure,
fences who sent before (the partition's transactional id), reads the mark, and sends only what is not behind it.
A partition without bad records costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from streams.shell import connection
from streams.shell.outbox import Message, acknowledged, retire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faust.types.tuples import TP

    from streams.shell.metrics import Metrics
    from streams.shell.topics import Names

log = logging.getLogger(__name__)

TRANSACTION_SECONDS = 30.0
TRANSACTION_BYTES = 4 << 20
FENCED_SECONDS = 5.0


class Letter(NamedTuple):
    """What is said of a bad record, by its offset."""

    offset: int
    reason: str
    message: Message


class _Sender:
    """Who sends the letters of one input partition."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()  # first come, first served
        self.producer: AIOKafkaProducer | None = None
        self.mark = 0
        self.failed_epoch = -1


class Letterbox:
    """Sends dead letters, each once."""

    def __init__(self, bootstrap_servers: str, names: Names, metrics: Metrics) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._names = names
        self._metrics = metrics
        self._senders: dict[TP, _Sender] = {}

    async def send(self, tp: TP, epoch: int, letters: Sequence[Letter]) -> None:
        """Send the letters of one chunk, after those of the chunks before it; KafkaError where that fails.

        Call it in the order of the chunks. Where it failed for one, it fails for the later ones of its epoch too, for
        the mark may not pass what wasn't sent.
        """
        sender = self._senders.setdefault(tp, _Sender())
        async with sender.turn:
            if epoch <= sender.failed_epoch:
                raise KafkaError(f"{tp.topic}[{tp.partition}]: dead letters before these were not acknowledged")
            try:
                await self._send(sender, tp, letters)
            except BaseException as error:
                sender.failed_epoch = epoch
                if sender.producer is not None:
                    retire(sender.producer)
                    sender.producer = None
                if isinstance(error, ProducerFenced):  # another worker has the partition, or will find that it hasn't
                    await asyncio.sleep(FENCED_SECONDS)
                raise

    async def stop(self) -> None:
        """Disconnect."""
        for sender in self._senders.values():
            if sender.producer is not None:
                await sender.producer.stop()

    async def _send(self, sender: _Sender, tp: TP, letters: Sequence[Letter]) -> None:
        if sender.producer is None:
            sender.producer = AIOKafkaProducer(
                **connection.aiokafka(self._bootstrap_servers), client_id=f"{self._names.consumer_group}-letters",
                transactional_id=f"{self._names.letter_ids}{tp.topic}-{tp.partition}", acks="all",
                compression_type="lz4", linger_ms=0, max_batch_size=1 << 20,
                transaction_timeout_ms=int(TRANSACTION_SECONDS * 1000),
            )  # fmt: skip
            await sender.producer.start()
            sender.mark = await self._read_mark(tp)
        for part in _parts([letter for letter in letters if letter.offset >= sender.mark]):
            after = part[-1].offset + 1
            async with asyncio.timeout(TRANSACTION_SECONDS):
                await self._transact(sender.producer, tp, part, after)
            sender.mark = after
            for letter in part:
                self._metrics.dead_letters.labels(letter.reason).inc()

    async def _read_mark(self, tp: TP) -> int:
        consumer = AIOKafkaConsumer(
            **connection.aiokafka(self._bootstrap_servers),
            group_id=self._names.letters_group,
            enable_auto_commit=False,
        )
        async with connection.started(consumer):
            return await consumer.committed(TopicPartition(*tp)) or 0

    async def _transact(self, producer: AIOKafkaProducer, tp: TP, letters: Sequence[Letter], after: int) -> None:
        await producer.begin_transaction()
        futures = [
            await producer.send(m.topic, value=m.value, key=m.key, partition=m.partition, headers=list(m.headers))
            for _, _, m in letters
        ]
        await acknowledged(futures)
        await producer.send_offsets_to_transaction({TopicPartition(*tp): after}, self._names.letters_group)
        await producer.commit_transaction()


def _parts(letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    """Yield the letters by as many as go into one transaction."""
    first, size = 0, 0
    for at, (_, _, message) in enumerate(letters):
        size += len(message.value or b"") + 256
        if size > TRANSACTION_BYTES:
            yield letters[first : at + 1]
            first, size = at + 1, 0
    if first < len(letters):
        yield letters[first:]
