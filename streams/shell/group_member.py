"""The worker's client in Kafka's consumer group: who it is there, and what it fetches at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from streams.shell import connection

if TYPE_CHECKING:
    from collections.abc import Callable

METADATA_SECONDS = 30  # how soon partitions that are added are noticed


def member(conf: Any, bootstrap_servers: str, key_deserializer: Callable[[bytes], Any]) -> AIOKafkaConsumer:
    """Return a client by Faust's settings, not started yet."""
    return AIOKafkaConsumer(
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
