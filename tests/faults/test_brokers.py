"""The broker is killed, away, stopped, late, under load; what was told then equals the naive model."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.harness import WorkerProcess
    from tests.faults.scene import OwnBroker, Scene

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Supervisor:
    """Starts a worker again whenever it ends, as systemd or Kubernetes would; keeps its exit codes."""

    def __init__(self, worker: WorkerProcess) -> None:
        self.exit_codes: list[int] = []
        self._worker = worker
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    def _supervise(self) -> None:
        while not self._done.is_set():
            process = self._worker.start().process
            assert process is not None
            while process.poll() is None and not self._done.wait(0.1):
                pass
            if process.returncode is not None:
                self.exit_codes.append(process.returncode)
            self._done.wait(1.0)

    def leave(self) -> WorkerProcess:
        """Leave the worker alone."""
        self._done.set()
        self._thread.join()
        return self._worker


def test_a_broker_is_killed_under_load(own_broker: OwnBroker, own_scene: Scene) -> None:
    """Killed with SIGKILL amid the stream and started again, three times, a broker costs nothing."""
    own_scene.plays(31, 6_000)
    workers = own_scene.workers(2)
    own_scene.publish(seconds=40)
    for _ in range(3):
        time.sleep(5)
        own_broker.kill()
        time.sleep(1)
        own_broker.start()
    outputs = own_scene.compare(180)
    assert [worker.stop() for worker in workers] == [0, 0]
    own_scene.report("broker kill -9 under load, 3 times", outputs)


def test_a_broker_is_away(own_broker: OwnBroker, own_scene: Scene) -> None:
    """A broker that is away for 60 s amid the stream costs nothing; the workers come back by themselves."""
    own_scene.plays(32, 5_000)
    workers = own_scene.workers(2)
    own_scene.publish(seconds=10)
    time.sleep(4)
    own_broker.stop()
    time.sleep(60)
    own_broker.start()
    outputs = own_scene.compare(180)
    assert [worker.stop() for worker in workers] == [0, 0]
    own_scene.report("broker away for 60 s", outputs)


def test_a_broker_stands_still(own_broker: OwnBroker, own_scene: Scene) -> None:
    """A broker stopped for 30 s amid the stream (sends fail or wait) costs nothing."""
    own_scene.plays(5, 5_000)
    workers = own_scene.workers(2)
    own_scene.publish(seconds=10)
    time.sleep(3)
    os.kill(own_broker.pid, signal.SIGSTOP)
    time.sleep(30)
    os.kill(own_broker.pid, signal.SIGCONT)
    outputs = own_scene.compare(180)
    assert [worker.stop() for worker in workers] == [0, 0]
    own_scene.report("a broker that stands still for 30 s", outputs)


def test_a_worker_starts_before_its_broker(own_broker: OwnBroker, own_scene: Scene) -> None:
    """A worker that starts while its broker is away says so in a line and goes on once the broker is there."""
    own_scene.plays(33, 4_000)
    worker = own_scene.worker("w1").start().ready()
    own_scene.publish_all(own_scene.messages[:2_000])
    assert worker.stop() == 0
    own_scene.publish(10, own_scene.messages[2_000:])
    time.sleep(3)
    own_broker.stop()
    supervisor = Supervisor(worker)
    time.sleep(15)
    own_broker.start()
    outputs = own_scene.compare(120)
    assert supervisor.leave().stop() == 0
    assert all(supervisor.exit_codes), "it ended as if it had been asked to"
    assert worker.said("Traceback") == 0
    own_scene.report("a worker starts before its broker", outputs, exits=len(supervisor.exit_codes))


def test_everything_stops_and_state_is_gone(own_broker: OwnBroker, own_scene: Scene) -> None:
    """After a full stop and with empty state folders everything is known again, and nothing is told again."""
    own_scene.plays(34, 5_000)
    workers = own_scene.workers(2)
    own_scene.publish(seconds=5)
    before = own_scene.compare()
    assert [worker.stop() for worker in workers] == [0, 0]
    own_broker.stop()
    own_broker.start()
    since = time.monotonic()
    fresh = [own_scene.worker(f"fresh{n}").start() for n in (1, 2)]
    while sum(worker.said("caught up") for worker in fresh) < 4:
        assert time.monotonic() - since < 120
        time.sleep(0.1)
    caught_up_seconds = round(time.monotonic() - since, 1)
    time.sleep(2)
    outputs = own_scene.compare()
    assert [worker.stop() for worker in fresh] == [0, 0]
    assert len(outputs.alerts) == len(before.alerts)
    assert outputs.statuses == before.statuses
    own_scene.report("full stop, empty state folders", outputs, caught_up_seconds=caught_up_seconds)
