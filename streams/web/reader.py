"""Reads the output topics into the board, as any subscriber would, and measures how fresh that is.

Lives here: Kafka, tasks, the clock. Not here: what records mean (messages.py, board.py), what is sent (live.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from kafka.errors import AuthorizationError

from streams.core.years import day_from_text, year_of
from streams.shell import connection
from streams.shell.logs import located
from streams.shell.topic_admin import admin_client, require_topics
from streams.web import messages
from streams.web.freshness import Measured
from streams.web.lag import LagThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from streams.core.events import Day
    from streams.shell.clock import DayReached
    from streams.shell.topics import Names
    from streams.web.board import Board

log = logging.getLogger(__name__)

POLL_MS = 200
AGAIN_AFTER_SECONDS = 2.0
MOST_RECORDS = 1_000  # between two chances for others to run


def find_partitions(bootstrap_servers: str, names: Names) -> dict[str, list[int]]:
    """Return the partitions of each output topic; MissingTopicError where one is missing.

    UnreachableError or RefusedError where Kafka can't be got to. Dead letters are left out where they are not ours to
    read.
    """
    with admin_client(bootstrap_servers) as admin:
        described = require_topics(admin, [names.status, names.alerts])
        with contextlib.suppress(AuthorizationError):
            described += require_topics(admin, [names.dead_letters])
    return {topic["name"]: [part["partition_index"] for part in topic["partitions"]] for topic in described}


class Reader:
    """Keeps the board in step with the output topics."""

    def __init__(
        self,
        bootstrap_servers: str,
        names: Names,
        partitions: dict[str, list[int]],
        board: Board,
        clock: DayReached | None,
    ) -> None:
        """`clock` tells the day that live workers should have reached; None for a replay, whose day stands."""
        self._servers = bootstrap_servers
        self._names = names
        self._partitions = partitions
        self._board = board
        self._clock = clock
        self._left: dict[str, int] = {}  # by topic: records that were not read when last looked at
        self._read_once = asyncio.Event()
        self._lag = LagThread(bootstrap_servers, names)
        self._today: tuple[Day, float] | None = None
        #: Set whenever the board may have changed.
        self.news = asyncio.Event()

    async def run(self) -> None:
        """Read for ever."""
        self._lag.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_accounts())
                if self._names.dead_letters in self._partitions:
                    tasks.create_task(self._follow_letters())
                else:
                    self._board.letters_readable = False
        finally:
            self._lag.stop()

    async def caught_up(self) -> None:
        """Return once everything that was in the outputs at the start has been read."""
        await self._read_once.wait()

    def measured(self) -> Measured:
        """Return what freshness is judged by."""
        now = time.monotonic()
        today = self._today_since(now)
        reached = None if today is None else self._board.day_told(year_of(today[0]))
        return Measured(
            sum(self._left.values()), self._read_once.is_set(), now - self._lag.answered_at,
            self._lag.found.waiting_records, self._lag.found.waiting_seconds, self._lag.found.workers,
            self._board.decided_at,
            None if reached is None else day_from_text(reached), today[0] if today else None,
            now - today[1] if today else 0.0,
        )  # fmt: skip

    def _today_since(self, now: float) -> tuple[Day, float] | None:
        if self._clock is None:
            return None
        day = self._clock()
        if self._today is None or self._today[0] != day:
            self._today = (day, now)
        return self._today

    # --- the outputs ---

    async def _follow_accounts(self) -> None:
        topics = [self._names.status, self._names.alerts]
        try:
            await self._follow(topics)
        except TopicAuthorizationFailedError as error:
            raise connection.RefusedError(
                f"Kafka at {self._servers} doesn't allow to read {' and '.join(topics)}: give the user the ACLs of "
                "its role (deploy/acls.sh)"
            ) from error

    async def _follow_letters(self) -> None:
        try:
            await self._follow([self._names.dead_letters])
        except TopicAuthorizationFailedError:
            self._board.letters_readable = False

    async def _follow(self, topics: list[str]) -> None:
        tps = [TopicPartition(topic, number) for topic in topics for number in self._partitions[topic]]
        async with self._consumer(tps) as consumer:
            ends = await consumer.end_offsets(tps)
            while True:
                found = await consumer.getmany(timeout_ms=POLL_MS, max_records=MOST_RECORDS)
                for tp, records in found.items():
                    self._take(tp.topic, records)
                if found:
                    self.news.set()
                await self._count_left(consumer, tps, ends)
                await asyncio.sleep(0)

    async def _count_left(
        self, consumer: AIOKafkaConsumer, tps: list[TopicPartition], first_ends: dict[TopicPartition, int]
    ) -> None:
        positions = {tp: await consumer.position(tp) for tp in tps}
        for topic in {tp.topic for tp in tps}:
            ends = ((tp, consumer.last_stable_offset(tp)) for tp in tps if tp.topic == topic)
            self._left[topic] = sum(max(0, (end or 0) - positions[tp]) for tp, end in ends)
        if self._names.status in self._left and all(positions[tp] >= end for tp, end in first_ends.items()):
            self._read_once.set()

    @contextlib.asynccontextmanager
    async def _consumer(self, tps: list[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = await self._started()
        try:
            consumer.assign(tps)
            await consumer.seek_to_beginning()
            yield consumer
        finally:
            await consumer.stop()

    async def _started(self) -> AIOKafkaConsumer:
        """Return a consumer that has reached Kafka, however long that takes."""
        while True:
            consumer = AIOKafkaConsumer(
                **connection.aiokafka(self._servers), isolation_level="read_committed", enable_auto_commit=False,
                auto_offset_reset="earliest",
            )  # fmt: skip
            try:
                return await connection.start(consumer)
            except KafkaError as error:
                log.warning("no Kafka answers at %s: %s", self._servers, error)
                await asyncio.sleep(AGAIN_AFTER_SECONDS)

    def _take(self, topic: str, records: Iterable[object]) -> None:
        for record in records:
            try:
                self._take_one(topic, record)
            except messages.UnreadableError:
                log.warning(
                    "%s[%s] offset %s is no message of this version; passed over",
                    topic, record.partition, record.offset,  # type: ignore[attr-defined]
                    extra=located((topic, record.partition), record.offset),  # type: ignore[attr-defined]
                )  # fmt: skip

    def _take_one(self, topic: str, record: object) -> None:
        key, value, headers = record.key, record.value, record.headers  # type: ignore[attr-defined]
        told_at = messages.told_at(headers)
        if topic == self._names.dead_letters:
            if value is not None:
                self._board.letter(value, told_at)
        elif key is not None:
            take = self._board.status if topic == self._names.status else self._board.alert
            take(key.decode("utf-8", "replace"), value, told_at)
