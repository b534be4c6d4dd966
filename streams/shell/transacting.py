"""A producer that takes a whole transaction at once, for its latency: three requests, one after the other.

aiokafka's own sender hands a transaction on between routines for some thirty turns of the loop, and each turn may
have a chunk to decode or to fold in it; an alert waits for all of them. Here one routine asks for what the protocol
wants: the partitions are added, the batches produced, the end written. Who has the id, sequence numbers and where the
brokers are stay aiokafka's. What may be tried again is, under the same sequence numbers, until the caller gives up.
After any other failure, or where the caller gave up, a new producer takes over, for the outcome isn't known.

While alerts go out often the next transaction is begun ahead: its partitions are added before there is anything for
them, so that what comes then waits for two requests. Nobody notices, for a transaction of no batches holds no reader
up. Where nothing comes it is aborted, long before Kafka would do so.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import ConnectionGroup, CoordinationType
from aiokafka.errors import (
    ConcurrentTransactions,
    DuplicateSequenceNumber,
    GroupLoadInProgressError,
    InvalidProducerEpoch,
    KafkaError,
    NoError,
    OperationNotAttempted,
    ProducerFenced,
    for_code,
)
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import AddPartitionsToTxnRequest, EndTxnRequest

from streams.shell.outbox import ended, put
from streams.shell.pace import MESSAGES_A_TURN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from aiokafka.producer.producer import BatchBuilder

    from streams.shell.outbox import Message

    Places = AbstractSet[tuple[str, int]]  # topics and partitions

PAUSE_SECONDS: Final = 0.1  # before something is tried again
ENDING_PAUSE_SECONDS: Final = 0.005  # the same, where the transaction before is being ended
AHEAD_SECONDS: Final = 5.0  # how long a transaction that was begun ahead waits for what goes into it
_PRODUCER_FENCED: Final = 90  # what newer brokers answer with; aiokafka knows the older code alone

log = logging.getLogger(__name__)


class TransactionalProducer(AIOKafkaProducer):  # type: ignore[misc]
    """aiokafka's producer under a transactional id, with its transactions one at a time and each whole."""

    _ahead: asyncio.Task[None] | None = None  # begins the next transaction, and aborts it where nothing comes
    _added: Places = frozenset()  # the partitions with which it was begun
    _is_resting = False  # whether that waits for nothing but time to pass
    _is_wanted = False  # whether a transaction waits for it

    async def transact(self, messages: Sequence[Message]) -> dict[tuple[str, int], int]:
        """Send messages, in order within each partition, and commit.

        Returns the offset of the newest batch of each (topic, partition). KafkaError where that fails: whether it was
        committed is not known then.
        """
        left = {(message.topic, message.partition) for message in messages} - self._use_begun()
        beginning = asyncio.ensure_future(self._begin(left)) if left else None
        try:
            waiting = await self._batches(messages)
        except BaseException:
            if beginning is not None:
                beginning.cancel()
            raise
        if beginning is not None:
            await beginning
        offsets: dict[tuple[str, int], int] = {}
        while waiting:  # a request has one batch of a partition
            offsets |= await self._produce({place: batches.popleft() for place, batches in waiting.items()})
            waiting = {place: batches for place, batches in waiting.items() if batches}
        await self._end(committed=True)
        return offsets

    def begin_ahead(self, places: Places) -> None:
        """Begin the next transaction, with some partitions in it, while there is nothing for it yet."""
        self._is_wanted, self._is_resting = False, True
        self._ahead = asyncio.create_task(self._begun_ahead(places))

    async def stop(self) -> None:
        """Disconnect. What was begun ahead is left to Kafka, as whoever has the id next would have it aborted."""
        if self._ahead is not None:
            await ended(self._ahead)
            if not self._ahead.cancelled():
                self._ahead.exception()  # what comes next would have raised it, and nothing does
        await super().stop()

    async def _begun_ahead(self, places: Places) -> None:
        await asyncio.sleep(ENDING_PAUSE_SECONDS)  # until then Kafka is ending the one before
        self._is_resting = False
        await self._add(places)
        self._added = places
        if self._is_wanted:
            return
        self._is_resting = True
        await asyncio.sleep(AHEAD_SECONDS)
        self._is_resting, self._added = False, frozenset()
        await self._end(committed=False)

    def _use_begun(self) -> Places:
        """Go on with what was begun ahead, and return its partitions; none where an answer of Kafka's is due."""
        if self._ahead is None:
            return frozenset()
        if not self._is_resting:
            self._is_wanted = True  # said at once: the answer may come before it is waited for
            return frozenset()
        self._ahead.cancel()
        added, self._ahead, self._added = self._added, None, frozenset()
        return added

    async def _begin(self, places: Places) -> None:
        """Have partitions added, those that are being added ahead just now aside."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            await ahead
            places, self._added = places - self._added, frozenset()
        if places:
            await self._add(places)

    async def _batches(self, messages: Iterable[Message]) -> dict[tuple[str, int], deque[BatchBuilder]]:
        batches: defaultdict[tuple[str, int], deque[BatchBuilder]] = defaultdict(deque)
        for number, message in enumerate(messages, start=1):
            put(batches[message.topic, message.partition], message, self.create_batch)
            if number % MESSAGES_A_TURN == 0:
                await asyncio.sleep(0)
        return dict(batches)

    # --- the three requests ---

    async def _add(self, places: Places) -> None:
        """Have partitions added to the transaction."""
        known = self._txn_manager
        topics = defaultdict[str, list[int]](list)
        for topic, partition in places:
            await self.client._wait_on_metadata(topic)  # noqa: SLF001
            topics[topic].append(partition)
        request = AddPartitionsToTxnRequest(
            known.transactional_id, known.producer_id, known.producer_epoch, list(topics.items())
        )

        def codes(answer: Any) -> list[int]:
            return [code for _, partitions in answer.errors for _, code in partitions]

        await self._ask_coordinator(request, codes)

    async def _end(self, *, committed: bool) -> None:
        """Commit, or abort."""
        known = self._txn_manager
        request = EndTxnRequest(known.transactional_id, known.producer_id, known.producer_epoch, committed)
        await self._ask_coordinator(request, lambda answer: [answer.error_code])

    async def _ask_coordinator(self, request: Any, codes: Callable[[Any], list[int]]) -> None:
        """Ask the transaction's coordinator until it says yes; KafkaError where it says no."""
        sender, id_ = self._sender, self._txn_manager.transactional_id
        while True:
            try:
                node = await sender._find_coordinator(CoordinationType.TRANSACTION, id_)  # noqa: SLF001
                answer = await self.client.send(node, request, group=ConnectionGroup.COORDINATION)
                error = _worst(codes(answer))
            except KafkaError as raised:
                error = raised
            if error is None:
                return
            if isinstance(error, ConcurrentTransactions):
                await asyncio.sleep(ENDING_PAUSE_SECONDS)
                continue
            if not error.retriable:
                raise error
            log.info("a transaction's coordinator: %r; asking again", error)
            if not isinstance(error, GroupLoadInProgressError):
                sender._coordinator_dead(CoordinationType.TRANSACTION)  # noqa: SLF001
            await asyncio.sleep(PAUSE_SECONDS)

    async def _produce(self, batches: Mapping[tuple[str, int], BatchBuilder]) -> dict[tuple[str, int], int]:
        """Have a batch in each of some partitions; return their offsets."""
        known, left = self._txn_manager, dict[tuple[str, int], bytes]()
        for place, batch in batches.items():
            tp = TopicPartition(*place)
            batch._set_producer_state(known.producer_id, known.producer_epoch, known.sequence_number(tp))  # noqa: SLF001
            known.increment_sequence_number(tp, batch.record_count())
            left[place] = batch._build()  # noqa: SLF001
        offsets: dict[tuple[str, int], int] = {}
        while True:
            by_leader = defaultdict[int, dict[tuple[str, int], bytes]](dict)
            for place, data in left.items():
                by_leader[self.client.cluster.leader_for_partition(TopicPartition(*place))][place] = data
            asked = [self._produce_at(node, mine) for node, mine in by_leader.items()]
            for found in [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked):
                offsets |= found
            left = {place: data for place, data in left.items() if place not in offsets}
            if not left:
                return offsets
            await asyncio.sleep(PAUSE_SECONDS)
            await self.client.force_metadata_update()

    async def _produce_at(
        self, node: int | None, batches: Mapping[tuple[str, int], bytes]
    ) -> dict[tuple[str, int], int]:
        """Have batches at their leader; return the offsets of those that are there. Others may be tried again."""
        if node is None or node == -1:
            return {}
        topics = defaultdict[str, list[tuple[int, bytes]]](list)
        for (topic, partition), data in batches.items():
            topics[topic].append((partition, data))
        request = ProduceRequest(
            self._txn_manager.transactional_id, -1, self._request_timeout_ms, list(topics.items())
        )
        try:
            answer = await self.client.send(node, request)
        except KafkaError as error:
            if not error.retriable:
                raise
            log.info("broker %d: %r; producing again", node, error)
            return {}
        offsets: dict[tuple[str, int], int] = {}
        for topic, partitions in answer.topics:
            for partition, code, offset, *_ in partitions:
                said = _worst([code])
                if said is None or isinstance(said, DuplicateSequenceNumber):
                    offsets[topic, partition] = offset
                elif not said.retriable:
                    raise said
        return offsets


def _worst(codes: Sequence[int]) -> KafkaError | None:
    """Return the error that stands for some codes: one that nothing helps against before one that may pass."""
    errors = [error() for error in map(for_code, codes) if error is not NoError]
    if any(isinstance(error, InvalidProducerEpoch) for error in errors) or _PRODUCER_FENCED in codes:
        return ProducerFenced()
    telling = [error for error in errors if not isinstance(error, OperationNotAttempted)]
    lasting = [error for error in telling if not (error.retriable or isinstance(error, ConcurrentTransactions))]
    return next(iter([*lasting, *telling, *errors]), None)
