"""Reads single records again by topic, partition and offset: the originals of conflicting duplicates."""

from __future__ import annotations

import asyncio
import logging

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.shell import connection
from streams.shell.header_names import read_leniently
from streams.shell.logs import located

log = logging.getLogger(__name__)

ANSWER_SECONDS = 30.0


async def read_originals(bootstrap_servers: str, places: list[tuple[str, int, int]]) -> list[ConsumerRecord]:
    """Return the records at (topic, partition, offset), in that order, less those that are there no longer."""
    consumer = AIOKafkaConsumer(
        **connection.aiokafka(bootstrap_servers),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    found = []
    async with connection.started(consumer):
        tps = list({TopicPartition(topic, partition) for topic, partition, _ in places})
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        for topic, partition, offset in places:
            tp = TopicPartition(topic, partition)
            if not begins[tp] <= offset < ends[tp]:  # to wait for it would be to wait for ever
                log.error("%s[%d]@%d is there no longer, so there is no dead letter of it",
                          topic, partition, offset, extra=located(tp, offset))  # fmt: skip
                continue
            consumer.assign([tp])
            consumer.seek(tp, offset)
            try:
                record = await asyncio.wait_for(consumer.getone(tp), ANSWER_SECONDS)
            except UnicodeDecodeError as error:
                read_leniently()
                raise KafkaError(f"{topic}[{partition}]@{offset}: a header name is not UTF-8; read again") from error
            if record.offset == offset:
                found.append(record)
    return found
