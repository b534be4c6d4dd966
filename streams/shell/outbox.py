"""The worker's way to Kafka for what needs no transaction: packs, policies, dead letters.

One idempotent producer, acks from all in-sync replicas. A chunk's messages are either all acknowledged or the chunk
is not finished: there is no send whose outcome nobody looks at. After a failure the producer is made anew, for an
idempotent producer that lost a batch can't go on with its sequence numbers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.shell import connection

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence

    from aiokafka.producer.producer import BatchBuilder

#: What aiokafka raises where a broker is away or says that it knows no brokers; its own asserts are among it.
CLIENT_ERRORS = (KafkaError, OSError, TimeoutError, AssertionError)

LOG_APPEND_TIME = 1  # the kind of timestamp that a broker gives

log = logging.getLogger(__name__)

Headers = Sequence[tuple[str, bytes]]


class Message(NamedTuple):
    """A message to send to a named partition."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class BrokerTime(NamedTuple):
    """What a broker's clock showed, in seconds since 1970, and the monotonic time of it."""

    seconds: float
    monotonic: float

    def now(self, monotonic: float) -> float:
        """Return what it shows at another monotonic time."""
        return self.seconds + monotonic - self.monotonic


class Outbox:
    """Sends messages and says when all of them are acknowledged."""

    #: As of the newest acknowledgement that told it; None before one.
    broker_time: BrokerTime | None = None

    def __init__(self, bootstrap_servers: str, client_id: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._renewing = asyncio.Lock()

    async def start(self) -> None:
        """Connect."""
        self._producer = await self._connect()

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **connection.aiokafka(self._bootstrap_servers),
            client_id=self._client_id,
            enable_idempotence=True,
            acks="all",
            compression_type="lz4",
            linger_ms=0,  # packs are batches already
            max_batch_size=1 << 20,
            max_request_size=8 << 20,
            request_timeout_ms=40_000,
        )
        return await connection.start(producer)

    async def stop(self) -> None:
        """Send what is buffered and disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has."""
        assert self._producer is not None
        return len(await self._producer.partitions_for(topic))

    async def enqueue(self, messages: Sequence[Message]) -> list[asyncio.Future[Any]]:
        """Hand the messages over, in order, waiting while buffers are full; a future each says when it is there."""
        assert self._producer is not None
        return [
            await self._producer.send(
                m.topic, value=m.value, key=m.key, partition=m.partition, headers=list(m.headers)
            )
            for m in messages
        ]

    async def enqueue_many(self, messages: Sequence[Message]) -> list[asyncio.Future[Any]]:
        """Hand over many messages for one partition, in order; a future a batch, for one a message takes long."""
        assert self._producer is not None
        batches: list[BatchBuilder] = []
        for message in messages:
            put(batches, message, self._producer.create_batch)
        topic, partition = messages[0].topic, messages[0].partition
        return [await self._producer.send_batch(batch, topic, partition=partition) for batch in batches]

    async def send(self, messages: Sequence[Message]) -> list[Any]:
        """Send the messages, wait until all are acknowledged, return where each is; KafkaError where one is not."""
        futures = await self.enqueue(messages)
        await self.acknowledged(futures)
        return [future.result() for future in futures]

    async def acknowledged(self, futures: Sequence[asyncio.Future[Any]]) -> None:
        """Wait for what `enqueue` returned; KafkaError where one is not acknowledged."""
        await acknowledged(futures)
        said = [told for future in futures if (told := future.result()) and told.timestamp_type == LOG_APPEND_TIME]
        if said:
            self.broker_time = BrokerTime(max(told.timestamp for told in said) / 1000, time.monotonic())

    async def renew(self) -> None:
        """Replace the producer after a failed send."""
        if self._renewing.locked():
            async with self._renewing:
                return
        async with self._renewing:
            old = self._producer
            while True:
                try:
                    self._producer = await self._connect()
                    break
                except CLIENT_ERRORS as error:
                    log.warning("no new producer yet, trying again: %r", error)
                    await asyncio.sleep(1.0)
            if old is not None:
                retire(old)


def put(batches: MutableSequence[BatchBuilder], message: Message, create: Callable[[], BatchBuilder]) -> None:
    """Add a message to the last of some batches, or to a new one where that is full."""
    if not batches or not _fits(batches[-1], message):
        batches.append(create())
        _fits(batches[-1], message)  # the first of a batch always does


def _fits(batch: BatchBuilder, message: Message) -> bool:
    """Add a message to a batch; False where it is full."""
    added = batch.append(timestamp=None, key=message.key, value=message.value, headers=list(message.headers))
    return added is not None


async def acknowledged(futures: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for every future; raise the first failure, after all of them are done."""
    failures = list[Exception]()
    for future in futures:  # gathered, they would be known to be done a turn of the loop later
        try:
            await future
        except Exception as error:  # noqa: BLE001  raised below
            failures.append(error)
    if failures:
        raise failures[0]


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it has ended.

    Once isn't enough: `asyncio.wait_for` (before Python 3.12), which aiokafka and others use, swallows a cancellation
    that comes just when what it waits for is done. Whoever awaits the task then waits for ever.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.5)


_retiring: set[asyncio.Task[None]] = set()


def retire(producer: AIOKafkaProducer) -> None:
    """Close a producer that failed without waiting for it: it may still be trying to reach a broker that is away."""

    async def close() -> None:
        try:
            await asyncio.wait_for(producer.stop(), 10.0)
        except CLIENT_ERRORS as error:
            log.debug("a failed producer closed with %r", error)

    task = asyncio.ensure_future(close())
    _retiring.add(task)
    task.add_done_callback(_retiring.discard)
