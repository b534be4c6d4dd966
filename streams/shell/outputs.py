"""The messages of the output topics as they are sent: to which partition, by which key, with which headers.

Not here: what they say (`streams.core`), when they are due and the transaction that they go out in (`teller.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from streams.shell import cloudevents
from streams.shell.outbox import Message
from streams.shell.topics import LARGEST_BYTES, home_partition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka import AIOKafkaProducer

    from streams.shell.workplace import Workplace

#: Returns a message's value as it is sent.
encode = msgspec.json.Encoder().encode


class Outputs:
    """Makes statuses and alerts into messages; all of a group are in one partition of a topic."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self.partitions: dict[str, int] = {}  # how many each topic has

    async def count_partitions(self, producer: AIOKafkaProducer) -> None:
        """Ask Kafka how many partitions each output topic has."""
        names = self._place.names
        for topic in (names.status, names.alerts, names.dead_letters):
            self.partitions[topic] = len(await producer.partitions_for(topic))

    def alert(self, alert: Mapping[str, Any]) -> Message:
        """Return the message of an alert; it carries on the trace of what caused it."""
        self._place.metrics.alerts.labels(alert["kind"]).inc()
        headers = cloudevents.headers("quota_alert", alert["alert_id"], alert["group_id"])
        trace = self._place.policy_log.traces.of(alert["causes"])
        headers += trace.headers() if trace else []
        names = self._place.names
        return self._message(names.alerts, alert["group_id"], alert["episode_id"], encode(alert), headers)

    def status(self, group_id: str, year: int, value: bytes | None, digest: str | None) -> Message:
        """Return the message of a status; of None, where there is no account any more, the tombstone."""
        key = f"{group_id}/{year}"
        headers = cloudevents.headers("quota_status", f"{key}/{digest}", key)
        return self._message(self._place.names.status, group_id, key, value, headers)

    def _message(
        self, topic: str, group_id: str, key: str, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> Message:
        if value is not None and len(value) > LARGEST_BYTES:
            raise ValueError(f"{topic}, {key}: {len(value)} bytes, more than a message may have")
        partition = home_partition(group_id, self.partitions[topic])
        return Message(topic, partition, key.encode(), value, headers)
