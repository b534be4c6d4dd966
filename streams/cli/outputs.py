"""Reading the output topics: only what was committed, from the beginning or as it comes.

Not here: what the messages say (`watch.py`, `status.py`).
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from streams.cli.common import CliError, require_topics
from streams.shell import connection
from streams.shell.topic_admin import admin_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POLL_MS = 500
STUCK_AFTER_S = 20.0


class Output(NamedTuple):
    """A message of an output topic; `body` is None for a tombstone."""

    key: str
    body: dict[str, Any] | None


@contextmanager
def consumer(address: str, topic: str) -> Iterator[KafkaConsumer]:
    """Yield a consumer of every partition of a topic, at its beginning; it belongs to no consumer group."""
    with admin_client(address) as admin:
        require_topics(admin, [topic])
        partitions = admin.describe_topics([topic])[0]["partitions"]
    client = connection.opened(
        KafkaConsumer,
        address,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        allow_auto_create_topics=False,
        max_poll_records=5_000,
        metrics_enabled=False,
    )
    try:
        client.assign([TopicPartition(topic, partition["partition_index"]) for partition in partitions])
        client.seek_to_beginning()
        yield client
    finally:
        client.close(autocommit=False)


def so_far(client: KafkaConsumer) -> Iterator[Output]:
    """Yield what is in the topic by now, each partition in its order."""
    begins, ends = client.beginning_offsets(client.assignment()), client.end_offsets(client.assignment())
    left = {partition for partition, end in ends.items() if end > begins[partition]}
    moved_at, read = time.monotonic(), -1
    while left:
        yield from waiting(client)
        # The marks that end transactions take offsets too, so the last record is no sign of the end; the position is.
        positions = {partition: client.position(partition) for partition in ends}
        left = {partition for partition in left if positions[partition] < ends[partition]}
        if sum(positions.values()) != read:
            moved_at, read = time.monotonic(), sum(positions.values())
        elif time.monotonic() - moved_at > STUCK_AFTER_S:
            raise CliError("Kafka answers no longer while its topic is being read; try again once it is well")


def as_they_come(client: KafkaConsumer, go_on: Callable[[], bool] = lambda: True) -> Iterator[Output]:
    """Yield messages for ever, or until `go_on` says no."""
    while go_on():
        yield from waiting(client)


def newest_by_key(address: str, topic: str) -> dict[str, dict[str, Any]]:
    """Return the newest message of each key of a compacted topic, less those that were taken off."""
    newest: dict[str, dict[str, Any]] = {}
    with consumer(address, topic) as client:
        for output in so_far(client):
            if output.body is None:
                newest.pop(output.key, None)
            else:
                newest[output.key] = output.body
    return newest


def waiting(client: KafkaConsumer) -> Iterator[Output]:
    """Yield what has come since the last call; waits a moment where nothing has."""
    for records in client.poll(timeout_ms=POLL_MS).values():
        for record in records:
            yield Output(record.key.decode(), None if record.value is None else json.loads(record.value))
