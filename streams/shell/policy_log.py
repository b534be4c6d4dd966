"""Every worker's reader of the policies log: one partition, read whole, so that each policy reaches every group.

The log's order settles which of two policies with one id stands, once for all workers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.currencies import MINOR_DIGITS
from streams.core.book import Book
from streams.core.events import Added, Policy
from streams.shell import codec, connection
from streams.shell.census import PolicyCensus
from streams.shell.lean_records import Lean
from streams.shell.ledger import Conflict
from streams.shell.logs import located
from streams.shell.outbox import CLIENT_ERRORS
from streams.shell.router import STAMP_KEY, arrived_ms, source_of
from streams.shell.traces import Traces
from streams.shell.versions import DamagedStateError, NewerStateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.shell.topics import Names

log = logging.getLogger(__name__)

TURN_SECONDS = 0.001  # of reading, then others have theirs: a worker that starts joins and folds meanwhile


class PolicyLog:
    """The policies known to this worker, and how far it has read."""

    def __init__(
        self, bootstrap_servers: str, names: Names, on_policies: Callable[[list[Policy], float | None], None]
    ) -> None:
        self.book = Book(MINOR_DIGITS)
        self.census = PolicyCensus(self.book)
        #: The log's next offset to read.
        self.position = 0
        #: For each partition of policy-changes the offset up to which the log holds what it said.
        self.stamps: dict[tuple[str, int], int] = {}
        #: The traces of the newest inputs that had one; the folder adds those of events.
        self.traces = Traces()
        #: Places of policies that say something else than an earlier one with their id.
        self.conflicts: set[Conflict] = set()
        self._bootstrap_servers = bootstrap_servers
        self._tp = TopicPartition(names.policies, 0)
        self._on_policies = on_policies
        self._moved = asyncio.Condition()
        self._end = 0

    def lag_records(self) -> int:
        """Return how many records of the log are not read yet, as of the last fetch."""
        return max(0, self._end - self.position)

    async def run(self) -> None:
        """Read for ever; a broker that is away is waited for."""
        consumer = AIOKafkaConsumer(
            **connection.aiokafka(self._bootstrap_servers), group_id=None, enable_auto_commit=False,
            auto_offset_reset="earliest", max_partition_fetch_bytes=8 << 20, fetch_max_wait_ms=500,
            key_deserializer=Lean(),
        )  # fmt: skip
        async with connection.started(consumer):
            consumer.assign([self._tp])
            consumer.seek(self._tp, self.position)
            while True:
                await self._read(consumer)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        try:
            fetched = await consumer.getmany(self._tp, timeout_ms=1000, max_records=500)
        except CLIENT_ERRORS as error:
            log.warning(
                "reading the policies failed, trying again: %r",
                error,
                extra=located(self._tp, self.position),
            )
            await asyncio.sleep(1.0)
            consumer.seek(self._tp, self.position)  # aiokafka may have moved on over what it didn't hand out
            return
        records = fetched.get(self._tp, ())
        self._end = consumer.highwater(self._tp) or self.position
        news, since = list[Policy](), time.monotonic()
        for record in records:
            policy = self._take(record)
            if policy is not None:
                news.append(policy)
            if time.monotonic() > since + TURN_SECONDS:
                await asyncio.sleep(0)
                since = time.monotonic()
        if news:
            arrived = (ms / 1000 for record in records if (ms := arrived_ms(record)) > 0)
            self._on_policies(news, min(arrived, default=None))
        async with self._moved:
            self._moved.notify_all()

    def _take(self, record: Any) -> Policy | None:
        """Take a record in; return the policy that it is the first to say."""
        try:
            partition, offset = source_of(record)
        except (LookupError, TypeError, ValueError):
            raise DamagedStateError(f"the policies log at offset {record.offset} has no source") from None
        place, news = Conflict("policy-changes", partition, offset), None
        if record.key == STAMP_KEY:
            source = place.topic, place.partition
            self.stamps[source] = max(self.stamps.get(source, 0), offset)
        else:
            news = self._add(record, place)
        self.position = record.offset + 1
        return news

    def _add(self, record: Any, place: Conflict) -> Policy | None:
        try:
            policy = codec.decode("policy-changes", record.value)
        except codec.BadRecord as bad:  # a router of another version let it in
            if bad.reason in {"unknown_version", "unknown_type"}:
                raise NewerStateError(f"the policies log at offset {record.offset}: {bad.detail}") from None
            log.error("policies log at offset %d: %s (%s)", record.offset, bad.reason, bad.detail,
                      extra=located(self._tp, record.offset))  # fmt: skip
            return None
        assert isinstance(policy, Policy)
        self.traces.take_policy(policy.policy_id, record.headers)
        added = self.book.add(policy)
        if added is Added.CONFLICT:
            self.conflicts.add(place)
        if added is not Added.NEW:
            return None
        self.census.add(policy, arrived_ms(record) or record.timestamp)
        return policy

    async def reached(self, offset: int) -> None:
        """Wait until everything before an offset of the log has been read."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.position >= offset)
