"""A worker whose consumer goes silent, or whose handling hangs, notices, says so, and recovers by itself."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.running import free_port, readyz_says

if TYPE_CHECKING:
    from tests.faults.scene import Scene

WOUNDS = [
    ("coordination", "no longer talks to its group", "worker: starts anew"),
    ("fetch", "no longer talks to its group or fetches", "worker: starts anew"),
    ("unfetched", "no progress", "progress: none, though there is lag"),
    ("hanging", "no progress", "progress: none, though there is lag"),
    ("takeover", "no progress", "progress: none, though there is lag: teller["),
]


@pytest.mark.slow
@pytest.mark.parametrize(("wound", "says", "answers"), WOUNDS)
def test_a_stall_is_noticed_and_mended(scene: Scene, wound: str, says: str, answers: str) -> None:
    """Hurt from inside amid the stream, the worker says what stands still (log, `/readyz`) and goes on."""
    scene.plays(61, 3_000)
    port = free_port()
    worker = scene.worker("w1", metrics_port=str(port)).wounded(wound).start().ready()
    scene.publish(seconds=12)
    worker.says("caught up", 4)
    readyz_says(port, "ok\n")
    time.sleep(3)
    since = time.monotonic()
    worker.signal(signal.SIGUSR1)
    noticed = worker.says(says)
    readyz_says(port, answers)
    worker.says("starts anew")
    worker.says("caught up", 8)
    recovered = time.monotonic() - since
    readyz_says(port, "ok\n")
    outputs = scene.compare()
    assert worker.stop() == 0
    scene.report(
        f"stall in a worker: {wound}", outputs, noticed_seconds=round(noticed, 1), stood_seconds=round(recovered, 1)
    )


@pytest.mark.slow
def test_a_transaction_without_an_end_is_given_up(scene: Scene) -> None:
    """Where the outcome of a transaction never comes, the teller takes over again and tells what is missing, once."""
    scene.plays(62, 3_000)
    worker = scene.worker("w1").wounded("unended").start().ready()
    scene.publish(seconds=12)
    worker.says("caught up", 4)
    time.sleep(3)
    worker.signal(signal.SIGUSR1)
    noticed = worker.says("taking over again: TimeoutError")
    worker.says("caught up", 5)
    outputs = scene.compare()
    assert worker.stop() == 0
    scene.report("a transaction without an end", outputs, noticed_seconds=round(noticed, 1))
