"""The worker's client in Kafka's consumer group: who it is there, and what it fetches, and when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError

from streams.shell import connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiokafka import TopicPartition

METADATA_SECONDS = 30  # how soon partitions that are added are noticed
REST_SECONDS = 0.05  # how long a partition is left unread that held nothing new


class Member(AIOKafkaConsumer):  # type: ignore[misc]
    """aiokafka's consumer, which leaves partitions unread for a moment, and asks a broker only so often."""

    #: How long after a broker's answer it is asked again: each answer has its price, whatever is in it.
    held_seconds: float = 0.0

    async def start(self) -> None:
        """Connect."""
        await super().start()
        fetch = self._fetcher._proc_fetch_request  # noqa: SLF001
        self._fetcher._proc_fetch_request = lambda *what: self._fetch(fetch, *what)  # noqa: SLF001

    async def _fetch(
        self, fetch: Callable[[Any, int, Any], Awaitable[bool]], assignment: Any, node: int, request: Any
    ) -> bool:
        if self.held_seconds:
            try:
                await asyncio.sleep(self.held_seconds)
            except asyncio.CancelledError:
                return False  # as aiokafka's own, which is awaited after that
        if self.paused():  # those are not in this request, and wait for the next
            request._max_wait_ms = round(1000 * REST_SECONDS)  # noqa: SLF001
        return await fetch(assignment, node, request)

    def rest(self, tp: TopicPartition) -> None:
        """Leave a partition unread for a moment; what was fetched of it already is fetched again.

        Left in aiokafka's buffer it would keep all others of its broker from being fetched.
        """
        self.pause(tp)
        asyncio.get_running_loop().call_later(REST_SECONDS, self._wake, tp)

    def _wake(self, tp: TopicPartition) -> None:
        try:
            self.resume(tp)
        except IllegalStateError:
            return  # it is another worker's by now


def member(conf: Any, bootstrap_servers: str, key_deserializer: Callable[[bytes], Any]) -> Member:
    """Return a client by Faust's settings, not started yet."""
    return Member(
        client_id=conf.broker_client_id,
        group_id=conf.id,
        group_instance_id=conf.consumer_group_instance_id,
        **connection.aiokafka(bootstrap_servers),
        partition_assignment_strategy=[RoundRobinPartitionAssignor],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",  # what a producer aborted was never acknowledged
        max_partition_fetch_bytes=conf.consumer_max_fetch_size,
        fetch_max_bytes=8 * conf.consumer_max_fetch_size,
        fetch_max_wait_ms=500,
        max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
        session_timeout_ms=int(conf.broker_session_timeout * 1000),
        heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
        rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
        request_timeout_ms=int(conf.broker_request_timeout * 1000),
        metadata_max_age_ms=METADATA_SECONDS * 1000,
        check_crcs=conf.broker_check_crcs,
        key_deserializer=key_deserializer,
    )
