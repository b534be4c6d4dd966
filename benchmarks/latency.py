"""Measures latency: from when a remittance was to be sent until the alert that it causes is in a subscriber's hands.

Beside the whole `quotastream worker` stands Kafka Streams (exactly_once_v2), which keeps a total a group and tells of
those over a limit. Remittances are sent on a fixed schedule, and time counts from the schedule: whoever falls behind
pays for it. Most are of groups in which no alert is due; one in a hundred lifts a group over its target.

The broker and the load share one core, the contestant with all its threads has the other. A broker gets faster over
minutes, as its JVM compiles what it runs: so each round has one of its own, and each is first in every other round.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from uuid import UUID

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.contestants import (
    cores,
    kafka_streams_at_hand,
    pinned_broker,
    start,
    stop,
    streams_peer,
    worker_arguments,
)
from benchmarks.figures import offer_to_write, tell
from benchmarks.workload import YEAR, last_day_remittance, on_schedule, publish
from streams.devkafka.config import choose_port
from streams.shell import topic_admin
from streams.shell.topics import Names

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

PARTITIONS = 4
ORDINARY = 1_000  # groups
ONE_IN = 100  # remittances lifts a group over its target
BROKER_WARM_SECONDS = 30  # of the highest rate, into a topic that nobody reads: the broker alone has to keep up first
WARM_UP_RATE = 900  # run before what is measured: a broker whose code is not compiled yet needs more than its core
WARM_SECONDS = 15  # at each rate
TARGET, OVER, SMALL = "36500.00", "40000.00", "0.01"
LIMIT_CENTS = 30_000_00
WORKER, PEER = "quotastream worker", "Kafka Streams, exactly_once_v2, commits every 10 ms"
READY_SECONDS = 300
TAIL_SECONDS = 30  # in which the last alerts have to come
FLUSH_SECONDS = 60  # in which a broker has to take what is left


class BrokenOffError(RuntimeError):
    """A contestant's turn came to no end; the text says what was missing."""


@dataclass
class Subscriber:
    """Notes when the first alert of each group came that says that it is over its target."""

    bootstrap_servers: str
    topic: str
    group_of: Callable[[Any], str | None]
    came: dict[str, float] = field(default_factory=dict)
    any_alert: set[bytes] = field(default_factory=set)
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap_servers, "group.id": "unused", "enable.auto.commit": False,
             "isolation.level": "read_committed", "fetch.wait.max.ms": 50, "auto.offset.reset": "earliest"}
        )  # fmt: skip
        consumer.assign([TopicPartition(self.topic, p, 0) for p in range(PARTITIONS)])
        while not self.stopped.is_set():
            for message in consumer.consume(500, 0.005):
                now = time.monotonic()
                if message.error() is None:
                    self.any_alert.add(message.key())
                    if (group_id := self.group_of(message)) is not None:
                        self.came.setdefault(group_id, now)
        consumer.close()

    def close(self) -> None:
        """Stop reading."""
        self.stopped.set()
        self.thread.join()


def over_target(message: Any) -> str | None:
    """Return the group whose behind_pace an alert says is resolved."""
    alert = json.loads(message.value())
    return alert["group_id"] if (alert["kind"], alert["transition"]) == ("behind_pace", "resolved") else None


def _uuid(dice: random.Random) -> str:
    return str(UUID(int=dice.getrandbits(128), version=4))


def _policies(groups: list[str]) -> Iterator[tuple[str, bytes]]:
    dice = random.Random("latency policies")
    for group_id in groups:
        head = {"schema_version": 1, "issued_at": f"{YEAR}-01-01T00:00:00Z", "group_id": group_id}
        opened = {"type": "group_opened", "region": "north", "opened_on": f"{YEAR}-01-01", "headcount": 40}
        target = {"type": "target_set", "plan_year": YEAR, "amount": TARGET, "currency": "USD", "basis": "fixed",
                  "pace": {"kind": "linear"}}  # fmt: skip
        for fields in (opened, target):
            yield group_id, json.dumps(head | fields | {"policy_id": _uuid(dice)}).encode()


def ordinary() -> list[str]:
    """Return the groups that pay little."""
    return [f"unit-{number:06}" for number in range(ORDINARY)]


def probes(rate: int, seconds: int) -> list[str]:
    """Return the groups that a run at a rate lifts over their target, each once."""
    return [f"probe-{rate}-{number:06}" for number in range(rate * (seconds + WARM_SECONDS) // ONE_IN)]


def _send(bootstrap_servers: str, topic: str, rate: int, seconds: int) -> dict[str, float]:
    """Send on schedule; return when each probe's remittance was to be sent, the warm-up's left out."""
    dice, units, lifted = random.Random(f"latency {rate}"), ordinary(), probes(rate, seconds)
    messages = [
        last_day_remittance(dice, lifted[n // ONE_IN], OVER)
        if n % ONE_IN == 0
        else last_day_remittance(dice, dice.choice(units), SMALL)
        for n in range(rate * (seconds + WARM_SECONDS))
    ]
    producer = Producer(
        {"bootstrap.servers": bootstrap_servers, "acks": "all", "compression.type": "lz4",
         "queue.buffering.max.messages": 1_000_000}  # all of a run: where a broker stands still, time goes on
    )  # fmt: skip
    due: dict[str, float] = {}
    for number, at in on_schedule(producer, rate, len(messages)):
        key, value = messages[number]
        producer.produce(topic, value, key)
        if number % ONE_IN == 0 and number >= WARM_SECONDS * rate:
            due[key] = at
    if left := producer.flush(FLUSH_SECONDS):
        raise BrokenOffError(
            f"{left:,} of {len(messages):,} remittances not acknowledged {FLUSH_SECONDS} s after the last"
        )
    return due


def _measure(subscriber: Subscriber, topic: str, rate: int, seconds: int) -> list[float]:
    """Return the latencies at a rate, ascending, in milliseconds."""
    due = _send(subscriber.bootstrap_servers, topic, rate, seconds)
    deadline = time.monotonic() + TAIL_SECONDS
    while not due.keys() <= subscriber.came.keys() and time.monotonic() < deadline:
        time.sleep(0.05)
    missing = due.keys() - subscriber.came.keys()
    if missing:
        raise BrokenOffError(f"{len(missing)} of {len(due)} alerts did not come")
    return sorted(1000 * (subscriber.came[group_id] - at) for group_id, at in due.items())


def _measure_all(subscriber: Subscriber, topic: str, rates: list[int], seconds: int) -> dict[int, list[float]]:
    """Return the latencies at each rate, after a run that nobody measures."""
    _measure(subscriber, topic, WARM_UP_RATE, seconds)
    return {rate: _measure(subscriber, topic, rate, seconds) for rate in rates}


def _wait(child: subprocess.Popen[bytes], ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        if child.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{what} never came")
        time.sleep(0.2)


def _worker(bootstrap_servers: str, rates: list[int], seconds: int, folder: Path) -> dict[int, list[float]]:
    folder.mkdir()
    names = Names("", replay=True, output_prefix="latency-")
    with topic_admin.admin_client(bootstrap_servers) as admin:
        topic_admin.create_missing(admin, Names(), partitions=PARTITIONS)
    groups = ordinary() + [group_id for rate in (WARM_UP_RATE, *rates) for group_id in probes(rate, seconds)]
    publish(bootstrap_servers, names.policy_changes, _policies(groups))
    arguments = worker_arguments(bootstrap_servers, names.output_prefix, folder / "state", choose_port())
    child = start(arguments, os.environ | {"QUOTASTREAM_PREFIX": ""}, folder / "log")
    try:
        _wait(child, lambda: _has_topic(bootstrap_servers, names.alerts), "the alerts' topic")
        subscriber = Subscriber(bootstrap_servers, names.alerts, over_target)
        # Each group is silent and behind pace before it pays.
        _wait(child, lambda: len(subscriber.any_alert) >= 2 * len(groups), "the alerts before the run")
        found = _measure_all(subscriber, names.remittances, rates, seconds)
        subscriber.close()
        return found
    finally:
        stop(child)


def _has_topic(bootstrap_servers: str, topic: str) -> bool:
    with topic_admin.admin_client(bootstrap_servers) as admin:
        return not topic_admin.describe(admin, [topic])[0]["error_code"]


def _create(bootstrap_servers: str, *topics: str) -> None:
    with topic_admin.admin_client(bootstrap_servers) as admin:
        admin.create_topics({topic: {"num_partitions": PARTITIONS, "replication_factor": 1} for topic in topics})


def _kafka_streams(bootstrap_servers: str, rates: list[int], seconds: int, folder: Path) -> dict[int, list[float]]:
    folder.mkdir()
    topic, alerts = "latency-peer", "latency-peer-alerts"
    _create(bootstrap_servers, topic, alerts)
    arguments = [bootstrap_servers, topic, alerts, str(LIMIT_CENTS), str(folder / "state")]
    child = start([*streams_peer("Crossings"), *arguments], dict(os.environ), folder / "log")
    try:
        subscriber = Subscriber(bootstrap_servers, alerts, lambda message: message.key().decode())
        publish(bootstrap_servers, topic, iter([last_day_remittance(random.Random(0), "probe-first", OVER)]))
        _wait(child, lambda: bool(subscriber.came), "the first message of Kafka Streams")
        found = _measure_all(subscriber, topic, rates, seconds)
        subscriber.close()
        return found
    finally:
        stop(child)


def _report(
    seconds: int, rounds: int, found: dict[str, dict[int, list[list[float]]]], broken_off: list[str]
) -> Iterator[str]:
    yield (f"{seconds} s at each rate after {WARM_SECONDS} s to warm up; {ORDINARY:,} groups and those lifted over "
           f"their target, {PARTITIONS} partitions; medians of {rounds} rounds, each first in turn.")  # fmt: skip
    yield ""
    yield "| contestant | remittances/s | alerts | p50 ms | least, most | p90 ms | p99 ms | least, most |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, rates in found.items():
        for rate, runs in rates.items():
            if not runs:
                continue
            p50, p90, p99 = (sorted(_percentile(ms, share) for ms in runs) for share in (0.5, 0.9, 0.99))
            yield (
                f"| {name} | {rate:,} | {sum(map(len, runs)):,} | {median(p50):.1f} | {p50[0]:.1f}, {p50[-1]:.1f} "
                f"| {median(p90):.1f} | {median(p99):.1f} | {p99[0]:.1f}, {p99[-1]:.1f} |"
            )
    if broken_off:
        yield ""
        yield from (f"- broken off, and in no figure above: {what}" for what in broken_off)


def _percentile(ms: list[float], share: float) -> float:
    return ms[min(int(len(ms) * share), len(ms) - 1)]


def measure(folder: Path, rates: list[int], seconds: int, rounds: int, alone: bool) -> str:
    """Run both contestants, round after round, each first in turn; return the table. Each round has its own Kafka."""
    os.sched_setaffinity(0, cores()[0])
    contestants = {WORKER: _worker}
    if not alone and kafka_streams_at_hand():
        contestants[PEER] = _kafka_streams
    found: dict[str, dict[int, list[list[float]]]] = {name: {rate: [] for rate in rates} for name in contestants}
    broken_off: list[str] = []
    for number in range(rounds):
        in_turn = list(contestants.items())
        with pinned_broker(folder / f"kafka-{number}") as broker:
            servers = broker.bootstrap_servers
            _create(servers, "warm-up")
            _send(servers, "warm-up", max(rates), BROKER_WARM_SECONDS - WARM_SECONDS)
            for place, (name, run) in enumerate(in_turn if number % 2 == 0 else reversed(in_turn)):
                try:
                    latencies = run(servers, rates, seconds, folder / f"{number}-{place}")
                except BrokenOffError as error:
                    broken_off.append(f"{name} in round {number + 1}: {error}")
                    print(broken_off[-1], file=sys.stderr)
                    continue
                for rate, ms in latencies.items():
                    found[name][rate].append(ms)
                    print(f"round {number + 1}: {name}, {rate:,}/s: p50 {_percentile(ms, 0.5):.1f} ms, "
                          f"p99 {_percentile(ms, 0.99):.1f} ms", file=sys.stderr)  # fmt: skip
    return "\n".join(_report(seconds, rounds, found, broken_off))


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.latency", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rates", type=int, nargs="+", default=[1_000, 10_000], help="remittances a second")
    parser.add_argument("--seconds", type=int, default=20, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only-worker", action="store_true", help="leave Kafka Streams out")
    offer_to_write(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quotastream-latency-") as scratch:
        report = measure(Path(scratch), given.rates, given.seconds, given.rounds, given.only_worker)
    tell("latency", report, write=given.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
