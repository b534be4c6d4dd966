"""Measures what a second worker adds: one on one core, then two on two, on the same backlog of eight partitions.

The broker is on whatever core has time for it, in both runs. So the first worker alone has its core to itself, and
two have to share theirs with the broker: less than two is to be gained, and the table says how much of both cores the
workers had.

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
from typing import TYPE_CHECKING

from benchmarks.contestants import cores, cpu_seconds, read_metrics, start, stop, worker_arguments
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


def run(events: int, workers: int, folder: Path) -> tuple[float, float]:
    """Return how many seconds the workers took for all to be folded and told of, and their CPU seconds."""
    workload = Workload(events)
    with devkafka.session(folder / "kafka") as broker:
        servers = broker.bootstrap_servers
        with topic_admin.admin_client(servers) as admin:
            topic_admin.create_missing(admin, Names(), partitions=PARTITIONS)
        ports = [choose_port() for _ in range(workers)]
        # Longer than it takes to publish.
        environment = os.environ | {"QUOTASTREAM_SESSION_TIMEOUT_SECONDS": "60", "QUOTASTREAM_PARTITIONS": "8"}
        on = sorted(cores()[1] | cores()[0], reverse=True)
        children = [
            start(worker_arguments(servers, "two-", folder / f"state-{n}", port), environment, folder / "log",
                  core=on[n % len(on)])
            for n, port in enumerate(ports)
        ]  # fmt: skip
        try:
            _until(lambda: _shared(ports), "the workers never shared the partitions")
            for child in children:
                child.send_signal(signal.SIGSTOP)
            publish(servers, Names().policy_changes, workload.policies())
            publish(servers, Names().remittances, workload.remittances())
            begun, cpu = time.monotonic(), sum(map(cpu_seconds, (child.pid for child in children)))
            for child in children:
                child.send_signal(signal.SIGCONT)
            _until(lambda: sum(read_metrics(port)["folded_events"] for port in ports) >= events, "not all was folded")
            took = time.monotonic() - begun
            return took, sum(map(cpu_seconds, (child.pid for child in children))) - cpu
        finally:
            for child in children:
                child.send_signal(signal.SIGCONT)
                stop(child)


def _shared(ports: list[int]) -> bool:
    return all(read_metrics(port)["caught_up_partitions"] == PARTITIONS / len(ports) for port in ports)


def _until(done: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(POLL_SECONDS)


def measure(events: int, rounds: int, folder: Path) -> str:
    """Run each number of workers in turn, round after round; return the table."""
    found: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for number in range(rounds):
        for workers, of in found.items():
            of.append(run(events, workers, folder / f"{workers}-{number}"))
            print(f"round {number + 1}: {workers} worker(s): {events / of[-1][0]:,.0f}/s", file=sys.stderr)
    return "\n".join(_report(events, rounds, found))


def _report(events: int, rounds: int, found: dict[int, list[tuple[float, float]]]) -> Iterator[str]:
    yield f"{events:,} remittances, {PARTITIONS} partitions; all folded, median of {rounds}, interleaved."
    yield ""
    yield "| workers | events/s | least, most | CPU s | of two cores |"
    yield "| --- | --- | --- | --- | --- |"
    for workers, runs in found.items():
        rates = sorted(events / took for took, _ in runs)
        cpu, share = median(cpu for _, cpu in runs), median(cpu / took / 2 for took, cpu in runs)
        yield (f"| {workers} | {median(rates):,.0f} | {rates[0]:,.0f}, {rates[-1]:,.0f} | {cpu:.1f} | {share:.0%} |")
    one, two = (median(events / took for took, _ in runs) for runs in found.values())
    yield ""
    yield f"- two workers / one: **{two / one:.2f} x**"


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
