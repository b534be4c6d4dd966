"""Reads everything known of all groups out of the internal logs, for questions asked once or again and again.

The logs hold each event in the order that settles which of two with one id stands, so folding them from their
beginnings gives what a worker knows, without a worker. Nothing is written, and there is no consumer group.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, TopicPartition

from schemas.currencies import MINOR_DIGITS
from streams.core.book import Book
from streams.core.events import Policy
from streams.core.ledger import GroupLedger
from streams.questions.knowledge import Knowledge
from streams.shell import codec, connection, packs
from streams.shell.topic_admin import require_seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.shell.topics import Names

    Progress = Callable[[int, int], None]  # (records read, of how many)

POLL_MS = 500
STUCK_AFTER_S = 20.0


class KnowledgeError(Exception):
    """The logs cannot be read; the text is one line that says what to do."""


def read_knowledge(bootstrap_servers: str, names: Names, progress: Progress | None = None) -> Knowledge:
    """Return what the internal logs hold as of the call; `progress` is told (records read, of how many)."""
    reader = KnowledgeReader(bootstrap_servers, names)
    try:
        return reader.read_on(progress)
    finally:
        reader.close()


class KnowledgeReader:
    """Stays at the logs' ends, so that asking again reads only what came since. For one thread at a time."""

    def __init__(self, bootstrap_servers: str, names: Names) -> None:
        """UnreachableError or RefusedError where Kafka can't be got to, KnowledgeError where there are no logs."""
        self._consumer = connection.opened(
            KafkaConsumer,
            bootstrap_servers,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_partition_fetch_bytes=8 << 20,
            max_poll_records=5_000,
            metrics_enabled=False,
        )
        self._policies_topic = names.policies
        try:
            self._partitions = [
                tp
                for topic in (names.policies, names.home)
                for tp in _partitions(self._consumer, bootstrap_servers, topic)
            ]
        except BaseException:
            self.close()
            raise
        self._consumer.assign(self._partitions)
        self._from_the_start()

    def _from_the_start(self) -> None:
        self._folding = _Folding()
        self._consumer.seek_to_beginning()

    def close(self) -> None:
        """Close the client."""
        self._consumer.close(autocommit=False)

    def read_on(self, progress: Progress | None = None) -> Knowledge:
        """Return what the logs hold as of the call, at least; what an earlier call returned grows along."""
        ends = self._consumer.end_offsets(self._partitions)
        if any(self._consumer.position(tp) > ends[tp] for tp in self._partitions):
            self._from_the_start()  # the logs were made anew
        for record in _until(self._consumer, ends, progress):
            if record.topic == self._policies_topic:
                self._folding.policy(record)
            else:
                self._folding.pack(record)
        return Knowledge(self._folding.book, self._folding.ledgers)


class _Folding:
    """What the records read so far add up to."""

    def __init__(self) -> None:
        self.book = Book(MINOR_DIGITS)
        self.ledgers: dict[str, GroupLedger] = {}

    def policy(self, record: Any) -> None:
        """Add a record of the policies log; a stamp has no value."""
        if record.value is None:
            return
        try:
            policy = codec.decode("policy-changes", record.value)
        except codec.BadRecord as bad:  # a router of another version let it in
            if bad.reason in {"unknown_version", "unknown_type"}:
                raise KnowledgeError(
                    f"the policy at offset {record.offset} of the log is of a later version ({bad.detail}): passing "
                    "over it would answer wrongly; install the version that wrote it"
                ) from None
            return  # this program's workers pass over it too
        assert isinstance(policy, Policy)
        self.book.add(policy)

    def pack(self, record: Any) -> None:
        """Add a record of the home log."""
        for _, event in packs.decode(record.value).entries:
            ledger = self.ledgers.get(event.group_id)
            if ledger is None:
                ledger = self.ledgers[event.group_id] = GroupLedger()
            ledger.add(event)


def _partitions(consumer: KafkaConsumer, bootstrap_servers: str, topic: str) -> list[TopicPartition]:
    found = consumer.partitions_for_topic(topic)
    if not found:
        require_seen(bootstrap_servers, topic)
        raise KnowledgeError(f"no topic {topic}: `quotastream topics create` and then a worker would fill it")
    return [TopicPartition(topic, partition) for partition in sorted(found)]


def _until(consumer: KafkaConsumer, ends: dict[TopicPartition, int], progress: Progress | None) -> Iterator[Any]:
    """Yield every record from where the consumer stands up to the ends at least."""
    begins = {tp: consumer.position(tp) for tp in ends}
    total = sum(ends.values()) - sum(begins.values())
    moved_at, read = time.monotonic(), -1
    left = {tp for tp in ends if ends[tp] > begins[tp]}
    while left:
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            yield from records
        # Marks that end transactions take offsets too, so the position is the sign of the end and no record is.
        done = sum(min(consumer.position(tp), ends[tp]) - begins[tp] for tp in ends)
        left = {tp for tp in left if consumer.position(tp) < ends[tp]}
        if progress is not None:
            progress(done, total)
        if done != read:
            moved_at, read = time.monotonic(), done
        elif time.monotonic() - moved_at > STUCK_AFTER_S:
            raise KnowledgeError("Kafka answers no longer while its logs are being read; try again once it is well")
