"""Measures a whole live worker as it grows: catching up, a policy for all, the turn of a day, starting again.

`make bench-scale ARGS="--groups 100000 --each 10"` measures one size, `ARGS=--growth` several, side by side. Starts a
Kafka of its own in a temporary folder. CPU seconds are the worker's, all threads.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from benchmarks.figures import offer_to_write, tell
from benchmarks.workload import LAST_DAY, SEED, YEAR, Workload, publish
from streams.devkafka import broker as devkafka
from streams.devkafka.config import choose_port
from streams.shell import topic_admin
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POLL_SECONDS = 0.5  # a look costs the worker some milliseconds
GIVE_UP_SECONDS = 7200
_TICKS = os.sysconf("SC_CLK_TCK")
BROKER_CONFIG = {"log.retention.ms": "-1", "log.cleaner.enable": "false"}


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
    disk_mib: dict[str, int] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)

    def a_cpu_second(self, what: str, units: int) -> float:
        """Return how many units of something a CPU second did."""
        return units / max(self.spent[what].cpu_seconds, 0.01)


class Worker:
    """A live worker in a process of its own, whose clock a file moves."""

    def __init__(self, bootstrap_servers: str, folder: Path) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._folder = folder
        self._clock = folder / "clock"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.begun = 0.0

    def start(self) -> None:
        """Start it; what it says goes to a file."""
        self.port, self.begun = choose_port(), time.monotonic()
        program = str(Path(sys.executable).with_name("quotastream"))
        command = [
            program, "worker", "--bootstrap-servers", self._bootstrap_servers,
            "--state-dir", str(self._folder / "state"), "--metrics-port", str(self.port),
        ]  # fmt: skip
        environment = os.environ | {"QUOTASTREAM_PREFIX": "", "QUOTASTREAM_CLOCK_FILE": str(self._clock)}
        with (self._folder / "log").open("ab") as out:
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)

    def stop(self) -> None:
        """End it, and wait."""
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def set_day(self, day: int) -> None:
        """Move the clock to noon of a day, counted from the workload's last."""
        moment = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 12, tzinfo=UTC) + timedelta(days=day)
        written = self._clock.with_suffix(".new")
        written.write_text(moment.isoformat())
        written.replace(self._clock)

    def now(self) -> tuple[float, float]:
        """Return the time and the CPU seconds used so far."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the worker ended with {self.process.returncode}: see {self._folder / 'log'}")
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return time.monotonic(), (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mib(self) -> int:
        """Return its resident memory."""
        assert self.process is not None
        rows = dict(line.split(":", 1) for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return int(rows["VmRSS"].split()[0]) // 1024

    def metrics(self) -> dict[str, float]:
        """Return the sums of its metrics over their labels; empty while it doesn't answer."""
        found: dict[str, float] = {}
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
                lines = answer.read().decode().splitlines()
        except (urllib.error.URLError, OSError):
            return found
        for line in lines:
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                name = name.partition("{")[0].removeprefix("quotastream_")
                found[name] = found.get(name, 0.0) + float(value)
        return found

    def until(self, reached: Callable[[dict[str, float]], bool]) -> tuple[float, float]:
        """Wait until its metrics say so; return the time and the CPU seconds."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            metrics = self.metrics()
            now = self.now()
            if metrics and reached(metrics):
                return now
            time.sleep(POLL_SECONDS)
        raise RuntimeError("the worker took too long")


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


def measure(groups: int, each: int, policies: int, *, partitions: int, restarts: bool) -> Measured:
    """Measure one size, with a Kafka of its own."""
    said = Measured(groups, each, policies)
    with tempfile.TemporaryDirectory(prefix="quotastream-scale-") as scratch:
        folder = Path(scratch)
        with devkafka.session(folder / "kafka", extra_config=BROKER_CONFIG) as broker:
            names, workload = Names(), Workload(groups * each, groups)
            with topic_admin.admin_client(broker.bootstrap_servers) as admin:
                topic_admin.create_missing(admin, names, partitions=partitions)
            dice = random.Random(f"{SEED} scale")
            publish(broker.bootstrap_servers, names.policy_changes, workload.policies())
            publish(broker.bootstrap_servers, names.policy_changes, _policies(policies, dice))
            publish(broker.bootstrap_servers, names.remittances, workload.remittances())
            worker = Worker(broker.bootstrap_servers, folder)
            worker.set_day(0)
            _run(said, worker, lambda news: publish(broker.bootstrap_servers, names.policy_changes, iter([news])))
            said.disk_mib["local store"] = _mib(folder / "state")
            for topic in (names.remittances, names.home, names.policies, names.told, names.status, names.alerts):
                said.disk_mib[topic] = sum(map(_mib, (folder / "kafka").glob(f"**/{topic}-[0-9]*")))
            if restarts:
                _restart(said, worker, folder, partitions)
    return said


@contextmanager
def _timed(said: Measured, worker: Worker, what: str, done: Callable[[dict[str, float]], bool]) -> Iterator[None]:
    """Measure from here until the worker has done something."""
    before, alerts = worker.now(), worker.metrics().get("alerts_total", 0)
    yield
    after = worker.until(done)
    said.spent[what] = Spent(after[0] - before[0], after[1] - before[1])
    said.memory_mib[what] = worker.memory_mib()
    said.alerts[what] = int(worker.metrics()["alerts_total"] - alerts)
    print(
        f"{said.groups:,} x {said.each:,}: {what}: {said.spent[what]}, {said.memory_mib[what]} MiB", file=sys.stderr
    )


def _run(said: Measured, worker: Worker, decree: Callable[[tuple[str, bytes]], None]) -> None:
    events, groups = said.groups * said.each, said.groups

    def all_told(metrics: dict[str, float], statuses: float) -> bool:
        return metrics.get("statuses_total", 0) >= statuses and not metrics.get("untold_groups")

    worker.start()
    worker.until(bool)
    try:
        with _timed(said, worker, "folded", lambda m: m.get("folded_events_total", 0) >= events):
            pass
        with _timed(said, worker, "told", lambda m: all_told(m, groups)):
            pass
        for what, begin in (
            ("policy for all, 1", lambda: decree(_cut(0, "0.999"))),
            ("policy for all, 2", lambda: decree(_cut(0, "0.998"))),
            ("turn of a day", lambda: worker.set_day(1)),
        ):
            wanted = worker.metrics()["statuses_total"] + groups * 0.99
            with _timed(said, worker, what, partial(all_told, statuses=wanted)):
                begin()
    finally:
        worker.stop()


def _restart(said: Measured, worker: Worker, folder: Path, partitions: int) -> None:
    """Start again with the local store, then from the logs alone."""
    worker.start()
    try:
        folded = worker.until(lambda m: m.get("home_partitions", 0) >= partitions)
        said.spent["start with the store: log goes on"] = Spent(folded[0] - worker.begun, folded[1])
        told = worker.until(lambda m: m.get("caught_up_partitions", 0) >= partitions)
        said.spent["start with the store: telling"] = Spent(told[0] - worker.begun, told[1])
    finally:
        worker.stop()
    shutil.rmtree(folder / "state")
    worker.start()
    try:
        begun = worker.until(lambda m: m.get("home_partitions", 0) >= partitions)
        done = worker.until(lambda m: m.get("folded_events_total", 0) >= said.groups * said.each)
        said.spent["log alone: restored"] = Spent(done[0] - begun[0], done[1] - begun[1])
    finally:
        worker.stop()
    for what in ("start with the store: log goes on", "start with the store: telling", "log alone: restored"):
        print(f"{said.groups:,} x {said.each:,}: {what}: {said.spent[what]}", file=sys.stderr)


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
        units = events if what in {"folded", "log alone: restored"} else said.groups
        rate = "" if what.startswith("start") else f"{said.a_cpu_second(what, units):,.0f}"
        cells = [what, f"{spent.seconds:,.1f}", f"{spent.cpu_seconds:,.1f}", rate]
        yield f"| {' | '.join(cells)} | {said.alerts.get(what, '')} | {said.memory_mib.get(what, '')} |"
    yield ""
    yield "On disk (MiB): " + ", ".join(f"{what} {size:,}" for what, size in said.disk_mib.items()) + "."


GROWTH = ((100, 1_000, 10), (10_000, 10, 10), (10_000, 10, 1_000), (100, 10_000, 10), (100_000, 10, 10))


def growth(sizes: list[Measured]) -> Iterator[str]:
    """Yield the table of several sizes, each with a bar: events folded and told a CPU second."""
    rates = []
    for said in sizes:
        cpu = said.spent["folded"].cpu_seconds + said.spent["told"].cpu_seconds
        rates.append(said.groups * said.each / max(cpu, 0.01))
    yield (
        "| groups | remittances a group | policies in force | events a CPU second "
        "| groups a CPU second, policy for all | |"
    )
    yield "| --- | --- | --- | --- | --- | --- |"
    for said, rate in zip(sizes, rates, strict=True):
        decreed = said.a_cpu_second("policy for all, 2", said.groups)
        bar = "█" * round(30 * rate / max(rates))
        yield f"| {said.groups:,} | {said.each:,} | {said.policies:,} | {rate:,.0f} | {decreed:,.0f} | {bar} |"


def main() -> int:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--groups", type=int, default=100_000)
    parser.add_argument("--each", type=int, default=10, help="remittances a group")
    parser.add_argument("--policies", type=int, default=10, help="policies for all in force")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--growth", action="store_true", help="measure several sizes, and set them side by side")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    offer_to_write(parser)
    given = parser.parse_args()
    if given.growth:
        sizes = [measure(*size, partitions=given.partitions, restarts=False) for size in GROWTH]
        text, section = "\n".join(growth(sizes)), "growth"
    else:
        size = (given.groups, given.each, given.policies)
        sizes = [measure(*size, partitions=given.partitions, restarts=True)]
        text, section = "\n".join(report(sizes[0])), "scale"
    tell(section, text, write=given.write)
    if given.json:
        given.json.write_text(json.dumps([asdict(said) for said in sizes], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
