"""The whole way through the installed command, from topics to what plain consumers read, held to the naive model.

Each story is published in random order in two halves, so that the second corrects what the first made a worker tell.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from schemas.outputs import QuotaAlert, QuotaStatus
from streams import synthetic
from streams.shell.topics import Names
from tests.faults.harness import QUOTASTREAM
from tests.model import naive
from tests.running import Subscriber, value
from tests.strategies import seeded_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.devkafka.broker import Broker

PARTITIONS = 3
STORIES = ["first", "second", "third", "a made-up year"]
UNTOLD = {"alert_id", "revision", "summary"}  # of an alert: what the model doesn't say


def stories() -> Iterator[tuple[list[dict[str, Any]], date]]:
    """Yield seeded histories, in random order, whose second half corrects what was to be told of the first."""
    for seed in count():
        messages, day = seeded_history(seed, messages=40, groups=2)
        messages = random.Random(seed).sample(messages, len(messages))
        first, whole = (naive.episodes(told, day) for told in (messages[: len(messages) // 2], messages))
        if len(whole) >= 3 and any(whole.get(key) != episode for key, episode in first.items()):
            yield messages, day


SEEDED = stories()


def made_up(story: str) -> tuple[list[dict[str, Any]], date]:
    """Return the messages of a story in random order, and the day reached."""
    if story != "a made-up year":
        return next(SEEDED)
    messages = list(synthetic.year(5, 3, 160, 2026))
    return random.Random(5).sample(messages, len(messages)), date(2026, 12, 30)


class Command:
    """The installed command, pointed at one installation."""

    def __init__(self, kafka: Broker, prefix: str, folder: Path) -> None:
        self.environment = os.environ | {
            "QUOTASTREAM_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "QUOTASTREAM_PREFIX": prefix,
            "QUOTASTREAM_STATE_DIR": str(folder / "state"),
        }  # fmt: skip
        self.folder = folder

    def run(self, *arguments: str) -> str:
        """Run to the end, which has to be a good one; return what it printed."""
        done = subprocess.run(
            [QUOTASTREAM, *arguments], env=self.environment, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def publish(self, name: str, messages: list[dict[str, Any]]) -> None:
        """Publish messages from a file of JSON lines."""
        file = self.folder / f"{name}.jsonl"
        file.write_text("".join(json.dumps(message) + "\n" for message in messages))
        summary = json.loads(self.run("publish", str(file), "--json"))
        assert summary["published"] == len(messages)


@dataclass
class Played:
    """A story that was published, what the model says of it, and what was told."""

    kafka: Broker
    names: Names
    day: date
    seen: Subscriber
    half: naive.Model
    whole: naive.Model
    told_first: int = 0  # alerts told of the first half
    model_alerts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def differs(self, model: naive.Model) -> str:
        """Return what differs between what a subscriber holds and the model; empty where nothing does."""
        alerts, statuses = naive.alerts(model, self.day), naive.statuses(model, self.day)
        held = {key: v["history"] for key, v in self.newest_alerts().items() if v["transition"] != "retracted"}
        wrong = [key for key in {*held, *alerts} if held.get(key) != alerts.get(key, {}).get("history")]
        told = {key: status for key, status in self.seen.newest_statuses.items() if status}
        should = {f"{group}/{year}": status for (group, year), status in statuses.items()}
        wrong += [key for key in {*told, *should} if told.get(key) != should.get(key)]
        return ", ".join(wrong)

    def newest_alerts(self) -> dict[str, dict[str, Any]]:
        """Return the newest message of each episode."""
        return {v["episode_id"]: v for v in map(value, self.seen.alerts)}

    def tell(self, command: Command, model: naive.Model) -> None:
        """Let a worker stand on the day until what it told is what the model says; then end it."""
        with (command.folder / "log").open("ab") as log:
            worker = subprocess.Popen(
                [QUOTASTREAM, "worker", "--as-of", str(self.day)], env=command.environment, stderr=log, stdout=log
            )
        try:
            self.seen.until(lambda: not self.differs(model), 60)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(15) == 0
        finally:
            worker.kill()
            worker.wait()
        assert not self.differs(model), self.differs(model)


@pytest.fixture(scope="module", params=STORIES)
def played(
    request: pytest.FixtureRequest, kafka: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    """Publish half of a story, let a worker tell of it, publish the rest, let it tell again."""
    messages, day = made_up(request.param)
    names = Names(f"e2e-{os.getpid()}-{request.param.replace(' ', '-')}-")
    command = Command(kafka, names.prefix, tmp_path_factory.mktemp("e2e"))
    command.run("topics", "create", "--partitions", str(PARTITIONS))
    middle = len(messages) // 2
    seen = Subscriber(kafka.bootstrap_servers, names)
    story = Played(kafka, names, day, seen, naive.Model(messages[:middle]), naive.Model(messages))
    try:
        command.publish("first", messages[:middle])
        story.tell(command, story.half)
        story.told_first = len(seen.alerts)
        command.publish("rest", messages[middle:])
        story.tell(command, story.whole)
        story.model_alerts = naive.alerts(story.whole, day)
        yield story
    finally:
        seen.close()


def test_statuses_and_histories_are_the_models(played: Played) -> None:
    """What a plain consumer holds in the end, all fields of every status, is what the naive model says."""
    assert played.differs(played.whole) == ""
    assert played.model_alerts
    assert played.seen.letters == []


def test_alerts_have_the_figures_of_what_was_known(played: Played) -> None:
    """Bodies told of the first half have its figures, those told of the whole the whole's; retractions have none."""
    first, whole = naive.alerts(played.half, played.day), played.model_alerts
    for n, alert in enumerate(map(value, played.seen.alerts)):
        if alert["transition"] == "retracted":
            assert alert["episode_id"] not in whole
            assert (alert["history"], alert["severity"], alert["threshold"]) == ([], None, None)
            assert alert["on_day"] == alert["opened_on"]
            continue
        model = (first if n < played.told_first else whole)[alert["episode_id"]]
        assert {name: v for name, v in alert.items() if name not in UNTOLD} == model


def test_what_the_first_half_made_false_is_told_again(played: Played) -> None:
    """The halves are no idle exercise: some episode was told, and later told again or newly."""
    assert len(played.seen.alerts) > played.told_first > 0
    again = [v for v in map(value, played.seen.alerts) if v["revision"] > 1]
    assert again


def test_revisions_count_from_one_and_alert_ids_are_of_one_content(played: Played) -> None:
    """Each episode's messages come as 1..n, and no two that differ share an alert_id."""
    revisions: dict[str, list[int]] = {}
    by_id: dict[str, Any] = {}
    for alert in map(value, played.seen.alerts):
        revisions.setdefault(alert["episode_id"], []).append(alert["revision"])
        assert by_id.setdefault(alert["alert_id"], alert) == alert
    assert all(told == list(range(1, len(told) + 1)) for told in revisions.values())
    assert len(by_id) == len(played.seen.alerts)  # nothing crashed, so nothing is repeated


def test_a_status_is_published_when_it_differs(played: Played) -> None:
    """Two statuses of one account in a row differ in more than as_of."""
    last: dict[bytes, Any] = {}
    for record in played.seen.statuses:
        status = value(record) and {**value(record), "as_of": None}
        assert record.key not in last or last[record.key] != status
        last[record.key] = status
    assert last


def test_keys_and_partitions_follow_the_group(played: Played) -> None:
    """Keys are the account's and the episode's; all of a group is in the partition that its name gives."""
    for record in played.seen.statuses:
        group, year = record.key.decode().split("/")
        assert record.partition == crc32(group.encode()) % PARTITIONS
        status = value(record)
        assert status is None or (status["group_id"], status["plan_year"]) == (group, int(year))
        assert status is None or QuotaStatus.model_validate(status)
    for record in played.seen.alerts:
        alert = value(record)
        assert record.key.decode() == alert["episode_id"]
        assert record.partition == crc32(alert["group_id"].encode()) % PARTITIONS
        QuotaAlert.model_validate(alert)


def test_outputs_are_cloud_events_and_bodies_know_no_wall_clock(played: Played) -> None:
    """Headers as CloudEvents' binary mode wants them; in the bodies only days and plan years, never a time of day."""
    ids = {"quota_status": [], "quota_alert": []}
    for record in [*played.seen.statuses, *played.seen.alerts]:
        kind = "quota_status" if b"/" in record.key else "quota_alert"
        headers = dict(record.headers)
        assert headers["ce_specversion"] == b"1.0"
        assert headers["ce_type"] == f"org.quotastream.{kind}.v1".encode()
        assert headers["content-type"] == b"application/json"
        assert headers["ce_source"]
        assert re.fullmatch(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", headers["ce_time"])
        ids[kind].append(headers["ce_id"].decode())
        assert not re.search(rb"\d\dT\d\d:|\d\d:\d\d", record.value or b"")
    assert ids["quota_alert"] == [value(record)["alert_id"] for record in played.seen.alerts]


def test_kcat_reads_the_same(played: Played) -> None:
    """Another client in another language, kcat, reads the same messages from both output topics."""
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed, and deploy/debian-packages.sh could not install it")
    for topic, records in ((played.names.status, played.seen.statuses), (played.names.alerts, played.seen.alerts)):
        address = ["-b", played.kafka.bootstrap_servers, "-t", topic]
        done = subprocess.run(
            ["kcat", "-C", "-e", "-q", "-J", *address], capture_output=True, text=True, timeout=60, check=True
        )
        found = [json.loads(line) for line in done.stdout.splitlines()]
        by_kcat = {(m["partition"], m["offset"]): (m["key"], m["payload"]) for m in found}
        ours = {(r.partition, r.offset): (r.key.decode(), r.value and r.value.decode()) for r in records}
        assert by_kcat == ours
        assert all("ce_id" in m["headers"] for m in found)
