"""Ends, clocks and floods: SIGTERM under load, jumps of the clock, a storm of policies, poison."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaProducer

from streams.shell import packs
from streams.synthetic import year
from tests.faults.scene import DAY, GROUPS
from tests.model.wire import adjusted, opened, remittance, target
from tests.reading import read_records

if TYPE_CHECKING:
    from datetime import date

    from tests.faults.harness import WorkerProcess
    from tests.faults.scene import Message, Scene

POLICIES = 1_000


def routed(scene: Scene) -> dict[int, int]:
    """Return how far the home log has come with each partition of the remittances."""
    reached: dict[int, int] = {}
    for record in read_records(scene.bootstrap_servers, scene.names.home):
        for part in packs.decode(record.value):
            behind_it = max((offset + 1 for offset, _ in part.entries), default=part.stamp)
            reached[part.partition] = max(reached.get(part.partition, 0), behind_it)
    return reached


def test_sigterm_under_load(scene: Scene) -> None:
    """SIGTERM amid a backlog: what was begun is finished and committed, exit code 0 within 10 s; nothing is lost."""
    scene.plays(51, 6_000)
    scene.publish_all()
    worker = scene.worker("w1")
    slowest = 0.0
    for _ in range(3):
        worker.start().ready()
        time.sleep(0.3)
        slowest = max(slowest, worker.ends_in_seconds())
        assert slowest < 10
        assert scene.committed(scene.names.remittances) == routed(scene)
    worker.start().ready()
    outputs = scene.compare()
    assert worker.stop() == 0
    assert outputs.retractions == 0
    scene.report("SIGTERM under load, 3 times", outputs, slowest_end_seconds=round(slowest, 1))


def set_clock(worker: WorkerProcess, day: date) -> None:
    """Move the clock that the workers read, at once."""
    fresh = worker.clock.with_suffix(".new")
    fresh.write_text(f"{day.isoformat()}T12:00:00+00:00")
    fresh.replace(worker.clock)


def test_the_clock_jumps(scene: Scene) -> None:
    """A day forward and back: the day reached stays the later one, through a kill -9 too; nothing is taken back."""
    tomorrow = DAY.replace(day=DAY.day + 1)
    scene.plays(52, 4_000, day=tomorrow)
    scene.publish_all(scene.messages[:2_000])
    (worker,) = scene.workers(1)
    worker.says("caught up", 4)
    time.sleep(2)
    set_clock(worker, tomorrow)
    time.sleep(3)
    set_clock(worker, DAY)
    scene.publish(3, scene.messages[2_000:])
    time.sleep(1)
    worker.kill()
    worker.start().ready()
    outputs = scene.compare()
    assert worker.stop() == 0
    days = {status["as_of"] for status in outputs.statuses.values()}
    assert days == {tomorrow.isoformat()}
    scene.report("the clock jumps a day forward and back", outputs)


def storm(seed: int, groups: list[str]) -> list[Message]:
    """Return a thousand adjustments of every kind, all over the year: 50 for all, the others for a group each.

    More of them for all would make the naive model, which walks every day under every policy, work for an hour.
    """
    dice = random.Random(seed)
    found = []
    for number in range(POLICIES):
        day = f"2026-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"
        change = {"factor": f"{dice.uniform(0.97, 1.03):.4f}"} if dice.random() < 0.7 else {
            "delta": f"{dice.uniform(-50, 50):.2f}", "currency": "USD",
        }  # fmt: skip
        scope = {"all": True} if number % 20 == 0 else {"group_id": dice.choice(groups)}
        found.append(adjusted(50_000 + number, day, day, scope=scope, **change))
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_storm_of_policies(scene: Scene) -> None:
    """A thousand policies amid a catch-up: told once, when all is known, and nothing is taken back."""
    calm = list(year(53, GROUPS, 4_000, 2026))
    groups = sorted({message["group_id"] for message in calm if message["type"] == "group_opened"})
    assert len(groups) == GROUPS
    further = storm(53, groups)
    scene.plays(53, 4_000, *further)
    scene.publish_all(scene.messages[: -len(further)])
    worker = scene.worker("w1").start()
    scene.publish_all(further)
    outputs = scene.compare(within_seconds=300)
    assert worker.stop() == 0
    scene.report("a storm of 1,000 policies amid a catch-up", outputs)


def poisoned(good: list[Message]) -> list[bytes]:
    """Return good messages with something bad after each."""
    bad = (b"\xff\xfenot json{", b"", b"[]", b'{"type":"remittance"}', b'{"schema_version":1,"type":"remittance"}')
    return [part for n, message in enumerate(good) for part in (json.dumps(message).encode(), bad[n % len(bad)])]


def send(scene: Scene, values: list[bytes]) -> None:
    """Send values into one partition of the remittances, in their order."""
    producer = KafkaProducer(bootstrap_servers=scene.bootstrap_servers, acks="all", linger_ms=5)
    futures = [producer.send(scene.names.remittances, value, partition=0) for value in values]
    producer.flush()
    for future in futures:
        future.get(30)
    producer.close()


def test_every_second_of_400_is_poison(scene: Scene) -> None:
    """Every good record counts, every bad one becomes one dead letter, with a kill -9 in between."""
    setup = [opened(1), target(2)]
    good = [remittance(100 + n, f"2026-{n % 12 + 1:02d}-10", "10.00") for n in range(200)]
    scene.plays(54, 100, *setup, *good)
    scene.publish_all(scene.messages[: -len(good)])
    (worker,) = scene.workers(1)
    values = poisoned(good)
    assert len(values) == 400
    send(scene, values[:200])
    worker.kill()
    worker.start().ready()
    since = time.monotonic()
    send(scene, values[200:])
    outputs = scene.compare()
    stood = round(time.monotonic() - since, 1)
    assert worker.stop() == 0
    places = {(letter["partition"], letter["offset"]) for letter in outputs.dead_letters}
    assert len(places) == len(outputs.dead_letters) == 200
    scene.report(
        "every second of 400 is poison", outputs, dead_letters=len(outputs.dead_letters), stood_seconds=stood
    )
