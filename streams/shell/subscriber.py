"""Reads topics as any subscriber would: committed messages, from their beginnings, without a consumer group.

Lives here: which partitions there are, where the end is, and when a Kafka that stands still is waited for no longer.
Not here: what the records mean, and how a worker reads (aiokafka: `transport.py`, `policy_log.py`, `told.py`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, TopicPartition

from streams.shell import connection
from streams.shell.topic_admin import admin_client, require_topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Progress = Callable[[int, int], None]  # (offsets read, of how many)
    Ends = dict[TopicPartition, int]

POLL_MS = 500
STUCK_AFTER_SECONDS = 20.0


class StandstillError(connection.UnreachableError):
    """Kafka answers no longer in the midst of reading; the text is one line that says what to do."""


def committed_reader(bootstrap_servers: str) -> KafkaConsumer:
    """Return a kafka-python consumer that has reached Kafka: committed messages, no group, nothing created.

    UnreachableError or RefusedError where Kafka can't be got to.
    """
    return connection.opened(
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


def at_the_start(bootstrap_servers: str, topics: Sequence[str]) -> KafkaConsumer:
    """Return such a consumer of every partition of some topics, at their beginnings.

    MissingTopicError where one is missing; UnreachableError or RefusedError where Kafka can't be got to.
    """
    # A consumer's own question for the partitions would wait for ever where nothing answers.
    with admin_client(bootstrap_servers) as admin:
        described = require_topics(admin, topics)
    consumer = committed_reader(bootstrap_servers)
    consumer.assign(
        [TopicPartition(topic["name"], one["partition_index"]) for topic in described for one in topic["partitions"]]
    )
    consumer.seek_to_beginning()
    return consumer


def to_the_end(consumer: KafkaConsumer, ends: Ends | None = None, progress: Progress | None = None) -> Iterator[Any]:
    """Yield every record from where the consumer stands up to the ends (none given: those of now), at least.

    StandstillError where Kafka answers no longer.
    """
    ends = consumer.end_offsets(list(consumer.assignment())) if ends is None else ends
    begins = {tp: consumer.position(tp) for tp in ends}
    total = sum(ends.values()) - sum(begins.values())
    left = {tp for tp in ends if begins[tp] < ends[tp]}
    patience = Patience()
    while left:
        yield from arrived(consumer)
        # Marks that end transactions take offsets too, so the position is the sign of the end, and no record is.
        done = sum(min(consumer.position(tp), ends[tp]) - begins[tp] for tp in ends)
        left = {tp for tp in left if consumer.position(tp) < ends[tp]}
        if progress is not None:
            progress(done, total)
        patience.seen(done)


def as_they_come(consumer: KafkaConsumer, go_on: Callable[[], bool] = lambda: True) -> Iterator[Any]:
    """Yield records for ever, or until `go_on` says no."""
    while go_on():
        yield from arrived(consumer)


def arrived(consumer: KafkaConsumer) -> Iterator[Any]:
    """Yield what has come since the last call; waits a moment where nothing has."""
    for records in consumer.poll(timeout_ms=POLL_MS).values():
        yield from records


class Patience:
    """Ends the wait for a Kafka that answers no longer."""

    def __init__(self) -> None:
        self._progress: object = None
        self._moved_at = time.monotonic()

    def seen(self, progress: object) -> None:
        """Take note of how far the reading is; StandstillError where that has stood still for too long."""
        if progress != self._progress:
            self._progress, self._moved_at = progress, time.monotonic()
        elif time.monotonic() - self._moved_at > STUCK_AFTER_SECONDS:
            raise StandstillError(
                "Kafka answers no longer while its topics are being read; try again once it is well"
            )
