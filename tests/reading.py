"""Reads topics from outside, as any subscriber would: kafka-python, committed records, to the ends that there are."""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer, TopicPartition

from streams.shell.topic_admin import admin_client


def partitions_of(bootstrap_servers: str, topic: str) -> list[TopicPartition]:
    """Return a topic's partitions; asked of the admin client, for a consumer's own question can wait for ever."""
    with admin_client(bootstrap_servers) as admin:
        found = admin.describe_topics([topic])[0]["partitions"]
    return [TopicPartition(topic, partition["partition_index"]) for partition in found]


def read_records(bootstrap_servers: str, topic: str) -> list[Any]:
    """Return every committed record of a topic."""
    tps = partitions_of(bootstrap_servers, topic)
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers, isolation_level="read_committed", auto_offset_reset="earliest",
        enable_auto_commit=False,
    )  # fmt: skip
    found: list[Any] = []
    try:
        consumer.assign(tps)
        ends = consumer.end_offsets(tps)
        while any(consumer.position(tp) < ends[tp] for tp in tps):
            found += [record for records in consumer.poll(500).values() for record in records]
    finally:
        consumer.close()
    return found
