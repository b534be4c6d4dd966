"""Workers killed, stopped and woken while a known history is published; what was told then equals the naive model.

`make faults` runs the whole; the ones not marked slow run in `make test`. Each prints its figures.
"""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.scene import Scene

KILLS = int(os.environ.get("KILLS", "50"))


def run_kills(scene: Scene, kills: int, remittances: int, seed: int) -> None:
    """Kill a worker at random moments while both producers publish; then compare."""
    dice = random.Random(seed)
    scene.plays(seed, remittances)
    (worker,) = scene.workers(1)
    scene.publish(seconds=kills * 3.0)
    for _ in range(kills):
        time.sleep(dice.uniform(0.3, 4.5))
        worker.kill()
        worker.start()
    outputs = scene.compare()
    assert worker.stop() == 0
    scene.report(f"kill -9, {kills} times", outputs)


def test_counts_once_through_kill_9(scene: Scene) -> None:
    """Three kills at random moments lose and double nothing."""
    run_kills(scene, kills=3, remittances=3_000, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_counts_once_through_many_kills(scene: Scene) -> None:
    """Fifty kills in one run (KILLS=n: so many) lose and double nothing."""
    run_kills(scene, KILLS, remittances=8_000, seed=2)


def test_a_zombie_does_no_harm(scene: Scene) -> None:
    """A worker stopped for longer than its session, then woken, neither damages state nor tells what is wrong."""
    scene.plays(3, 4_000)
    (first,) = scene.workers(1)
    scene.publish(seconds=12)
    time.sleep(2)
    first.signal(signal.SIGSTOP)
    second = scene.worker("w2").start()
    second.says("caught up")
    time.sleep(1)
    first.signal(signal.SIGCONT)
    outputs = scene.compare()
    assert [first.stop(), second.stop()] == [0, 0]
    scene.report("SIGSTOP beyond the session, then SIGCONT", outputs)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_zombie_tells_nothing_false(scene: Scene) -> None:
    """Stopped and woken three times after the history is complete, a worker takes back nothing that was told."""
    scene.plays(13, 4_000)
    scene.publish_all()
    first, second = scene.workers(2)
    for _ in range(3):
        first.signal(signal.SIGSTOP)
        time.sleep(6)
        first.signal(signal.SIGCONT)
        time.sleep(3)
        first, second = second, first
    outputs = scene.compare()
    assert [first.stop(), second.stop()] == [0, 0]
    assert outputs.retractions == 0
    assert len(outputs.alerts) == len(outputs.episodes)
    scene.report("SIGSTOP and SIGCONT in turn, history published before", outputs)


def test_nothing_false_is_told_in_a_catch_up(scene: Scene) -> None:
    """Killed again and again while it catches up with a backlog, a worker tells no episode that it takes back."""
    scene.plays(6, 12_000)
    scene.publish_all()
    dice = random.Random(6)
    worker = scene.worker("w1")
    for _ in range(4):
        worker.start()
        time.sleep(dice.uniform(1.5, 4.0))
        worker.kill()
    worker.start().ready()  # those before it may have told all already
    outputs = scene.compare()
    assert worker.stop() == 0
    assert outputs.retractions == 0
    assert len(outputs.alerts) == len(outputs.episodes)
    scene.report("kill -9 amid a catch-up, 4 times", outputs)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_false_is_told_through_several_faults(scene: Scene) -> None:
    """Kills, zombies, joins, orderly and sudden restarts over one history: every episode is told once, none back."""
    dice = random.Random(14)
    scene.plays(14, 10_000)
    scene.publish_all()
    workers = [scene.worker(f"w{n}").start() for n in (1, 2, 3)]
    for _ in range(8):
        time.sleep(dice.uniform(0.5, 4.0))
        worker = dice.choice(workers)
        if dice.random() < 0.3:
            worker.signal(signal.SIGSTOP)
            time.sleep(5)
            worker.signal(signal.SIGCONT)
        elif dice.random() < 0.5:
            assert worker.ready().stop() == 0
            worker.start()
        else:
            worker.kill()
            worker.start()
    outputs = scene.compare()
    assert [worker.ready().stop() for worker in workers] == [0, 0, 0]
    assert outputs.retractions == 0
    assert len(outputs.alerts) == len(outputs.episodes)
    scene.report("8 faults of 3 workers, history published before", outputs)
