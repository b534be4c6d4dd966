"""Runs one contestant once on the backlog, in a process of its own, on a core of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from benchmarks.figures import Run
from benchmarks.workload import LAST_DAY, YEAR
from streams.devkafka import broker as devkafka
from streams.devkafka.config import choose_port
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.workload import Workload
    from streams.devkafka.broker import Broker

POLL_SECONDS = 0.05
GIVE_UP_SECONDS = 300
STREAMS_PEER = Path(__file__).parent / "peers" / "kafka_streams"
_TICKS = os.sysconf("SC_CLK_TCK")


_MINE = sorted(os.sched_getaffinity(0))  # before anybody binds this process to one of them


def cores() -> tuple[set[int], set[int]]:
    """Return the broker's core and the contestant's; the same one where there is only one."""
    return {_MINE[0]}, {_MINE[-1]}


@contextlib.contextmanager
def pinned_broker(folder: Path) -> Iterator[Broker]:
    """Run a Kafka in a folder of its own on the broker's core; it deletes and compacts nothing."""
    with devkafka.session(folder, extra_config={"log.retention.ms": "-1", "log.cleaner.enable": "false"}) as broker:
        pin(broker.pid, cores()[0])
        yield broker


def pin(pid: int, to: set[int]) -> None:
    """Bind a process, with the threads that it has, to cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), to)


def start(
    arguments: list[str], environment: dict[str, str], log: Path, core: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a program on the contestant's core, or on another one."""
    on = cores()[1] if core is None else {core}
    program = ["taskset", "-c", ",".join(map(str, on)), *arguments]
    with log.open("ab") as out:
        return subprocess.Popen(program, env=environment, stdout=out, stderr=subprocess.STDOUT)


def plain_faust(bootstrap_servers: str, topic: str, workload: Workload, folder: Path) -> Run:
    """Run the plain Faust agent; its totals of each group and day must be the workload's."""
    folder.mkdir(parents=True)
    figures = folder / "figures.json"
    module = [sys.executable, "-m", "benchmarks.peers.plain_faust"]
    child = start(
        [*module, bootstrap_servers, topic, str(workload.count), str(folder), str(figures)],
        dict(os.environ), folder / "log",
    )  # fmt: skip
    try:
        child.wait(GIVE_UP_SECONDS)
    finally:
        child.kill()
        child.wait()
    found = _figures(figures, child, folder / "log")
    first, half, last = (tuple(mark) for mark in found["marks"])
    return Run(workload.count, (first, half, last), found["memory_mib"], found["totals"] == workload.day_totals)


def _figures(written: Path, child: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    """Return what a program that has ended wrote; RuntimeError with the end of its log where that is nothing."""
    if not written.exists():
        last = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
        raise RuntimeError(f"{child.args} ended with {child.returncode} and wrote no figures:\n{last}")
    found: dict[str, Any] = json.loads(written.read_text())
    return found


def kafka_streams(bootstrap_servers: str, guarantee: str, workload: Workload, folder: Path) -> Run:
    """Run the Kafka Streams peer under a processing guarantee; its totals of each group must be the workload's."""
    folder.mkdir(parents=True)
    found, memory_mib = run_streams_peer(
        "RunningTotal", (bootstrap_servers, Names().remittances, str(workload.count), guarantee), folder
    )
    first, half, last = (tuple(mark) for mark in found["marks"])
    return Run(workload.count, (first, half, last), memory_mib, found["totals"] == workload.totals)


def run_streams_peer(program: str, arguments: tuple[str, ...], folder: Path) -> tuple[dict[str, Any], int]:
    """Run a program of the Kafka Streams peer that ends; return its figures, and the most MiB that it had.

    Its arguments are followed by its state folder and the file for its figures, both in `folder`.
    """
    figures = folder / "figures.json"
    figures.unlink(missing_ok=True)
    child = start(
        [*streams_peer(program), *arguments, str(folder / "state"), str(figures)], dict(os.environ), folder / "log"
    )
    memory_mib = 0
    deadline = time.monotonic() + GIVE_UP_SECONDS
    try:
        while child.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError, KeyError):  # it ends between two looks
                memory_mib = peak_memory_mib(child.pid)
            time.sleep(POLL_SECONDS)
    finally:
        child.kill()
        child.wait()
    return _figures(figures, child, folder / "log"), memory_mib


def streams_peer(program: str) -> list[str]:
    """Return the command of one of the Kafka Streams peer's programs, without its arguments."""
    target = STREAMS_PEER / "target"
    return ["java", "-Xmx1g", "-cp", f"{target / 'peer.jar'}:{target / 'jars'}/*", program]


def kafka_streams_at_hand() -> bool:
    """Build the Kafka Streams peer; False where there is no Java compiler or no Maven."""
    if not all(map(shutil.which, ("java", "javac", "mvn"))):
        return False
    subprocess.run(["mvn", "-q", "-B", "package"], cwd=STREAMS_PEER, check=True)
    return True


def worker(bootstrap_servers: str, workload: Workload, name: str, folder: Path) -> tuple[Run, Run]:
    """Run a whole `quotastream worker`; return how long it took to fold everything, and until all was told.

    A replay (`--as-of`) is the live worker with topics of its own and a clock that stands, so each round can read the
    same backlog. The fold is taken for begun at the last look that saw nothing of it.
    """
    folder.mkdir(parents=True)
    port, prefix = choose_port(), f"{name}-"
    arguments = worker_arguments(bootstrap_servers, prefix, folder / "state", port)
    child = start(arguments, os.environ | {"QUOTASTREAM_PREFIX": ""}, folder / "log")
    try:
        look = _Look(child, port, workload, Names("", replay=True, output_prefix=prefix), bootstrap_servers)
        return look.watch()
    finally:
        stop(child)


def worker_arguments(bootstrap_servers: str, prefix: str, state: Path, port: int) -> list[str]:
    """Return the command of a worker that stands on the workload's last day and serves its metrics."""
    return [
        str(Path(sys.executable).with_name("quotastream")), "worker", "--bootstrap-servers", bootstrap_servers,
        "--as-of", LAST_DAY.isoformat(), "--output-prefix", prefix,
        "--state-dir", str(state), "--metrics-port", str(port),
    ]  # fmt: skip


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a program, by force where asking is not enough."""
    child.terminate()
    try:
        child.wait(15)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@dataclass
class _Look:
    """Watches a worker from outside: its metrics, its process, and the statuses that it publishes."""

    child: subprocess.Popen[bytes]
    port: int
    workload: Workload
    names: Names
    bootstrap_servers: str
    begun: tuple[float, float] = (0.0, 0.0)
    half: tuple[float, float] | None = None
    folded: tuple[float, float] | None = None
    told: dict[str, int] = field(default_factory=dict)

    def watch(self) -> tuple[Run, Run]:
        """Look until every group's last status is the right one."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while self.folded is None:
            self._alive(deadline)
            time.sleep(POLL_SECONDS)
            self._look()
        consumer = self._statuses()
        try:
            while self.told != self.workload.totals:
                self._alive(deadline)
                self._read(consumer)
        finally:
            consumer.close()
        end, memory = self._now(), peak_memory_mib(self.child.pid)
        assert self.half is not None
        self._look()
        right = self._metrics()["folded_events_total"] == self.workload.count
        return (
            Run(self.workload.count, (self.begun, self.half, self.folded), memory, right),
            Run(self.workload.count, (self.begun, self.half, end), memory, right),
        )

    def _alive(self, deadline: float) -> None:
        if self.child.poll() is not None:
            raise RuntimeError(f"the worker ended with {self.child.returncode}")
        if time.monotonic() > deadline:
            wrong = sum(self.told.get(g) != total for g, total in self.workload.totals.items())
            raise RuntimeError(f"the worker took too long; {wrong} groups not told, or otherwise than they should be")

    def _now(self) -> tuple[float, float]:
        return time.monotonic(), cpu_seconds(self.child.pid)

    def _look(self) -> None:
        now = self._now()
        metrics = self._metrics()
        read, folded = metrics["records_total"], metrics["folded_events_total"]
        if not read:
            self.begun = now
        # Reading runs ahead of folding: half of the way is where both together have done half.
        if self.half is None and read + folded >= self.workload.count:
            self.half = now
        if self.folded is None and folded >= self.workload.count:
            self.folded = now

    def _metrics(self) -> defaultdict[str, float]:
        return read_metrics(self.port, "records_total", "folded_events_total", topic="remittances")

    def _statuses(self) -> Consumer:
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap_servers, "group.id": "unused", "enable.auto.commit": False,
             "isolation.level": "read_committed"}
        )  # fmt: skip
        found = consumer.list_topics(self.names.status, 10).topics[self.names.status]
        consumer.assign([TopicPartition(self.names.status, p, 0) for p in found.partitions])
        return consumer

    def _read(self, consumer: Consumer) -> None:
        for message in consumer.consume(1_000, POLL_SECONDS):
            if message.error():
                if message.error().code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  no public name
                    raise RuntimeError(message.error())
                continue
            status: dict[str, Any] = json.loads(message.value())
            if status["plan_year"] == YEAR:
                self.told[status["group_id"]] = int(status["remitted_to_date"].replace(".", ""))


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process, all threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def read_metrics(
    port: int, *names: str, topic: str | None = None, patience_seconds: float = 5
) -> defaultdict[str, float]:
    """Return the sums over their labels of some of a worker's metrics; empty while it doesn't answer.

    Names are without `quotastream_`: all that there are would take milliseconds of the worker's core each time.
    `topic`: of what is counted by topic, that one's alone.
    """
    found = defaultdict[str, float](float)
    asked = "&".join(f"name[]=quotastream_{name}" for name in names)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics?{asked}", timeout=patience_seconds) as answer:
            lines = answer.read().decode().splitlines()
    except (urllib.error.URLError, OSError):
        return found
    for line in lines:
        if line.startswith("#") or (topic and "topic=" in line and f'topic="{topic}"' not in line):
            continue
        series, value = line.removeprefix("quotastream_").rsplit(" ", 1)
        found[series.partition("{")[0]] += float(value)
    return found


def peak_memory_mib(pid: int) -> int:
    """Return the most resident memory that a process had."""
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(rows["VmHWM"].split()[0]) // 1024
