"""Sends many messages at once: for each partition in batches made here, which spares a task and a future for each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiokafka import AIOKafkaProducer

    from streams.shell.outbox import Message

BREATH = 500  # messages, after which others get their turn


async def enqueue(producer: AIOKafkaProducer, messages: Iterable[Message]) -> list[asyncio.Future[Any]]:
    """Hand messages over, in order within each partition; return a future for each batch.

    A producer takes a batch of a partition once the one before is on its way.
    """
    batches: dict[tuple[str, int], Any] = {}
    futures: list[asyncio.Future[Any]] = []
    for number, message in enumerate(messages, start=1):
        place = (message.topic, message.partition)
        batch = batches.get(place)
        if batch is None:
            batch = batches[place] = producer.create_batch()
        key, value, headers = message.key, message.value, list(message.headers)
        if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:  # full
            futures.append(await producer.send_batch(batch, message.topic, partition=message.partition))
            batch = batches[place] = producer.create_batch()
            batch.append(timestamp=None, key=key, value=value, headers=headers)  # the first of a batch always fits
        if number % BREATH == 0:
            await asyncio.sleep(0)
    futures += [
        await producer.send_batch(batch, topic, partition=partition) for (topic, partition), batch in batches.items()
    ]
    return futures
