"""Measures what a second worker adds, on the same backlog of eight partitions.

Each worker has a core to itself, so far as the broker leaves it, which has to be somewhere. Two workers beside it are
set against one worker and the broker on one core, which is what a second core and a second worker add to a system;
and against one worker whose broker may have the other core, which is what a worker loses by having to share.

All workers are members of the group, and stopped (SIGSTOP), before the backlog is published; then they go on at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.contestants import cores, cpu_seconds, pin, read_metrics, start, stop, worker_arguments
from benchmarks.figures import offer_to_write, tell
from benchmarks.workload import Workload, publish
from streams.devkafka import broker as devkafka
from streams.devkafka.config import choose_port
from streams.shell import topic_admin
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARTITIONS = 8
GIVE_UP_SECONDS = 600
POLL_SECONDS = 0.05


class Setting(NamedTuple):
    """How many workers there are, each on a core of its own, and on how many of the cores the broker may be."""

    workers: int
    broker_cores: int


SETTINGS = Setting(1, 1), Setting(1, 2), Setting(2, 2)


class Took(NamedTuple):
    """What it took until all was folded."""

    seconds: float
    cpu_seconds: float  # the workers'
    broker_cpu_seconds: float


def run(events: int, setting: Setting, folder: Path) -> Took:
    """Have the workers of a setting fold a backlog."""
    workload = Workload(events)
    with devkafka.session(folder / "kafka") as broker:
        servers = broker.bootstrap_servers
        with topic_admin.admin_client(servers) as admin:
            topic_admin.create_missing(admin, Names(), partitions=PARTITIONS)
        ports = [choose_port() for _ in range(setting.workers)]
        # Longer than it takes to publish.
        environment = os.environ | {"QUOTASTREAM_SESSION_TIMEOUT_SECONDS": "60", "QUOTASTREAM_PARTITIONS": "8"}
        on = sorted(cores()[1] | cores()[0], reverse=True)
        children = [
            start(worker_arguments(servers, "two-", folder / f"state-{n}", port), environment, folder / "log",
                  core=on[n % len(on)])
            for n, port in enumerate(ports)
        ]  # fmt: skip
        pids = [child.pid for child in children]
        try:
            _until(lambda: _shared(ports), "the workers never shared the partitions")
            for child in children:
                child.send_signal(signal.SIGSTOP)
            publish(servers, Names().policy_changes, workload.policies())
            publish(servers, Names().remittances, workload.remittances())
            pin(broker.pid, set(on[: setting.broker_cores]))
            begun, cpu, broker_cpu = time.monotonic(), sum(map(cpu_seconds, pids)), cpu_seconds(broker.pid)
            for child in children:
                child.send_signal(signal.SIGCONT)
            _until(lambda: _sum(ports, "folded_events_total") >= events, "not all was folded")
            took = time.monotonic() - begun
            return Took(took, sum(map(cpu_seconds, pids)) - cpu, cpu_seconds(broker.pid) - broker_cpu)
        finally:
            for child in children:
                child.send_signal(signal.SIGCONT)
                stop(child)


def _shared(ports: list[int]) -> bool:
    return all(_sum([port], "caught_up_partitions") == PARTITIONS / len(ports) for port in ports)


def _sum(ports: list[int], metric: str) -> float:
    return sum(read_metrics(port, metric)[metric] for port in ports)


def _until(done: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(POLL_SECONDS)


def measure(events: int, rounds: int, folder: Path) -> str:
    """Run each setting in turn, round after round; return the table."""
    found: dict[Setting, list[Took]] = {setting: [] for setting in SETTINGS}
    for number in range(rounds):
        for setting, runs in found.items():
            runs.append(run(events, setting, folder / f"{setting.workers}-{setting.broker_cores}-{number}"))
            print(f"round {number + 1}: {setting}: {events / runs[-1].seconds:,.0f}/s", file=sys.stderr)
    return "\n".join(_report(events, rounds, found))


def _report(events: int, rounds: int, found: dict[Setting, list[Took]]) -> Iterator[str]:
    yield f"{events:,} remittances, {PARTITIONS} partitions; all folded, median of {rounds}, interleaved."
    yield ""
    yield "| workers, a core each | the broker | events/s | least, most | CPU s | the broker's |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for setting, runs in found.items():
        rates = sorted(events / took.seconds for took in runs)
        cpu, broker = median(took.cpu_seconds for took in runs), median(took.broker_cpu_seconds for took in runs)
        spread = f"{rates[0]:,.0f}, {rates[-1]:,.0f}"
        where = "there too" if setting.workers == setting.broker_cores else "on either core"
        yield f"| {setting.workers} | {where} | {median(rates):,.0f} | {spread} | {cpu:.1f} | {broker:.1f} |"
    shared, spared, two = (median(events / took.seconds for took in runs) for runs in found.values())
    yield ""
    yield f"- two workers and the broker on two cores / one and the broker on one: **{two / shared:.2f} x**"
    yield f"- two workers and the broker on two cores / one and the broker on two: **{two / spared:.2f} x**"


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.two_workers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_500_000)
    parser.add_argument("--rounds", type=int, default=3)
    offer_to_write(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quotastream-two-") as scratch:
        report = measure(given.events, given.rounds, Path(scratch))
    tell("two workers", report, write=given.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
