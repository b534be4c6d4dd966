"""Measures how soon a worker is back: with its local store, and from the logs alone; Kafka Streams beside it.

All was told of once. Then, round after round, each contestant starts with what it left on its disk, while one new
remittance waits for it, and once more with its disk empty. The groups remit in turn, so that with one remittance each
Kafka Streams' changelog has one record a group, as after compaction, and both restore the same number of records. The
worker restores more of each: every remittance by its id, where the peer has a total; and meanwhile it reads the
policies again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.contestants import kafka_streams, kafka_streams_at_hand, pinned_broker, run_streams_peer
from benchmarks.figures import offer_to_write, tell
from benchmarks.live_worker import LiveWorker, all_told
from benchmarks.workload import YEAR, Workload, last_day_remittance, publish
from streams.core.years import plan_year
from streams.shell import topic_admin
from streams.shell.ledger import HomeLedger
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTITIONS = 4
POLL_SECONDS = 0.05
GUARANTEE = "exactly_once_v2"
WORKER, STREAMS = "quotastream worker", "Kafka Streams, exactly_once_v2, totals only"


@dataclass(frozen=True)
class Start:
    """One start, with what was left on the disk or without."""

    seconds: float  # from the process's start until the first new record, or until all is restored
    memory_mib: int
    right: bool  # the totals are those of the workload
    records: int = 0  # restored
    restoring_seconds: float = 0.0
    restoring_cpu_seconds: float = 0.0
    telling_seconds: float | None = None  # from the process's start until it tells again

    @property
    def rate(self) -> float:
        """Records restored a second."""
        return self.records / self.restoring_seconds

    @property
    def cpu_rate(self) -> float:
        """Records restored a CPU second."""
        return self.records / max(self.restoring_cpu_seconds, 0.01)


@dataclass
class Starts:
    """All starts of a contestant."""

    with_store: list[Start]
    from_log: list[Start]


class Input:
    """What all contestants read: the workload, and one remittance more for each round."""

    def __init__(self, bootstrap_servers: str, groups: int, each: int) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.workload = Workload(groups * each, groups, in_turn=True)
        self.count = groups * each
        self._dice = random.Random("recovery")

    def publish(self, *, with_policies: bool) -> None:
        """Publish the workload."""
        names = Names()
        with topic_admin.admin_client(self.bootstrap_servers) as admin:
            topic_admin.create_missing(admin, names, partitions=PARTITIONS)
        if with_policies:
            publish(self.bootstrap_servers, names.policy_changes, self.workload.policies())
        publish(self.bootstrap_servers, names.remittances, self.workload.remittances())

    def publish_one_more(self) -> None:
        """Publish a remittance of 1.00."""
        group_id = self._dice.choice(self.workload.names())
        remittance = last_day_remittance(self._dice, group_id, "1.00")
        publish(self.bootstrap_servers, Names().remittances, iter([remittance]))
        self.workload.totals[group_id] += 100
        self.count += 1


def start_worker(worker: LiveWorker, given: Input) -> Start:
    """Start a worker that has its local store."""
    worker.start()
    try:
        first = worker.until(lambda m: m.get("folded_events_total", 0) >= 1)
        telling = worker.until(lambda m: m.get("caught_up_partitions", 0) >= PARTITIONS)
        memory = worker.peak_memory_mib()
    finally:
        worker.stop()
    right = ledger_totals(worker.state, given.bootstrap_servers) == given.workload.totals
    return Start(first[0] - worker.begun, memory, right, telling_seconds=telling[0] - worker.begun)


def restore_worker(worker: LiveWorker, given: Input) -> Start:
    """Start a worker whose state folder is gone: from when it has its partitions until all is folded."""
    shutil.rmtree(worker.state)
    worker.start()
    try:
        begun = worker.until_ledgers(PARTITIONS)
        done = worker.until(lambda m: m.get("folded_events_total", 0) >= given.count)
        memory = worker.peak_memory_mib()
    finally:
        worker.stop()
    right = ledger_totals(worker.state, given.bootstrap_servers) == given.workload.totals
    return Start(done[0] - worker.begun, memory, right, given.count, done[0] - begun[0], done[1] - begun[1])


def ledger_totals(state: Path, bootstrap_servers: str) -> dict[str, int]:
    """Return what the groups remitted, in minor units, by the ledgers of a worker that is stopped."""
    names, year = Names(), plan_year(YEAR)
    with topic_admin.admin_client(bootstrap_servers) as admin:
        log_id = str(topic_admin.describe(admin, [names.home])[0]["topic_id"])
    totals: dict[str, int] = {}
    for path in state.glob(f"{names.home}-*.sqlite"):
        ledger = HomeLedger(path, log_id)
        for group_id in ledger.group_ids():
            totals[group_id] = int(ledger.unreversed(group_id, year.first, year.after - 1)["amount"].sum())
        ledger.close()
    return totals


def start_streams(folder: Path, given: Input, new_records: int) -> Start:
    """Start the Kafka Streams peer, with the state folder that it left or without; a new record waits, or none."""
    begun = time.monotonic()
    arguments = (given.bootstrap_servers, Names().remittances, str(new_records), GUARANTEE)
    found, memory = run_streams_peer("Recovery", arguments, folder)
    right = found["totals"] == given.workload.totals
    if new_records:
        return Start(found["first"][0] - begun, memory, right)
    (from_time, from_cpu), (to_time, to_cpu) = found["marks"]
    return Start(to_time - begun, memory, right, found["restored"], to_time - from_time, to_cpu - from_cpu)


def measure(given: Input, folder: Path, rounds: int, *, alone: bool, with_policies: bool) -> dict[str, Starts]:
    """Let the contestants catch up once, then start again in turn. Wants topics that nobody has written to."""
    given.publish(with_policies=with_policies)
    found = {WORKER: Starts([], [])}
    peer = folder / "recovery-streams"
    if not alone and kafka_streams_at_hand():
        found[STREAMS] = Starts([], [])
        if not kafka_streams(given.bootstrap_servers, GUARANTEE, given.workload, peer).right:
            raise RuntimeError("the totals of Kafka Streams were wrong before any start")
    worker = LiveWorker(given.bootstrap_servers, folder / "worker", POLL_SECONDS)
    worker.set_day(0)
    worker.start()
    try:
        worker.until(all_told(given.workload.groups))
    finally:
        worker.stop()
    for number in range(1, rounds + 1):
        given.publish_one_more()
        found[WORKER].with_store.append(start_worker(worker, given))
        found[WORKER].from_log.append(restore_worker(worker, given))
        if STREAMS in found:
            found[STREAMS].with_store.append(start_streams(peer, given, 1))
            shutil.rmtree(peer / "state")
            found[STREAMS].from_log.append(start_streams(peer, given, 0))
        for name, starts in found.items():
            print(f"round {number}: {name}: {starts.with_store[-1]}, {starts.from_log[-1]}", file=sys.stderr)
    return found


def report(given: Input, found: dict[str, Starts], rounds: int, *, with_policies: bool) -> Iterator[str]:
    """Yield the tables."""
    policies = "two policies each" if with_policies else "no policies"
    yield (
        f"{given.workload.groups:,} groups with {policies}, {given.workload.events:,} remittances, {PARTITIONS} "
        f"partitions; median of {rounds}, interleaved."
    )
    yield ""
    yield "| with its local store | s to the first new remittance | least, most | s until it tells | MiB | totals |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, starts in found.items():
        telling = [start.telling_seconds for start in starts.with_store if start.telling_seconds is not None]
        cells = [
            name,
            *_middle([start.seconds for start in starts.with_store], ".1f"),
            f"{median(telling):.1f}" if telling else "",
            *_ending(starts.with_store),
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "| from the log alone | records | records/s | least, most | CPU s | s from its start | MiB | totals |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, starts in found.items():
        cells = [
            name,
            f"{starts.from_log[-1].records:,}",
            *_middle([start.rate for start in starts.from_log], ",.0f"),
            f"{median(start.restoring_cpu_seconds for start in starts.from_log):.1f}",
            f"{median(start.seconds for start in starts.from_log):.1f}",
            *_ending(starts.from_log),
        ]
        yield f"| {' | '.join(cells)} |"
    if STREAMS in found:
        yield ""
        for what, rate in (("second", attrgetter("rate")), ("CPU second", attrgetter("cpu_rate"))):
            ours, theirs = (median(map(rate, found[name].from_log)) for name in (WORKER, STREAMS))
            yield f"- records restored a {what}, quotastream / Kafka Streams: **{ours / theirs:.2f} x**"


def _middle(figures: list[float], form: str) -> tuple[str, str]:
    return f"{median(figures):{form}}", f"{min(figures):{form}}, {max(figures):{form}}"


def _ending(starts: list[Start]) -> tuple[str, str]:
    right = "right" if all(start.right for start in starts) else "WRONG"
    return f"{median(start.memory_mib for start in starts):.0f}", right


def main() -> int:
    """Measure, print the tables; 1 where totals are wrong."""
    parser = argparse.ArgumentParser(prog="benchmarks.recovery", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--groups", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=1, help="remittances a group")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-policies", action="store_true", help="groups without policies, as the peer has them")
    parser.add_argument("--only-worker", action="store_true", help="leave Kafka Streams out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures of every start")
    offer_to_write(parser)
    asked = parser.parse_args()
    with_policies = not asked.no_policies
    with tempfile.TemporaryDirectory(prefix="quotastream-recovery-") as scratch:
        folder = Path(scratch)
        with pinned_broker(folder / "kafka") as broker:
            given = Input(broker.bootstrap_servers, asked.groups, asked.each)
            found = measure(given, folder, asked.rounds, alone=asked.only_worker, with_policies=with_policies)
    section = "recovery" if with_policies else "recovery without policies"
    tell(section, "\n".join(report(given, found, asked.rounds, with_policies=with_policies)), write=asked.write)
    if asked.json:
        asked.json.write_text(json.dumps({name: asdict(starts) for name, starts in found.items()}, indent=1) + "\n")
    starts = [start for of in found.values() for start in of.with_store + of.from_log]
    if not all(start.right for start in starts):
        print("totals are wrong", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
