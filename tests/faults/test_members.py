"""Workers come and go: takeovers, rolling restarts, more of them; what was told then equals the naive model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.scene import Scene

MINE = ": mine,"  # what a worker says of a home partition that it gets


def test_a_second_worker_joins_and_leaves(scene: Scene) -> None:
    """A worker that joins and leaves in mid-chunk, again and again, costs nothing."""
    scene.plays(4, 4_000)
    (first,) = scene.workers(1)
    second = scene.worker("w2")
    publishing = scene.publish(seconds=12)
    while not publishing.done:
        second.start().ready()
        time.sleep(1.5)
        assert second.stop() == 0
    outputs = scene.compare()
    assert first.stop() == 0
    scene.report("a second worker joins and leaves", outputs)


@pytest.mark.slow
def test_one_of_three_is_killed(scene: Scene) -> None:
    """The others take over what a killed worker had, within its session's time and a few seconds."""
    scene.plays(21, 6_000, groups=16)
    workers = scene.workers(3)
    scene.publish(seconds=25)
    time.sleep(10)
    workers[0].kill()
    since = time.time()
    outputs = scene.compare()
    unserved = scene.unserved_seconds(since)
    assert unserved < 15
    assert [worker.stop() for worker in workers[1:]] == [0, 0]
    scene.report("kill -9 of 1 of 3 workers", outputs, unserved_seconds=unserved)


@pytest.mark.slow
def test_three_are_restarted_one_after_the_other(scene: Scene) -> None:
    """A rolling restart under load costs nothing; each ends with exit code 0."""
    scene.plays(22, 6_000, groups=16)
    workers = scene.workers(3)
    scene.publish(seconds=30)
    time.sleep(5)
    since = time.time()
    for worker in workers:
        assert worker.stop() == 0
        worker.start().ready()
        time.sleep(2)
    outputs = scene.compare()
    unserved = scene.unserved_seconds(since)
    assert [worker.stop() for worker in workers] == [0, 0, 0]
    scene.report("rolling restart of 3 workers", outputs, unserved_seconds=unserved)


@pytest.mark.slow
def test_three_with_lasting_names_are_restarted(scene: Scene) -> None:
    """With static membership a rolling restart moves no partition from one worker to another."""
    scene.plays(23, 6_000, groups=16)
    workers = [
        scene.worker(f"w{n}", group_instance_id=f"w{n}", session_timeout_seconds="30").start() for n in (1, 2, 3)
    ]
    for worker in workers:
        worker.ready()
    scene.publish(seconds=30)
    time.sleep(8)
    before = [worker.said(MINE) for worker in workers]
    since = time.time()
    for worker in workers:
        assert worker.stop() == 0
        worker.start().ready()
        worker.says("caught up", before[workers.index(worker)] + 1)
        time.sleep(1)
    outputs = scene.compare()
    unserved = scene.unserved_seconds(since)
    moved = [worker.said(MINE) - had for worker, had in zip(workers, before, strict=True)]
    assert [worker.stop() for worker in workers] == [0, 0, 0]
    assert sum(moved) == 4, f"each adopts its own partitions again, once: {moved}"
    scene.report("rolling restart of 3 workers with lasting names", outputs, unserved_seconds=unserved)


@pytest.mark.slow
def test_a_fourth_joins(scene: Scene) -> None:
    """A fourth worker under load takes its share, and nothing is lost or doubled."""
    scene.plays(24, 6_000, groups=16)
    workers = scene.workers(3)
    scene.publish(seconds=20)
    time.sleep(6)
    since = time.time()
    fourth = scene.worker("w4").start().ready()
    fourth.says("caught up")
    outputs = scene.compare()
    unserved = scene.unserved_seconds(since)
    assert [worker.stop() for worker in (*workers, fourth)] == [0, 0, 0, 0]
    scene.report("a 4th worker joins 3", outputs, unserved_seconds=unserved)


@pytest.mark.slow
def test_a_worker_joins_before_the_first_commit(scene: Scene) -> None:
    """Where nothing was committed yet, a rebalance reads from the beginning, and each event still counts once."""
    scene.plays(25, 8_000)
    scene.publish_all(scene.messages[:4_000])
    first = scene.worker("w1", commit_seconds="3600").start().ready()
    assert scene.committed(scene.names.remittances) == {}
    second = scene.worker("w2", commit_seconds="3600").start()
    scene.publish(5, scene.messages[4_000:])
    second.ready().says("mine")
    outputs = scene.compare()
    assert [first.stop(), second.stop()] == [0, 0]
    scene.report("a worker joins before the first commit", outputs)
