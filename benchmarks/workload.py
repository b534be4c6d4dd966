"""The one workload that everything is measured on: seeded, so that each run and each contestant gets the same bytes.

A group_opened and a target_set for each group, and remittances of 246 bytes that walk through the year, each of a
random group. What must come of them is worked out here too, without any code of quotastream.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from confluent_kafka import Producer

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 1
YEAR = 2026
LAST_DAY = date(YEAR, 12, 20)  # the day on which the worker stands
DAYS = 350  # from New Year on which money comes
RECORD_BYTES = 246
CENTS = (1_00, 900_00)  # of one remittance


@dataclass
class Workload:
    """What is published, and the right totals in minor units."""

    events: int
    groups: int = 1_000
    seed: int = SEED
    stop: int | None = None  # only the first so many of the events
    in_turn: bool = False  # the groups one after the other, not at random: each has as many remittances
    by_day: bool = False  # day_totals too
    totals: dict[str, int] = field(default_factory=dict)  # by group
    day_totals: dict[str, int] = field(default_factory=dict)  # by "group|day", the day as an ordinal

    @property
    def count(self) -> int:
        """How many remittances are published."""
        return self.events if self.stop is None else self.stop

    def names(self) -> list[str]:
        """Return the groups."""
        return [f"unit-{number:06}" for number in range(self.groups)]

    def policies(self) -> Iterator[tuple[str, bytes]]:
        """Yield (key, value) of the policies: targets such that some groups are behind and some are not."""
        dice = random.Random(f"{self.seed} policies")
        cents = self.events / self.groups * sum(CENTS) / 2
        for number, group_id in enumerate(self.names()):
            region = f"region-{number % 4}"
            yield self._policy(dice, "group_opened", group_id, region=region, opened_on=f"{YEAR}-01-01", headcount=40)
            amount = f"{int(cents * dice.uniform(0.8, 1.3)) // 100 + 1}.00"
            plan = {"plan_year": YEAR, "amount": amount, "currency": "USD", "basis": "fixed"}
            yield self._policy(dice, "target_set", group_id, **plan, pace={"kind": "linear"})

    def _policy(self, dice: random.Random, kind: str, group_id: str, **fields: Any) -> tuple[str, bytes]:
        head = {"schema_version": 1, "type": kind, "policy_id": _uuid(dice), "issued_at": f"{YEAR}-01-01T00:00:00Z"}
        return group_id, json.dumps(head | {"group_id": group_id} | fields).encode()

    def remittances(self) -> Iterator[tuple[str, bytes]]:
        """Yield (key, value) of the remittances, and add up what they come to."""
        dice, names = random.Random(f"{self.seed} remittances"), self.names()
        self.totals, self.day_totals = dict.fromkeys(names, 0), {}
        start = datetime(YEAR, 1, 1, tzinfo=UTC)
        for number in range(self.count):
            at = start + timedelta(seconds=int(number / self.events * DAYS * 86_400) + dice.randrange(86_400))
            place = number % len(names) if self.in_turn else int(dice.random() * len(names))
            group_id, cents = names[place], dice.randint(*CENTS)
            self.totals[group_id] += cents
            if self.by_day:
                day = f"{group_id}|{at.toordinal()}"
                self.day_totals[day] = self.day_totals.get(day, 0) + cents
            head = (
                f'{{"schema_version":1,"type":"remittance","event_id":"{_uuid(dice)}","group_id":"{group_id}",'
                f'"amount":"{cents // 100}.{cents % 100:02}","currency":"USD",'
                f'"occurred_at":"{at:%Y-%m-%dT%H:%M:%SZ}",'
                '"channel":"bank_transfer","reference":"'
            )
            yield group_id, f'{head}{"x" * (RECORD_BYTES - len(head) - 2)}"}}'.encode()


def last_day_remittance(dice: random.Random, group_id: str, amount: str) -> tuple[str, bytes]:
    """Return (key, value) of a remittance of the workload's last day, on which a worker may stand live."""
    return group_id, json.dumps(
        {"schema_version": 1, "type": "remittance", "event_id": _uuid(dice), "group_id": group_id, "amount": amount,
         "currency": "USD", "occurred_at": f"{LAST_DAY}T00:00:00Z", "channel": "bank_transfer"}
    ).encode()  # fmt: skip


def _uuid(dice: random.Random) -> str:
    return str(UUID(int=dice.getrandbits(128), version=4))


def on_schedule(producer: Producer, rate: int, count: int) -> Iterator[tuple[int, float]]:
    """Yield numbers from 0 on, each when it is due at a rate a second, with when that is; the producer works on."""
    begin = time.monotonic() + 0.1
    for number in range(count):
        at = begin + number / rate
        while (early := at - time.monotonic()) > 0:
            producer.poll(0)
            time.sleep(min(early, 0.001))
        yield number, at


def publish(bootstrap_servers: str, topic: str, messages: Iterator[tuple[str, bytes]]) -> None:
    """Publish and wait until all of it is acknowledged."""
    producer = Producer(
        {"bootstrap.servers": bootstrap_servers, "acks": "all", "linger.ms": 20, "compression.type": "lz4",
         "partitioner": "murmur2_random", "queue.buffering.max.messages": 1_000_000}
    )  # fmt: skip
    for number, (key, value) in enumerate(messages):
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1_000 == 0:
            producer.poll(0)
    left = producer.flush(120)
    if left:
        raise RuntimeError(f"{left} messages were not acknowledged")
