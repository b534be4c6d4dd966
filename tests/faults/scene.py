"""The stage of a fault experiment: its topics made beforehand, its workers gone at the end whatever happens.

An experiment says what history there is (`plays`), starts workers, publishes, hurts something, and compares what was
told with the naive model (`compare`). Each prints a line of figures for docs/reliability.md.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from streams.devkafka import broker as devkafka
from streams.shell.topic_admin import admin_client, create_missing
from streams.shell.topics import Names
from streams.synthetic import year
from tests.conftest import TEST_CONFIG
from tests.faults.harness import Outputs, Publishing, WorkerProcess, await_outputs, expect
from tests.reading import read_records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from pathlib import Path

DAY = date(2026, 12, 30)
GROUPS = 6
PARTITIONS = 4

Message = dict[str, Any]


class Scene:
    """One installation to be hurt."""

    def __init__(self, bootstrap_servers: str, prefix: str, folder: Path) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.names = Names(prefix)
        self.folder = folder
        self.messages: list[Message] = []
        self.recovered_seconds = 0.0
        self._workers: list[WorkerProcess] = []
        self._publishing: list[Publishing] = []
        self._awaited: Future[Any] | None = None
        with admin_client(bootstrap_servers) as admin:
            create_missing(admin, self.names, PARTITIONS)

    def plays(
        self, seed: int, remittances: int, *further: Message, groups: int = GROUPS, day: date = DAY
    ) -> list[Message]:
        """Make up a year, with further messages at its end, and begin to work out what should be told on the day."""
        self.messages = [*year(seed, groups, remittances, 2026), *further]
        self._awaited = expect(self.messages, day)
        return self.messages

    def worker(self, name: str, **settings: str) -> WorkerProcess:
        """Make a worker, not started yet; it is killed with the scene where it still runs."""
        worker = WorkerProcess(self.bootstrap_servers, self.names.prefix, self.folder, name, DAY).set(**settings)
        self._workers.append(worker)
        return worker

    def workers(self, count: int, **settings: str) -> list[WorkerProcess]:
        """Return so many workers that are ready."""
        started = [self.worker(f"w{n}", **settings).start() for n in range(1, count + 1)]
        return [worker.ready() for worker in started]

    def publish(self, seconds: float, messages: list[Message] | None = None) -> Publishing:
        """Begin to publish (where nothing is named: everything) over so many seconds; 0: as fast as can be."""
        messages = self.messages if messages is None else messages
        rate = len(messages) / seconds if seconds else 1e9
        self._publishing.append(Publishing(self.bootstrap_servers, self.names, messages, per_second=rate).start())
        return self._publishing[-1]

    def publish_all(self, messages: list[Message] | None = None) -> None:
        """Publish as fast as can be, and wait until all of it is acknowledged."""
        self.acknowledged(self.publish(0, messages))

    @staticmethod
    def acknowledged(publishing: Publishing) -> None:
        """Wait until Kafka has acknowledged everything."""
        assert len(publishing.wait()) == len(publishing.messages)

    def compare(self, within_seconds: float = 150) -> Outputs:
        """Wait for the acknowledgements, then until what was told equals the model; note how long that took."""
        for publishing in self._publishing:
            self.acknowledged(publishing)
        assert self._awaited is not None
        self._awaited.result()  # working it out is no part of recovering
        since = time.monotonic()
        outputs = await_outputs(self.bootstrap_servers, self.names, self._awaited, within_seconds)
        self.recovered_seconds = round(time.monotonic() - since, 1)
        return outputs

    def close(self) -> None:
        """Leave no process behind."""
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is None:
                worker.kill()

    # --- what is measured ---

    def report(self, what: str, outputs: Outputs, **figures: object) -> None:
        """Print a line for docs/reliability.md, once `compare` found that nothing is lost, doubled or false."""
        figures = {
            "published": sum(len(p.acknowledged) for p in self._publishing), "lost": 0, "doubled": 0,
            "alerts": len(outputs.alerts), "retractions": outputs.retractions,
            "recovered_seconds": self.recovered_seconds, **figures,
        }  # fmt: skip
        print(f"\n{what}: " + ", ".join(f"{name} {value}" for name, value in figures.items()))

    def unserved_seconds(self, since: float) -> float:
        """Return the longest time since a moment (time.time()) in which a home partition had no status told of it."""
        moments: dict[int, list[float]] = {p: [since] for p in range(PARTITIONS)}
        for record in read_records(self.bootstrap_servers, self.names.status):
            if record.timestamp / 1000 > since:
                moments[record.partition].append(record.timestamp / 1000)
        return round(max(b - a for at in moments.values() for a, b in pairwise(at)), 1)

    def committed(self, topic: str) -> dict[int, int]:
        """Return the workers' committed offsets of a topic, by partition."""
        with admin_client(self.bootstrap_servers) as admin:
            return committed(admin, self.names.consumer_group, topic)


def committed(admin: Any, group: str, topic: str) -> dict[int, int]:
    """Return a group's committed offsets of a topic, by partition."""
    offsets = admin.list_group_offsets([group])[group]
    return {tp.partition: found.offset for tp, found in offsets.items() if tp.topic == topic and found.offset >= 0}


class OwnBroker:
    """A broker of one experiment, to be killed and started again on the same folder and port."""

    def __init__(self, folder: Path, port: int | None = None, config: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._port = port
        self._config = TEST_CONFIG | dict(config or {})
        self._running = ExitStack()
        self._broker = self._session()

    def _session(self) -> devkafka.Broker:
        return self._running.enter_context(devkafka.session(self._folder, self._port, extra_config=self._config))

    @property
    def bootstrap_servers(self) -> str:
        """Where it listens, before and after."""
        return self._broker.bootstrap_servers

    @property
    def pid(self) -> int:
        """Its process."""
        return self._broker.pid

    def kill(self) -> None:
        """Kill it with SIGKILL, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def stop(self) -> None:
        """Stop it cleanly."""
        devkafka.stop(self._folder)

    def start(self) -> None:
        """Start it again."""
        before = self.bootstrap_servers
        self._broker = self._session()
        assert self.bootstrap_servers == before

    def close(self) -> None:
        """Stop it for good."""
        self._running.close()
