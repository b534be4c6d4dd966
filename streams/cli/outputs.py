"""Reading the output topics: only what was committed, from the beginning or as it comes.

Not here: what the messages say (`watch.py`, `status.py`).
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.shell import subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kafka import KafkaConsumer


class Output(NamedTuple):
    """A message of an output topic; `body` is None for a tombstone."""

    key: str
    body: dict[str, Any] | None


@contextmanager
def consumer(address: str, topic: str) -> Iterator[KafkaConsumer]:
    """Yield a consumer of every partition of a topic, at its beginning; it belongs to no consumer group."""
    client = subscriber.at_the_start(address, [topic])
    try:
        yield client
    finally:
        client.close(autocommit=False)


def so_far(client: KafkaConsumer) -> Iterator[Output]:
    """Yield what is in the topic by now, each partition in its order."""
    return map(_output, subscriber.to_the_end(client))


def as_they_come(client: KafkaConsumer, go_on: Callable[[], bool] = lambda: True) -> Iterator[Output]:
    """Yield messages for ever, or until `go_on` says no."""
    return map(_output, subscriber.as_they_come(client, go_on))


def waiting(client: KafkaConsumer) -> Iterator[Output]:
    """Yield what has come since the last call; waits a moment where nothing has."""
    return map(_output, subscriber.arrived(client))


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


def _output(record: Any) -> Output:
    return Output(record.key.decode(), None if record.value is None else json.loads(record.value))
