"""What a worker keeps: through restarts, without its store, over days; and whom it refuses to start."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from streams.shell.topics import Names
from tests.faults.harness import Publishing
from tests.model import naive
from tests.model.wire import opened, remittance, target
from tests.running import House, RunningWorker, Subscriber, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streams.devkafka.broker import Broker

GROUPS = ["behind", "silent", "paying"]
DAY = date(2026, 7, 1)


def story_of(group: str, n: int) -> list[dict[str, Any]]:
    """Return the year of one group until the day: one pays too little, one stops paying, one pays as asked."""
    head = [opened(10 + n, group=group), target(100 + n, group_id=group)]
    amounts = {
        "behind": ["100000.00", "10000.00"],
        "silent": ["181000.00"] + ["1.00"] * 5,
        "paying": ["90000.00", "91000.00"],
    }
    days = {
        "behind": ["2026-03-02", "2026-06-20"],
        "silent": ["2026-01-10", "2026-02-10", "2026-03-10", "2026-04-10", "2026-05-05", "2026-05-28"],
        "paying": ["2026-03-02", "2026-06-29"],
    }
    paid = zip(days[group], amounts[group], strict=True)
    return head + [remittance(100 * n + k, day, amount, group=group) for k, (day, amount) in enumerate(paid)]


STORY = [message for n, group in enumerate(GROUPS) for message in story_of(group, n)]


@pytest.fixture(scope="module")
def told(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Let a worker tell of the three groups until 1 July, and stop it."""
    house = House(kafka.bootstrap_servers, tmp_path_factory.mktemp("state"), DAY)
    worker = RunningWorker(house, "w").start()
    try:
        house.publish(STORY)
        house.seen.until(lambda: histories(house.seen) == told_by_model(STORY, DAY) and has_statuses(house.seen))
        assert worker.stop() == 0
        house.seen.to_the_end()
        yield house
    finally:
        worker.kill()
        house.close()


def has_statuses(seen: Subscriber) -> bool:
    """Tell whether all that came in is in the statuses too, which are told after the alerts."""
    paid = {group: sum("event_id" in message for message in story_of(group, n)) for n, group in enumerate(GROUPS)}
    return all(seen.counted(group)[0] == count for group, count in paid.items())


def histories(seen: Subscriber) -> dict[str, Any]:
    """Return the histories that a subscriber holds."""
    newest = {v["episode_id"]: v for v in map(value, seen.alerts)}
    return {key: v["history"] for key, v in newest.items() if v["transition"] != "retracted"}


def told_by_model(messages: list[dict[str, Any]], day: date) -> dict[str, Any]:
    """Return the histories that the naive model gives."""
    return {key: episode["history"] for key, episode in naive.episodes(messages, day).items()}


# --- restarts -------------------------------------------------------------------------------------------------------


def keep(_: Path) -> None:
    """Leave the state folder as it is."""


def delete(state: Path) -> None:
    """Delete the whole state folder."""
    shutil.rmtree(state)


def spoil(state: Path) -> None:
    """Put garbage in the place of every store."""
    stores = list(state.glob("*.sqlite"))
    assert stores
    for store in stores:
        store.write_bytes(b"this is no database\n" * 500)


def truncate(state: Path) -> None:
    """Cut every store off in its midst."""
    stores = list(state.glob("*.sqlite"))
    assert stores
    for store in stores:
        with store.open("r+b") as file:
            file.truncate(store.stat().st_size // 2 + 100)


def run_ahead(state: Path) -> None:
    """Let every store hold more than its log, as after a broker that lost what it had not yet on disk."""
    stores = list(state.glob("*.sqlite"))
    assert stores
    for store in stores:
        with closing(sqlite3.connect(store)) as db, db:
            db.execute("UPDATE meta SET value = 1000000 WHERE name = 'position'")


@pytest.mark.parametrize(
    "what_befalls", [keep, delete, spoil, run_ahead, pytest.param(truncate, marks=pytest.mark.slow)]
)
def test_state_survives_a_restart(told: House, what_befalls: Callable[[Path], None]) -> None:
    """With its store, without, with garbage in its place: the sums go on, and nothing told is told again."""
    seen = told.seen
    worker = RunningWorker(told, "w")
    what_befalls(worker.folder / "state")
    before, alerts, statuses = seen.counted("paying"), len(seen.alerts), len(seen.statuses)
    caught_up, from_zero = worker.said("caught up"), worker.said("stands at offset 0")
    worker.start()
    try:
        cent = remittance(900 + before[0], "2026-06-30", "0.01", group="paying")
        told.publish([cent])
        assert before[1] is not None
        after = (before[0] + 1, f"{float(before[1]) + 0.01:.2f}")
        seen.until(lambda: seen.counted("paying") == after)
        seen.until(lambda: worker.said("caught up") >= caught_up + 3)
        assert worker.stop() == 0
    finally:
        worker.kill()
    seen.to_the_end()
    assert len(seen.alerts) == alerts
    assert len(seen.statuses) == statuses + 1
    fresh = worker.said("stands at offset 0") - from_zero
    assert fresh == 0 if what_befalls is keep else fresh >= 3


# --- the clock ------------------------------------------------------------------------------------------------------


def test_days_turn_over_while_no_message_comes(kafka: Broker, tmp_path: Path) -> None:
    """Silence is told when its day comes; a clock moved back by a day, even over a restart, changes nothing told."""
    house = House(kafka.bootstrap_servers, tmp_path, DAY)
    worker = RunningWorker(house, "w")
    seen = house.seen
    try:
        messages = story_of("silent", 1)
        house.publish(messages)
        worker.start()
        seen.until(lambda: seen.status("silent").get("as_of") == "2026-07-01")
        assert seen.alerts == []
        house.move_clock("2026-07-03T00:00:30Z")  # within the minute in which the day before is still open
        seen.until(lambda: seen.status("silent")["as_of"] == "2026-07-02")
        assert seen.alerts == []
        house.move_clock("2026-07-03T00:01:00Z")
        seen.until(lambda: seen.alerts)
        (alert,) = map(value, seen.alerts)
        assert (alert["kind"], alert["transition"], alert["opened_on"]) == ("silent", "opened", "2026-07-03")
        seen.until(lambda: seen.status("silent")["open_episodes"])
        house.move_clock("2026-07-02T12:00:00Z")
        house.publish([remittance(700, "2026-07-01", "0.01", group="other")])
        seen.until(lambda: seen.counted("other") == (1, None))
        assert worker.stop() == 0
        before = worker.said("caught up")
        worker.start()
        house.publish([remittance(701, "2026-07-01", "0.01", group="other")])
        seen.until(lambda: seen.counted("other") == (2, None))
        seen.until(lambda: worker.said("caught up") >= before + 3)
        assert worker.stop() == 0
        seen.to_the_end()
        assert len(seen.alerts) == 1
        assert {v["as_of"] for v in seen.newest_statuses.values() if v} == {"2026-07-03"}
        assert histories(seen) == told_by_model(messages, date(2026, 7, 3))
    finally:
        worker.kill()
        house.close()


# --- replays --------------------------------------------------------------------------------------------------------


def test_a_replay_stands_on_its_day_beside_the_live_outputs(told: House) -> None:
    """With an output prefix of its own it tells the day that was named, and leaves the live outputs alone."""
    told.seen.to_the_end()
    live = (len(told.seen.statuses), len(told.seen.alerts), len(told.seen.letters))
    day, names = date(2026, 5, 1), Names(told.names.prefix, replay=True, output_prefix="may-")
    worker = RunningWorker(told, "replay", "--as-of", str(day), "--output-prefix", "may-").start()
    replayed = None
    try:
        told.seen.until(lambda: worker.said("caught up"))
        replayed = Subscriber(told.bootstrap_servers, names)
        model = told_by_model(STORY, day)
        assert model
        replayed.until(lambda: histories(replayed) == model)
        replayed.until(lambda: _days(replayed) == ["2026-05-01"] * len(GROUPS))
        assert worker.stop() == 0
    finally:
        worker.kill()
        if replayed:
            replayed.close()
    told.seen.to_the_end()
    assert (len(told.seen.statuses), len(told.seen.alerts), len(told.seen.letters)) == live


def _days(seen: Subscriber) -> list[str]:
    return [v["as_of"] for v in seen.newest_statuses.values() if v]


def test_a_replay_is_refused_where_a_live_worker_has_written(told: House) -> None:
    """Without an output prefix: exit code 1, and one line that says what to give."""
    worker = RunningWorker(told, "refused", "--as-of", "2026-05-01").start()
    assert worker.wait() == 1
    assert "--output-prefix" in worker.last_line
    assert "Traceback" not in worker.log.read_text()


# --- side by side ---------------------------------------------------------------------------------------------------


def test_two_installations_share_a_broker_and_nothing_else(kafka: Broker, tmp_path: Path) -> None:
    """The same group under two prefixes has two accounts; what is sent to one is unknown to the other."""
    houses = [House(kafka.bootstrap_servers, tmp_path / name, DAY) for name in ("a", "b")]
    workers = [RunningWorker(house, "w").start() for house in houses]
    try:
        for n, house in enumerate(houses):
            house.publish([remittance(k, "2026-03-01", "5.00", group="paying") for k in range(2 + n)])
        for n, house in enumerate(houses):
            house.seen.until(lambda house=house, n=n: house.seen.status("paying").get("remittance_count") == 2 + n)
            assert house.seen.status("paying")["unconverted"] == {"USD": f"{5 * (2 + n)}.00"}
        assert [worker.stop() for worker in workers] == [0, 0]
    finally:
        for worker, house in zip(workers, houses, strict=True):
            worker.kill()
            house.close()


def test_sigterm_ends_a_worker_under_load(kafka: Broker, tmp_path: Path) -> None:
    """While producers send, SIGTERM ends it within 10 s with exit code 0."""
    house = House(kafka.bootstrap_servers, tmp_path, DAY)
    worker = RunningWorker(house, "w").start()
    messages = [remittance(n, "2026-03-01", "1.00", group=f"g{n % 40}") for n in range(120_000)]
    load = Publishing(house.bootstrap_servers, house.names, messages, per_second=2_000)
    try:
        house.seen.until(lambda: worker.said("caught up"))
        load.start()
        house.seen.until(lambda: house.seen.counted("g1")[0] > 0)
        assert worker.ends_in_seconds() < 10
        assert not load.done
    finally:
        load.stop()
        worker.kill()
        house.close()


def test_a_second_worker_on_one_state_folder_is_refused(told: House) -> None:
    """One line that says what to give; the first is not disturbed."""
    first = RunningWorker(told, "shared").start()
    try:
        told.seen.until(lambda: first.said("caught up"))
        second = RunningWorker(told, "shared")
        second.log = told.folder / "second.log"
        assert second.start().wait() == 1
        assert "another worker uses the state folder" in second.last_line
        assert second.log.read_text().count("\n") == 1
        assert first.stop() == 0
    finally:
        first.kill()


# --- settings -------------------------------------------------------------------------------------------------------

WRONG = {
    "a folder that is a file": ({}, ["--state-dir", "{file}"], 1, "--state-dir"),
    "no partitions": ({"PARTITIONS": "0"}, [], 2, "QUOTASTREAM_PARTITIONS"),
    "a port that is none": ({"METRICS_PORT": "70000"}, [], 2, "QUOTASTREAM_METRICS_PORT"),
    "a time that is none": ({"SESSION_TIMEOUT_SECONDS": "soon"}, [], 2, "QUOTASTREAM_SESSION_TIMEOUT_SECONDS"),
    "a port that is taken": ({}, ["--metrics-port", "{port}"], 1, "{port}"),
    "a clock that is not there": ({"CLOCK_FILE": "{file}.none"}, [], 1, "QUOTASTREAM_CLOCK_FILE"),
    "a clock without a time": ({"CLOCK_FILE": "{file}"}, [], 1, "QUOTASTREAM_CLOCK_FILE"),
    "no day": ({}, ["--as-of", "soon"], 2, "--as-of"),
    "an output prefix for a live worker": ({}, ["--output-prefix", "x-"], 2, "--as-of"),
    "a log level that is none": ({}, ["--log-level", "loud"], 2, "--log-level"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_settings_give_one_line(told: House, tmp_path: Path, what: str) -> None:
    """One line that names the setting, an exit code, no traceback."""
    settings, arguments, exit_code, named = WRONG[what]
    file = tmp_path / "file"
    file.write_text("no time at all")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = {"file": str(file), "port": str(taken.getsockname()[1])}
        settings = {name: text.format(**words) for name, text in settings.items()}
        worker = RunningWorker(told, f"wrong-{len(what)}", *(text.format(**words) for text in arguments), **settings)
        assert worker.start().wait() == exit_code
    assert named.format(**words) in worker.last_line
    assert worker.last_line.startswith("quotastream: ")
    assert "Traceback" not in worker.log.read_text()
