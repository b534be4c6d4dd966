"""Faults on a real broker, each while a known history is published; what was told then equals the naive model.

`make faults` runs the whole; the ones not marked slow run in `make test`. Each prints its figures.
"""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import date
from typing import TYPE_CHECKING

import pytest

from streams.devkafka import broker as devkafka
from streams.shell.topics import Names
from streams.synthetic import year
from tests.conftest import TEST_CONFIG
from tests.faults.harness import Publishing, WorkerProcess, await_outputs, expect

if TYPE_CHECKING:
    from pathlib import Path

    from streams.devkafka.broker import Broker

DAY = date(2026, 12, 30)
GROUPS = 6


def history(seed: int, remittances: int) -> list[dict[str, object]]:
    """Return a made-up year of a few groups."""
    return list(year(seed, GROUPS, remittances, 2026))


def report(what: str, **figures: object) -> None:
    """Print a line for docs/reliability.md."""
    print(f"\n{what}: " + ", ".join(f"{name} {value}" for name, value in figures.items()))


def run_kills(kafka: Broker, prefix: str, folder: Path, kills: int, remittances: int, seed: int) -> None:
    """Kill a worker at random moments while both producers publish; then compare."""
    names, dice = Names(prefix), random.Random(seed)
    messages = history(seed, remittances)
    awaited = expect(messages, DAY)
    worker = WorkerProcess(kafka.bootstrap_servers, prefix, folder, "w1", DAY).start()
    time.sleep(3)
    seconds = kills * 3.0
    publishing = Publishing(kafka.bootstrap_servers, names, messages, per_second=len(messages) / seconds).start()
    for _ in range(kills):
        time.sleep(dice.uniform(0.3, 4.5))
        worker.kill()
        worker.start()
    assert len(publishing.wait()) == len(messages)
    since = time.monotonic()
    outputs = await_outputs(kafka.bootstrap_servers, names, awaited)
    assert worker.stop() == 0
    report(
        f"kill -9, {kills} times", published=len(messages), lost=0, doubled=0, alerts=len(outputs.alerts),
        retractions=outputs.retractions, recovered_seconds=round(time.monotonic() - since, 1),
    )  # fmt: skip


def test_counts_once_through_kill_9(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """Three kills at random moments lose and double nothing."""
    run_kills(kafka, prefix, tmp_path, kills=3, remittances=3_000, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_counts_once_through_many_kills(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """Twenty kills in one run lose and double nothing."""
    run_kills(kafka, prefix, tmp_path, kills=int(os.environ.get("KILLS", "20")), remittances=8_000, seed=2)


def run_zombie(kafka: Broker, prefix: str, folder: Path, remittances: int) -> None:
    """Stop a worker for longer than its session, let another take over, wake the first; then compare."""
    names, messages = Names(prefix), history(3, remittances)
    awaited = expect(messages, DAY)
    first = WorkerProcess(kafka.bootstrap_servers, prefix, folder, "w1", DAY).start()
    time.sleep(3)
    publishing = Publishing(kafka.bootstrap_servers, names, messages, per_second=len(messages) / 12).start()
    time.sleep(2)
    first.signal(signal.SIGSTOP)
    second = WorkerProcess(kafka.bootstrap_servers, prefix, folder, "w2", DAY).start()
    time.sleep(8)
    first.signal(signal.SIGCONT)
    assert len(publishing.wait()) == len(messages)
    outputs = await_outputs(kafka.bootstrap_servers, names, awaited)
    assert second.said("caught up") > 0
    assert [first.stop(), second.stop()] == [0, 0]
    report("SIGSTOP beyond the session, then SIGCONT", published=len(messages), alerts=len(outputs.alerts))


def test_a_zombie_does_no_harm(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """A worker stopped for longer than its session, then woken, neither damages state nor tells what is wrong."""
    run_zombie(kafka, prefix, tmp_path, remittances=4_000)


def test_a_second_worker_joins_and_leaves(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """A worker that joins and leaves in mid-chunk, again and again, costs nothing."""
    names, messages = Names(prefix), history(4, 4_000)
    awaited = expect(messages, DAY)
    first = WorkerProcess(kafka.bootstrap_servers, prefix, tmp_path, "w1", DAY).start()
    second = WorkerProcess(kafka.bootstrap_servers, prefix, tmp_path, "w2", DAY)
    time.sleep(3)
    publishing = Publishing(kafka.bootstrap_servers, names, messages, per_second=len(messages) / 20).start()
    while not publishing.done:
        second.start()
        time.sleep(4)
        assert second.stop() == 0
        time.sleep(1)
    assert len(publishing.wait()) == len(messages)
    outputs = await_outputs(kafka.bootstrap_servers, names, awaited)
    assert first.stop() == 0
    report("a second worker joins and leaves", published=len(messages), alerts=len(outputs.alerts))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_broker_that_stands_still(tmp_path: Path) -> None:
    """A broker stopped for 30 s amid the stream (sends fail or wait) costs nothing."""
    with devkafka.session(tmp_path / "kafka", extra_config=TEST_CONFIG) as kafka:
        names, messages = Names("still-"), history(5, 5_000)
        awaited = expect(messages, DAY)
        workers = [WorkerProcess(kafka.bootstrap_servers, "still-", tmp_path, f"w{n}", DAY).start() for n in (1, 2)]
        time.sleep(4)
        publishing = Publishing(kafka.bootstrap_servers, names, messages, per_second=len(messages) / 10).start()
        time.sleep(3)
        os.kill(kafka.pid, signal.SIGSTOP)
        time.sleep(30)
        os.kill(kafka.pid, signal.SIGCONT)
        assert len(publishing.wait()) == len(messages)
        since = time.monotonic()
        outputs = await_outputs(kafka.bootstrap_servers, names, awaited, within_seconds=120)
        report(
            "a broker that stands still for 30 s", published=len(messages), alerts=len(outputs.alerts),
            recovered_seconds=round(time.monotonic() - since, 1),
        )  # fmt: skip
        assert [worker.stop() for worker in workers] == [0, 0]


def test_nothing_false_is_told_in_a_catch_up(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """Killed again and again while it catches up with a backlog, a worker tells no episode that it takes back."""
    names, messages = Names(prefix), history(6, 12_000)
    awaited = expect(messages, DAY)
    worker = WorkerProcess(kafka.bootstrap_servers, prefix, tmp_path, "w1", DAY).start()
    time.sleep(3)
    worker.kill()
    publishing = Publishing(kafka.bootstrap_servers, names, messages, per_second=50_000).start()
    assert len(publishing.wait()) == len(messages)
    dice = random.Random(6)
    for _ in range(4):
        worker.start()
        time.sleep(dice.uniform(1.5, 4.0))
        worker.kill()
    worker.start()
    outputs = await_outputs(kafka.bootstrap_servers, names, awaited)
    assert worker.stop() == 0
    assert outputs.retractions == 0
    assert len(outputs.alerts) == len(outputs.episodes)
    report("kill -9 amid a catch-up, 4 times", published=len(messages), alerts=len(outputs.alerts), retractions=0)
