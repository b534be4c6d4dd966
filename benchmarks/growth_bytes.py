"""Measures what the internal topics take for a remittance: where groups have few of them, and where they have many.

Once for a backlog, whose packs are as large as they get, and once for remittances that come live, in small ones. What
was written counts: the broker deletes and compacts nothing, and its index files are left aside. Of the live ones it
is what was added since all was told of groups that had policies and no money.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import Producer

from benchmarks.contestants import cores, pinned_broker
from benchmarks.figures import offer_to_write, tell
from benchmarks.live_worker import LiveWorker, all_told
from benchmarks.workload import CENTS, SEED, Workload, last_day_remittance, on_schedule, publish
from streams.shell import topic_admin
from streams.shell.health import BEAT_SECONDS
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.devkafka.broker import Broker

PARTITIONS = 4
INTERNAL = (Names().home, Names().policies, Names().told)


@dataclass(frozen=True)
class Written:
    """How many bytes of each internal topic so many remittances took."""

    how: str
    each: int  # remittances a group
    groups: int
    topics: dict[str, int]

    def a_remittance(self, *topics: str) -> float:
        """Return the bytes of some topics, or of all, for a remittance."""
        return sum(self.topics[topic] for topic in topics or self.topics) / (self.groups * self.each)


def log_bytes(broker: Broker) -> dict[str, int]:
    """Return the bytes of each internal topic's log segments."""
    return {
        topic: sum(segment.stat().st_size for segment in broker.data_dir.glob(f"**/{topic}-[0-9]*/*.log"))
        for topic in INTERNAL
    }


def of_backlog(broker: Broker, worker: LiveWorker, workload: Workload) -> dict[str, int]:
    """Have a backlog folded and told of; return what was written."""
    publish(broker.bootstrap_servers, Names().policy_changes, workload.policies())
    publish(broker.bootstrap_servers, Names().remittances, workload.remittances())
    worker.start()
    _until_told(worker, workload, workload.groups)
    return log_bytes(broker)


def live_at(rate: int) -> Callable[[Broker, LiveWorker, Workload], dict[str, int]]:
    """Return what has remittances come at a rate a second while the worker runs; it returns what they added."""

    def of_live(broker: Broker, worker: LiveWorker, workload: Workload) -> dict[str, int]:
        publish(broker.bootstrap_servers, Names().policy_changes, workload.policies())
        worker.start()
        worker.until(all_told(workload.groups))
        before = log_bytes(broker)
        _send(broker.bootstrap_servers, workload, rate)
        _until_told(worker, workload, 2 * workload.groups)
        return {topic: size - before[topic] for topic, size in log_bytes(broker).items()}

    return of_live


def _until_told(worker: LiveWorker, workload: Workload, statuses: int) -> None:
    worker.until(lambda m: m.get("folded_events_total", 0) >= workload.count)
    time.sleep(2 * BEAT_SECONDS)  # untold_groups is as old as that
    worker.until(all_told(statuses))


def _send(bootstrap_servers: str, workload: Workload, rate: int) -> None:
    dice, names = random.Random(f"{SEED} live"), workload.names()
    producer = Producer({"bootstrap.servers": bootstrap_servers, "acks": "all", "compression.type": "lz4"})
    for number, _ in on_schedule(producer, rate, workload.count):
        cents = dice.randint(*CENTS)
        key, value = last_day_remittance(dice, names[number % len(names)], f"{cents // 100}.{cents % 100:02}")
        producer.produce(Names().remittances, value, key)
    if producer.flush(60):
        raise RuntimeError("some remittances were not acknowledged")


def measure(
    how: str, each: int, events: int, write: Callable[[Broker, LiveWorker, Workload], dict[str, int]]
) -> Written:
    """Measure one way at one number of remittances a group, with a Kafka of its own."""
    workload = Workload(events // each * each, events // each, in_turn=True)
    with tempfile.TemporaryDirectory(prefix="quotastream-bytes-") as scratch:
        folder = Path(scratch)
        with pinned_broker(folder / "kafka") as broker:
            with topic_admin.admin_client(broker.bootstrap_servers) as admin:
                topic_admin.create_missing(admin, Names(), partitions=PARTITIONS)
            worker = LiveWorker(broker.bootstrap_servers, folder / "worker")
            worker.set_day(0)
            try:
                written = Written(how, each, workload.groups, write(broker, worker, workload))
            finally:
                worker.stop()
    print(written, file=sys.stderr)
    return written


def report(found: list[Written]) -> Iterator[str]:
    """Yield the table, and for each way the ratio of most to fewest remittances a group."""
    yield f"Bytes of the internal topics a remittance, all told; {PARTITIONS} partitions."
    yield ""
    yield f"| remittances come | a group | groups | {' | '.join(INTERNAL)} | together |"
    yield f"| --- | --- | --- |{' --- |' * (len(INTERNAL) + 1)}"
    for written in found:
        sizes = " | ".join(f"{written.a_remittance(topic):.1f}" for topic in INTERNAL)
        yield f"| {written.how} | {written.each:,} | {written.groups:,} | {sizes} | {written.a_remittance():.1f} |"
    yield ""
    for how in dict.fromkeys(written.how for written in found):
        few, *_, many = sorted((w for w in found if w.how == how), key=lambda w: w.each)
        ratio = many.a_remittance() / few.a_remittance()
        yield f"- {how}, bytes at {many.each:,} a group / at {few.each:,}: **{ratio:.2f} x**"


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.growth_bytes", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--each", type=int, nargs=2, default=[100, 10_000], help="remittances a group: few, and many")
    parser.add_argument("--events", type=int, default=1_000_000, help="remittances of the backlog")
    parser.add_argument("--rate", type=int, default=2_000, help="remittances a second that come live")
    parser.add_argument("--seconds", type=int, default=30, help="for which they come")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    offer_to_write(parser)
    given = parser.parse_args()
    os.sched_setaffinity(0, cores()[0])
    if min(given.events, given.rate * given.seconds) < max(given.each):
        parser.error("a group can't have more remittances than there are: raise --events, --rate or --seconds")
    live = f"live, {given.rate:,} a second"
    found = [measure("as a backlog", each, given.events, of_backlog) for each in given.each]
    found += [measure(live, each, given.rate * given.seconds, live_at(given.rate)) for each in given.each]
    tell("growth of bytes", "\n".join(report(found)), write=given.write)
    if given.json:
        given.json.write_text(json.dumps([asdict(written) for written in found], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
