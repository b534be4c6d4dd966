"""Each fault in which stock Faust loses, doubles or stalls, on our path; and on the stock one where it shows soon.

The rows are those of docs/reliability.md ("Where stock Faust fails"). ROWS names the experiment of each row; what is
the same experiment as one in another file is only named here. The tests called `..._on_the_stock_path` fail where it
has been mended, which is then worth knowing.
"""

from __future__ import annotations

import importlib
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.stock import StockApp
from tests.faults.test_load import routed, send
from tests.model.wire import opened, remittance, target

if TYPE_CHECKING:
    from pathlib import Path

    from streams.devkafka.broker import Broker
    from tests.faults.scene import Scene

ROWS = {
    "a: an agent raises": "test_faust_rows.test_a_handler_that_raises_loses_nothing",
    "b: undecodable values, in a row": "test_faust_rows.test_300_bad_records_in_a_row_hold_nothing_up",
    "b: undecodable values, every second": "test_load.test_every_second_of_400_is_poison",
    "c: kill -9 while a later event is done": "test_faust_rows.test_a_commit_never_passes_what_is_unfinished",
    "d: SIGTERM restarts amid a backlog": "test_faust_rows.test_five_restarts_amid_a_backlog",
    "d': kill -9 amid a backlog": "test_faults.test_nothing_false_is_told_in_a_catch_up",
    "e: kill -9 of a counting worker": "test_faults.test_counts_once_through_kill_9",
    "e': the same, exactly once": "test_faults.test_counts_once_through_many_kills",
    "f: a second worker joins amid a backlog": "test_faust_rows.test_a_second_worker_joins_amid_a_backlog",
    "g: chunks read again after a seek": "test_faust_rows.test_five_restarts_amid_a_backlog",
}


@pytest.mark.parametrize("name", sorted(set(ROWS.values())))
def test_every_row_has_its_experiment(name: str) -> None:
    """What ROWS names is there."""
    module, test = name.split(".")
    assert callable(getattr(importlib.import_module(f"tests.faults.{module}"), test))


def test_a_handler_that_raises_loses_nothing(scene: Scene) -> None:
    """Row a: a chunk whose handling raises is read and handled again."""
    scene.plays(71, 2_000)
    worker = scene.worker("w1").wounded("raising").start().ready()
    scene.publish(seconds=3)
    outputs = scene.compare()
    assert worker.stop() == 0
    assert worker.said("failed, it is read again") > 0
    scene.report("row a: the handler raises", outputs, raised=worker.said("failed, it is read again"))


@pytest.mark.slow
def test_an_agent_that_raises_on_the_stock_path(kafka: Broker, tmp_path: Path) -> None:
    """Row a: stock Faust commits past the event on which its agent raised; nobody ever handles it."""
    app = StockApp(kafka.bootstrap_servers, tmp_path, "raise")
    app.publish(list(range(100)))
    try:
        app.start()
        app.until(lambda: 99 in app.handled)
        app.until(lambda: app.committed > 50)
        app.kill()
        app.start(STOCK_FAULT="none")
        app.publish([100])
        app.until(lambda: 100 in app.handled)
    finally:
        app.kill()
    assert 50 not in app.handled


def test_300_bad_records_in_a_row_hold_nothing_up(scene: Scene) -> None:
    """Row b: 300 undecodable records become dead letters at once, and what comes after them counts."""
    good = [remittance(100 + n, f"2026-{n % 12 + 1:02d}-10", "10.00") for n in range(100)]
    scene.plays(72, 100, opened(1), target(2), *good)
    (worker,) = scene.workers(1)
    worker.says("caught up", 4)
    since = time.monotonic()
    send(scene, [b"\xff\xfenot json{"] * 300)
    scene.publish_all()
    outputs = scene.compare()
    stood = round(time.monotonic() - since, 1)
    assert worker.stop() == 0
    assert len(outputs.dead_letters) == 300
    scene.report("row b: 300 bad in a row", outputs, stood_seconds=stood)


def test_a_commit_never_passes_what_is_unfinished(scene: Scene) -> None:
    """Row c: kill -9 while a chunk is unfinished and later ones are done: the unfinished one is read again."""
    scene.plays(73, 3_000)
    scene.publish_all(scene.messages[:1_500])
    hurt = scene.worker("w1").wounded("overtaken").start().ready()
    time.sleep(2)
    scene.publish_all(scene.messages[1_500:])
    time.sleep(3)
    reached, committed = routed(scene), scene.committed(scene.names.remittances)
    held = {p for p, end in reached.items() if committed.get(p, 0) < end}
    assert len(held) == 1, f"one chunk is unfinished: home log {reached}, committed {committed}"
    hurt.kill()
    worker = scene.worker("w1").start().ready()
    outputs = scene.compare()
    assert worker.stop() == 0
    scene.report("row c: kill -9 while later chunks are done", outputs)


@pytest.mark.slow
def test_a_slow_event_on_the_stock_path(kafka: Broker, tmp_path: Path) -> None:
    """Row c: stock Faust commits past the event that one of two coroutines still handles; a kill -9 loses it."""
    app = StockApp(kafka.bootstrap_servers, tmp_path, "slow")
    app.publish(list(range(100)))
    try:
        app.start()
        app.until(lambda: len(app.handled) == 99)
        app.until(lambda: app.committed > 50)
        app.kill()
        app.start(STOCK_FAULT="none")
        app.publish([100])
        app.until(lambda: 100 in app.handled)
    finally:
        app.kill()
    assert 50 not in app.handled


@pytest.mark.slow
def test_five_restarts_amid_a_backlog(scene: Scene) -> None:
    """Rows d and g: SIGTERM, five times amid a backlog of 12,000: all count once, every commit reaches the end."""
    scene.plays(74, 12_000)
    scene.publish_all()
    dice = random.Random(74)
    worker = scene.worker("w1", fetch_bytes=str(1 << 16))
    for _ in range(5):
        worker.start().ready()
        time.sleep(dice.uniform(0.0, 0.5))
        assert worker.ends_in_seconds() < 10
    worker.start().ready()
    outputs = scene.compare()
    time.sleep(2)
    assert scene.committed(scene.names.remittances) == routed(scene)
    assert worker.stop() == 0
    assert outputs.retractions == 0
    scene.report("rows d, g: SIGTERM 5 times amid a backlog", outputs)


@pytest.mark.slow
def test_counts_after_a_kill_on_the_stock_path(kafka: Broker, tmp_path: Path) -> None:
    """Rows d' and e: killed in mid-stream, a counting table of stock Faust ends too high."""
    app = StockApp(kafka.bootstrap_servers, tmp_path, "count")
    app.publish(list(range(3_000)))
    try:
        app.start()
        app.until(lambda: len(app.handled) > 1_000)
        app.kill()
        app.start()
        app.until(lambda: len(set(app.handled)) == 3_000, within_seconds=60)
        time.sleep(4)
    finally:
        app.kill()
    print(f"\nstock Faust, kill -9 of a counting worker: handled {len(app.handled)}, counted {app.counted} of 3000")
    assert app.counted > 3_000


@pytest.mark.slow
def test_a_second_worker_joins_amid_a_backlog(scene: Scene) -> None:
    """Row f: a second worker that joins amid 20,000 doubles nothing, and the first one goes on."""
    scene.plays(75, 20_000)
    scene.publish_all()
    first = scene.worker("w1", fetch_bytes=str(1 << 16)).start()
    second = scene.worker("w2", fetch_bytes=str(1 << 16))
    first.ready()
    second.start().ready().says("mine")
    outputs = scene.compare()
    assert first.process is not None
    assert first.process.poll() is None
    assert [first.stop(), second.stop()] == [0, 0]
    assert outputs.retractions == 0
    scene.report("row f: a second worker joins amid 20,000", outputs)
