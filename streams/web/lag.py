"""Asks Kafka how far the workers are: what waits in the inputs, and how many workers there are.

Asking blocks, so it is done in a thread. Lives here: the questions. Not here: what follows from the answers
(freshness.py).
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from kafka import IsolationLevel, OffsetSpec, TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from streams.shell.connection import UnreachableError
from streams.shell.topic_admin import TopicAdminError, admin_client, describe
from streams.web.freshness import Ends, Waiting

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

    from streams.shell.topics import Names


log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
AGAIN_AFTER_SECONDS = 2.0


class WorkerLag(NamedTuple):
    """How far the workers are; None where the page may not know."""

    waiting_records: int | None = None
    waiting_seconds: float | None = None
    workers: int | None = None


class LagWatch:
    """Looks at the workers' consumer group and at the ends of the inputs."""

    def __init__(self, admin: KafkaAdminClient, names: Names) -> None:
        self._admin = admin
        self._names = names
        self._waiting = Waiting()

    def look(self) -> WorkerLag:
        """Return how far the workers are now; KafkaError where Kafka doesn't answer."""
        try:
            ends, begins = self._input_ends()
        except AuthorizationError:
            return WorkerLag()
        try:
            taken_in, workers = self._taken_in(), self._workers()
        except KafkaError:  # not for us to know, or nobody coordinates the group just now
            return WorkerLag()
        taken_in = {partition: max(taken_in.get(partition, 0), begin) for partition, begin in begins.items()}
        now = time.monotonic()
        self._waiting.seen(Ends(now, ends))
        left = sum(max(0, end - taken_in[partition]) for partition, end in ends.items())
        return WorkerLag(left, self._waiting.seconds(taken_in, now), workers)

    def _input_ends(self) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]:
        partitions = [
            TopicPartition(topic["name"], partition["partition_index"])
            for topic in describe(self._admin, self._names.inputs)
            for partition in topic["partitions"]
        ]
        return self._offsets(partitions, OffsetSpec.LATEST), self._offsets(partitions, OffsetSpec.EARLIEST)

    def _offsets(self, partitions: list[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], int]:
        wanted = dict.fromkeys(partitions, spec)
        found = self._admin.list_partition_offsets(wanted, IsolationLevel.READ_COMMITTED)
        return {(tp.topic, tp.partition): at.offset for tp, at in found.items()}

    def _taken_in(self) -> dict[tuple[str, int], int]:
        group = self._names.consumer_group
        offsets: dict[Any, Any] = self._admin.list_group_offsets(group)[group]
        return {(tp.topic, tp.partition): at.offset for tp, at in offsets.items()}

    def _workers(self) -> int:
        group = self._names.consumer_group
        return len(self._admin.describe_groups([group])[group]["members"])


class LagThread:
    """Looks again and again, in a thread that ends with the process."""

    def __init__(self, bootstrap_servers: str, names: Names) -> None:
        self._servers = bootstrap_servers
        self._names = names
        self._stopped = threading.Event()
        #: What was found last, and when Kafka answered (time.monotonic()).
        self.found, self.answered_at = WorkerLag(), time.monotonic()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="lag", daemon=True).start()

    def stop(self) -> None:
        """Look no longer; doesn't wait for an answer that is still out."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with admin_client(self._servers) as admin:
                    watch = LagWatch(admin, self._names)
                    while not self._stopped.wait(LOOK_EVERY_SECONDS):
                        self.found = watch.look()
                        self.answered_at = time.monotonic()
            except (KafkaError, TopicAdminError, UnreachableError, OSError) as error:
                log.warning("Kafka doesn't say how far the workers are: %s", error)
            self._stopped.wait(AGAIN_AFTER_SECONDS)
