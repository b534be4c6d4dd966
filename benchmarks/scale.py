"""Measures a whole live worker as it grows: catching up, a policy for all, the turn of a day, memory and disk.

`make bench-scale ARGS="--groups 100000 --each 10"` measures one size, `ARGS=--growth` several, side by side. Starts a
Kafka of its own in a temporary folder, on a core of its own. CPU seconds are the worker's, all threads. How soon it
is back after a stop: `benchmarks.recovery`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from benchmarks import growth
from benchmarks.contestants import pinned_broker
from benchmarks.figures import offer_to_write, tell
from benchmarks.growth import Size
from benchmarks.live_worker import LiveWorker, all_told
from benchmarks.workload import LAST_DAY, SEED, YEAR, Workload, publish
from streams.shell import topic_admin
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


LEAST_CPU_SECONDS = 0.3  # what took less is mostly what a worker does anyway: it looks about, and answers us


class Spent(NamedTuple):
    """What something took."""

    seconds: float
    cpu_seconds: float


@dataclass
class Measured:
    """One size, and what each thing took there."""

    groups: int
    each: int  # remittances a group
    policies: int  # in force for all, beside each group's own two
    spent: dict[str, Spent] = field(default_factory=dict)
    memory_mib: dict[str, int] = field(default_factory=dict)
    peak_memory_mib: int = 0
    disk_mib: dict[str, int] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)

    def a_cpu_second(self, units: int, *what: str) -> float:
        """Return how many units of something, or of several things together, a CPU second did; 0 where too few."""
        cpu_seconds = sum(self.spent[one].cpu_seconds for one in what)
        return units / cpu_seconds if cpu_seconds >= LEAST_CPU_SECONDS else 0.0


def _policies(number: int, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield policies for all, in force since some day of the year: cuts, top-ups, rules, days off."""
    for place in range(number):
        day = datetime(YEAR, 1, 1, tzinfo=UTC) + timedelta(days=place * 340 // number, seconds=place)
        adjusted = {"type": "target_adjusted", "plan_year": YEAR}
        kinds: list[dict[str, Any]] = [
            adjusted | {"applies": "remaining", "factor": dice.choice(["0.99", "1.01"])},
            adjusted | {"applies": "whole_period", "delta": "1.00", "currency": "USD"},
            {"type": "alert_rules_set", "grace_days": dice.randint(20, 40)},
            {"type": "suspended", "from_day": f"{day:%Y-%m-%d}", "until_day": f"{day:%Y-%m-%d}"},
        ]  # fmt: skip
        yield _policy(day, dice, kinds[place % len(kinds)])


def _policy(issued_at: datetime, dice: random.Random, fields: dict[str, Any]) -> tuple[str, bytes]:
    policy_id = str(UUID(int=dice.getrandbits(128), version=4))
    effective = {} if fields["type"] == "suspended" else {"effective_on": f"{issued_at:%Y-%m-%d}"}
    head = {"schema_version": 1, "policy_id": policy_id, "issued_at": f"{issued_at:%Y-%m-%dT%H:%M:%SZ}"}
    return policy_id, json.dumps(head | {"scope": {"all": True}} | effective | fields).encode()


def _cut(day: int, factor: str) -> tuple[str, bytes]:
    issued = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 10, tzinfo=UTC) + timedelta(days=day)
    fields = {"type": "target_adjusted", "plan_year": YEAR, "applies": "remaining", "factor": factor}
    return _policy(issued, random.Random(f"cut {day} {factor}"), fields)


def measure(size: Size, partitions: int) -> Measured:
    """Measure one size, with a Kafka of its own."""
    said = Measured(*size)
    with tempfile.TemporaryDirectory(prefix="quotastream-scale-") as scratch:
        folder = Path(scratch)
        with pinned_broker(folder / "kafka") as broker:
            names, workload = Names(), Workload(size.events, size.groups)
            with topic_admin.admin_client(broker.bootstrap_servers) as admin:
                topic_admin.create_missing(admin, names, partitions=partitions)
            dice = random.Random(f"{SEED} scale")
            publish(broker.bootstrap_servers, names.policy_changes, workload.policies())
            publish(broker.bootstrap_servers, names.policy_changes, _policies(size.policies, dice))
            publish(broker.bootstrap_servers, names.remittances, workload.remittances())
            worker = LiveWorker(broker.bootstrap_servers, folder)
            worker.set_day(0)
            _run(said, worker, lambda news: publish(broker.bootstrap_servers, names.policy_changes, iter([news])))
            said.disk_mib["local store"] = _mib(worker.state)
            for topic in (names.remittances, names.home, names.policies, names.told, names.status, names.alerts):
                said.disk_mib[topic] = sum(map(_mib, (folder / "kafka").glob(f"**/{topic}-[0-9]*")))
    return said


def _time(
    said: Measured, worker: LiveWorker, what: str, before: tuple[float, float],
    done: Callable[[dict[str, float]], bool],
) -> None:  # fmt: skip
    """Measure from a time and the CPU seconds at it until the worker has done something."""
    after = worker.until(done)
    said.spent[what] = Spent(after[0] - before[0], after[1] - before[1])
    said.memory_mib[what] = worker.memory_mib()
    said.alerts[what] = int(worker.metrics()["alerts_total"]) - sum(said.alerts.values())
    print(
        f"{said.groups:,} x {said.each:,}: {what}: {said.spent[what]}, {said.memory_mib[what]} MiB", file=sys.stderr
    )


def _run(said: Measured, worker: LiveWorker, decree: Callable[[tuple[str, bytes]], None]) -> None:
    events, groups = said.groups * said.each, said.groups
    worker.start()
    try:
        begun = worker.until_records()
        _time(said, worker, "folded", begun, lambda m: m.get("folded_events_total", 0) >= events)
        _time(said, worker, "told", worker.now(), all_told(groups))
        for what, begin in (
            ("policy for all, 1", lambda: decree(_cut(0, "0.999"))),
            ("policy for all, 2", lambda: decree(_cut(0, "0.998"))),
            ("turn of a day", lambda: worker.set_day(1)),
        ):
            wanted, before = worker.metrics()["statuses_total"] + groups * 0.99, worker.now()
            begin()
            _time(said, worker, what, before, all_told(wanted))
        said.peak_memory_mib = worker.peak_memory_mib()
    finally:
        worker.stop()


def _mib(folder: Path) -> int:
    # Kafka's index files are sparse: what they take is what counts.
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file()) >> 20


def report(said: Measured) -> Iterator[str]:
    """Yield the table of one size."""
    events = said.groups * said.each
    yield (
        f"{said.groups:,} groups, {events:,} remittances, {said.policies} policies for all in force; one live "
        "worker, one run."
    )
    yield ""
    yield "| what | seconds | CPU s | a CPU second | alerts | MiB resident |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for what, spent in said.spent.items():
        unit, units = ("remittances", events) if what == "folded" else ("groups", said.groups)
        rate = f"{said.a_cpu_second(units, what):,.0f} {unit}"
        cells = [what, f"{spent.seconds:,.1f}", f"{spent.cpu_seconds:,.1f}", rate]
        yield f"| {' | '.join(cells)} | {said.alerts[what]:,} | {said.memory_mib[what]:,} |"
    yield ""
    yield f"Most resident: {said.peak_memory_mib:,} MiB."
    yield "On disk (MiB): " + ", ".join(f"{what} {size:,}" for what, size in said.disk_mib.items()) + "."


def main() -> int:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--groups", type=int, default=100_000)
    parser.add_argument("--each", type=int, default=10, help="remittances a group")
    parser.add_argument("--policies", type=int, default=10, help="policies for all in force")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--growth", action="store_true", help="measure several sizes, and set them side by side")
    parser.add_argument(
        "--most-events", type=int, default=1_000_000, help="with --growth: leave out sizes of more remittances"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    offer_to_write(parser)
    given = parser.parse_args()
    if given.growth:
        left_out = [size for size in growth.SIZES if size.events > given.most_events]
        sizes = [measure(size, given.partitions) for size in growth.SIZES if size not in left_out]
        text, section = "\n".join(growth.report(sizes, left_out)), "growth"
        if given.write:
            growth.PLOT.write_text(growth.drawn(sizes))
    else:
        sizes = [measure(Size(given.groups, given.each, given.policies), given.partitions)]
        text, section = "\n".join(report(sizes[0])), "scale"
    tell(section, text, write=given.write)
    if given.json:
        given.json.write_text(json.dumps([asdict(said) for said in sizes], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
