"""A running installation, for tests of the whole: a worker with what it is given, and a subscriber that looks on.

The subscriber is a plain kafka-python consumer of committed messages; conditions are awaited on what it has seen.
"""

from __future__ import annotations

import json
import socket
import time
import uuid
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

from kafka import KafkaConsumer, KafkaProducer

from streams.shell.topic_admin import admin_client, create_missing
from streams.shell.topics import Names
from tests.faults.harness import MONEY, WorkerProcess
from tests.reading import partitions_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kafka import KafkaAdminClient

T = TypeVar("T")
PARTITIONS = 3


class RunningWorker(WorkerProcess):
    """A worker with further arguments and settings of its own."""

    def __init__(self, house: House, name: str, *arguments: str, **settings: str) -> None:
        super().__init__(house.bootstrap_servers, house.names.prefix, house.folder / name, "worker", date.min)
        self._arguments += arguments
        settings = {"clock_file": str(house.clock), **settings}
        self._environment |= {f"QUOTASTREAM_{key.upper()}": value for key, value in settings.items()}

    def wait(self, within_seconds: float = 90) -> int:
        """Wait until it ends by itself; return the exit code. One that doesn't is killed."""
        assert self.process is not None
        try:
            return self.process.wait(within_seconds)
        finally:
            self.kill()

    @property
    def last_line(self) -> str:
        """What it said last."""
        return self.log.read_text(errors="replace").strip().splitlines()[-1]


class Subscriber:
    """Everything that the output topics of one installation (or replay) hold, in each partition's order."""

    def __init__(self, bootstrap_servers: str, names: Names) -> None:
        self.statuses: list[Any] = []
        self.alerts: list[Any] = []
        self.letters: list[Any] = []
        self._kept = {names.status: self.statuses, names.alerts: self.alerts, names.dead_letters: self.letters}
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap_servers, isolation_level="read_committed", auto_offset_reset="earliest",
            enable_auto_commit=False, fetch_max_wait_ms=100,  # any other request waits for the end of a fetch
        )  # fmt: skip
        self._consumer.assign([tp for topic in self._kept for tp in partitions_of(bootstrap_servers, topic)])

    def close(self) -> None:
        """Look on no longer."""
        self._consumer.close()

    def look(self, within_ms: int = 100) -> None:
        """Take in what is new."""
        for records in self._consumer.poll(within_ms).values():
            self._kept[records[0].topic].extend(records)

    def to_the_end(self, within_seconds: float = 90) -> None:
        """Take in all that is committed by now."""
        ends = self._consumer.end_offsets(list(self._consumer.assignment()))
        self.until(lambda: all(self._consumer.position(tp) >= end for tp, end in ends.items()), within_seconds)

    def until(self, holds: Callable[[], T], within_seconds: float = 90) -> T:
        """Look on until something holds; return it. AssertionError with what was seen last where it never does."""
        deadline = time.monotonic() + within_seconds
        while not (held := holds()):
            assert time.monotonic() < deadline, f"not within {within_seconds} s: {self._seen()}"
            self.look()
        return held

    def _seen(self) -> str:
        letters = [(v["reason"], v["detail"]) for v in map(value, self.letters[-3:])]
        newest = {key: (s or {}).get("remittance_count") for key, s in self.newest_statuses.items()}
        return f"statuses {newest}, {len(self.alerts)} alerts, {len(self.letters)} dead letters, last {letters}"

    @property
    def newest_statuses(self) -> dict[str, dict[str, Any] | None]:
        """The newest status by key; None where it was taken off."""
        return {record.key.decode(): value(record) for record in self.statuses}

    def status(self, group_id: str, year: int = 2026) -> dict[str, Any]:
        """Return a group's newest status, empty before there is one."""
        return self.newest_statuses.get(f"{group_id}/{year}") or {}

    def counted(self, group_id: str, year: int = 2026) -> tuple[int, str | None]:
        """Return how many remittances of a group count, and their sum."""
        status = self.status(group_id, year)
        return status.get("remittance_count", 0), status.get("remitted_to_date")


def value(record: Any) -> Any:
    """Return what an output record says; None for a tombstone."""
    return None if record.value is None else json.loads(record.value)


class House:
    """One installation on the tests' broker: its names, its topics, a folder, a day; and a way to send to it."""

    def __init__(
        self, bootstrap_servers: str, folder: Path, day: date = date(2026, 7, 1), names: Names | None = None
    ) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.names = names or Names(f"h-{uuid.uuid4().hex[:12]}-")
        self.folder = folder / self.names.prefix
        self.folder.mkdir(parents=True)
        self.clock = self.folder / "clock"
        self.move_clock(f"{day}T12:00:00Z")
        with admin_client(bootstrap_servers) as admin:
            create_missing(admin, self.names, PARTITIONS)
        self.seen = Subscriber(bootstrap_servers, self.names)
        self.producer = KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", linger_ms=2)

    def close(self) -> None:
        """Close the clients; workers are closed by who started them."""
        self.producer.close()
        self.seen.close()

    def topic_of(self, message: dict[str, Any]) -> str:
        """Return the input topic of a message."""
        return self.names.remittances if message["type"] in MONEY else self.names.policy_changes

    def publish(self, messages: list[dict[str, Any]], partition: int | None = None) -> list[Any]:
        """Send messages as they are, spread over all partitions or into one; return where each is."""
        futures = [
            self.producer.send(
                self.topic_of(message), json.dumps(message).encode(),
                partition=n % PARTITIONS if partition is None else partition,
            )
            for n, message in enumerate(messages)
        ]  # fmt: skip
        self.producer.flush()
        return [future.get(30) for future in futures]

    def move_clock(self, moment: str) -> None:
        """Give the workers another time; at once, so that none reads half of it."""
        fresh = self.folder / "clock.new"
        fresh.write_text(moment)
        fresh.replace(self.clock)


def await_gone(admin: KafkaAdminClient, *topics: str) -> None:
    """Wait until deleted topics are gone."""
    deadline = time.monotonic() + 60
    while not all(topic["error_code"] for topic in admin.describe_topics(list(topics))):
        assert time.monotonic() < deadline, f"{topics} are still there"
        time.sleep(0.05)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def get(port: int, path: str) -> tuple[int, str]:
    """Return the status and the body that a listener on loopback answers."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def readyz_says(port: int, text: str, within_seconds: float = 60) -> None:
    """Wait until `/readyz` answers with the text. The process is alive all the while."""
    deadline = time.monotonic() + within_seconds
    while text not in (answer := get(port, "/readyz"))[1]:
        assert time.monotonic() < deadline, f"/readyz never said {text!r}, last {answer}"
        assert get(port, "/livez") == (200, "ok\n")
        time.sleep(0.05)
