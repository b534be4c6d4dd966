"""`quotastream dead-letters` on what a worker could not use: looked at, sent again, and counted once."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from streams.shell.replaying import REPLAY_HEADER
from streams.shell.topic_admin import admin_client
from tests.faults.harness import QUOTASTREAM
from tests.model.wire import remittance, target
from tests.running import House, RunningWorker, value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.devkafka.broker import Broker

DAY = date(2026, 7, 1)
# Python runs this at its start: a worker of the version that did not know the tenge yet.
BEFORE_THE_FIX = """
from types import MappingProxyType
from schemas import currencies
currencies.MINOR_DIGITS = MappingProxyType({c: d for c, d in currencies.MINOR_DIGITS.items() if c != "KZT"})
"""
TENGE = [remittance(n, "2026-03-05", "500.00", "KZT", group="steppe") for n in (1, 2)]
PLAN = target(1, "365000.00", group_id="steppe", currency="KZT")
MONEY = remittance(3, "2026-03-05", "7.50", group="twice")
UNMENDED = remittance(4, "2026-03-05", "12,50", group="mended")
HEADERS = [("ce_id", b"1"), ("bytes", b"\xff\x00")]


class Desk:
    """A house with dead letters in it, and the command to work on them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.marks = 0

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `quotastream dead-letters` on the house."""
        house = self.house
        names = {"QUOTASTREAM_BOOTSTRAP_SERVERS": house.bootstrap_servers, "QUOTASTREAM_PREFIX": house.names.prefix}
        return subprocess.run(
            [QUOTASTREAM, "dead-letters", *arguments],
            env=os.environ | names, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what `list --json` writes."""
        done = self.run("list", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ends(self) -> dict[TopicPartition, int]:
        """Return where the input topics end."""
        consumer = KafkaConsumer(bootstrap_servers=self.house.bootstrap_servers)
        try:
            tps = [TopicPartition(t, p) for t in self.house.names.inputs for p in consumer.partitions_for_topic(t)]
            return consumer.end_offsets(tps)
        finally:
            consumer.close()

    def records_from(self, starts: dict[TopicPartition, int]) -> list[Any]:
        """Return the input records since some ends."""
        consumer = KafkaConsumer(bootstrap_servers=self.house.bootstrap_servers)
        found: list[Any] = []
        try:
            consumer.assign(list(starts))
            for tp, offset in starts.items():
                consumer.seek(tp, offset)
            ends = self.ends()
            while any(consumer.position(tp) < ends[tp] for tp in starts):
                found += [record for records in consumer.poll(200).values() for record in records]
        finally:
            consumer.close()
        return found

    def accounts(self) -> dict[str, Any]:
        """Return all statuses once everything sent so far is counted: a mark behind it in each partition is."""
        self.marks += 1
        marks = [remittance(1000 + 10 * self.marks + p, "2026-03-05", "1.00", group=f"mark{p}") for p in range(3)]
        self.house.publish(marks)
        seen = self.house.seen
        seen.until(lambda: all(seen.counted(f"mark{p}")[0] == self.marks for p in range(3)))
        seen.to_the_end()
        return {key: v for key, v in seen.newest_statuses.items() if not key.startswith("mark")}


@pytest.fixture(scope="module")
def desk(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Let a worker of an older version make dead letters; then the fixed one takes over, and runs on."""
    folder = tmp_path_factory.mktemp("letters")
    house = House(kafka.bootstrap_servers, folder, DAY)
    (folder / "sitecustomize.py").write_text(BEFORE_THE_FIX)
    worker = RunningWorker(house, "w")
    fixed = worker._environment
    worker._environment = fixed | {"PYTHONPATH": str(folder)}
    try:
        worker.start()
        house.publish([MONEY], 0)
        house.seen.until(lambda: house.seen.counted("twice") == (1, None))
        for n, message in enumerate(TENGE):
            body = json.dumps(message).encode()
            house.producer.send(house.names.remittances, body, b"key", headers=HEADERS, partition=n).get(30)
        house.publish([PLAN], 2)
        house.publish([UNMENDED, MONEY | {"amount": "8.00"}], 1)
        for bad in (b"\x1b[2J not JSON \xff", None):
            house.producer.send(house.names.remittances, bad, b"k", partition=2).get(30)
        house.seen.until(lambda: len(house.seen.letters) == 7)
        assert worker.stop() == 0
        before = worker.said("caught up")
        worker._environment = fixed
        worker.start()
        house.seen.until(lambda: worker.said("caught up") >= before + 3)
        yield Desk(house)
        assert worker.stop() == 0
    finally:
        worker.kill()
        house.close()


def test_list_shows_each_letter_and_what_is_wrong_with_it_today(desk: Desk) -> None:
    """All, chosen by reason, topic and age, and counted; what the fix made usable is said to be."""
    reasons = ["conflicting_duplicate", "empty", "not_json", "schema", *["unknown_currency"] * 3]
    letters = desk.listed()
    assert sorted(letter["reason"] for letter in letters) == reasons
    today = {(letter["reason"], letter["reason_today"]) for letter in letters}
    assert today == {(reason, None if reason == "unknown_currency" else reason) for reason in reasons}
    assert [letter["value"] for letter in letters if letter["reason"] == "schema"] == [json.dumps(UNMENDED)]
    assert len(desk.listed("--reason", "unknown_currency", "--topic", "remittances")) == 2
    assert len(desk.listed("--since", "1h", "--reason", "empty", "--reason", "schema")) == 2
    assert desk.listed("--since", "2099-01-01") == []
    counts = json.loads(desk.run("list", "--summary", "--json").stdout)
    names = desk.house.names
    assert {"topic": names.policy_changes, "reason": "unknown_currency", "count": 1} in counts
    assert sum(row["count"] for row in counts) == 7
    table = desk.run("list").stdout
    assert table.count("usable") == 3
    assert "7 dead letters" in table
    assert desk.run("list", "--reason", "bad").returncode == 2


def test_show_one_by_either_of_its_names(desk: Desk) -> None:
    """The same letter by its own place and its original's; bytes that are no text are dumped, never written."""
    (letter,) = desk.listed("--reason", "not_json")
    by_place = desk.run("show", f"remittances/2/{letter['offset']}")
    assert by_place.returncode == 0
    assert desk.run("show", letter["letter"]).stdout == by_place.stdout
    assert "still in Kafka" in by_place.stdout
    assert "1b 5b 32 4a" in by_place.stdout
    assert "\x1b" not in by_place.stdout
    assert json.loads(desk.run("show", letter["letter"], "--json").stdout)["original"] == "there"
    missing = desk.run("show", "remittances/0/999999")
    assert (missing.returncode, missing.stderr.count("\n")) == (3, 1)


def test_nothing_is_sent_unasked(desk: Desk) -> None:
    """Without --yes it says what it would do, and ends with 3."""
    before = desk.ends()
    done = desk.run("replay", "--reason", "unknown_currency")
    assert done.returncode == 3
    assert "3 records would be sent again, 0 left alone" in done.stdout
    assert desk.ends() == before


def test_a_replay_after_the_fix_counts_each_once_and_twice_changes_nothing(desk: Desk) -> None:
    """The originals with key, value, headers and where they are; a second replay changes no account."""
    before, house = desk.ends(), desk.house
    done = desk.run("replay", "--yes", "--json")
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 4
    assert {o["reason"] for o in outcomes if o["replayed"]} == {"unknown_currency"}
    left = {o["reason"]: o["left_alone"] for o in outcomes if not o["replayed"]}
    assert set(left) == {"conflicting_duplicate", "empty", "not_json", "schema"}
    assert "dead letter again: schema" in left["schema"]
    assert "conflict again" in left["conflicting_duplicate"]
    sent = {json.loads(record.value).get("event_id"): record for record in desk.records_from(before)}
    assert len(sent) == 3
    for n, message in enumerate(TENGE):
        record = sent[message["event_id"]]
        assert (record.key, record.partition, json.loads(record.value)) == (b"key", n, message)
        assert record.headers[:2] == HEADERS
        name, place = record.headers[2]
        assert (name, place.startswith(f"{house.names.remittances}/{n}/".encode())) == (REPLAY_HEADER, True)
    house.seen.until(lambda: house.seen.counted("steppe") == (2, "1000.00"))
    accounts, letters = desk.accounts(), len(house.seen.letters)
    assert desk.run("replay", "--yes", "--reason", "unknown_currency").returncode == 0
    assert desk.accounts() == accounts
    assert len(house.seen.letters) == letters


def test_a_conflict_that_is_named_conflicts_again(desk: Desk) -> None:
    """It is sent, becomes another dead letter, and the first stands."""
    accounts, letters = desk.accounts(), len(desk.house.seen.letters)
    (conflict,) = desk.listed("--reason", "conflicting_duplicate")
    assert desk.run("replay", "--yes", conflict["letter"]).returncode == 0
    desk.house.seen.until(lambda: len(desk.house.seen.letters) == letters + 1)
    assert value(desk.house.seen.letters[-1])["reason"] == "conflicting_duplicate"
    assert desk.accounts() == accounts


def test_mended_values_are_sent_in_place(desk: Desk, tmp_path: Path) -> None:
    """A line of `list --json` with its value mended counts once, however often it is sent."""
    (line,) = desk.listed("--reason", "schema")
    file = tmp_path / "mended.jsonl"
    file.write_text(json.dumps(line))
    unmended = desk.run("replay", "--yes", "--file", str(file))
    assert (unmended.returncode, "left alone" in unmended.stderr) == (4, True)
    file.write_text(json.dumps(line | {"value": line["value"].replace("12,50", "12.50")}))
    assert desk.run("replay", "--yes", "--file", str(file)).returncode == 0
    desk.house.seen.until(lambda: desk.house.seen.counted("mended") == (1, None))
    accounts, letters = desk.accounts(), len(desk.house.seen.letters)
    assert desk.run("replay", "--yes", "--file", str(file)).returncode == 0
    assert desk.accounts() == accounts
    assert accounts["mended/2026"]["unconverted"] == {"USD": "12.50"}
    assert len(desk.house.seen.letters) == letters
    file.write_text(json.dumps(line | {"offset": 999_999}))
    before = desk.ends()
    assert desk.run("replay", "--yes", "--file", str(file)).returncode == 3
    assert desk.ends() == before


def test_an_original_that_is_gone_can_still_be_mended(desk: Desk, tmp_path: Path) -> None:
    """It is said to be gone and is left alone; a mended value is sent all the same, with the letter's key."""
    (letter,) = desk.listed("--reason", "not_json")
    with admin_client(desk.house.bootstrap_servers) as admin:
        admin.delete_records({TopicPartition(letter["topic"], letter["partition"]): letter["offset"] + 1})
    assert "no longer in Kafka" in desk.run("show", letter["letter"]).stdout
    left = desk.run("replay", "--yes", letter["letter"])
    assert (left.returncode, "no longer in Kafka" in left.stderr) == (4, True)
    before = desk.ends()
    file = tmp_path / "mended.jsonl"
    file.write_text(json.dumps(letter | {"value": remittance(5, "2026-03-05", "3.00", group="late")}))
    assert desk.run("replay", "--yes", "--file", str(file)).returncode == 0
    desk.house.seen.until(lambda: desk.house.seen.counted("late") == (1, None))
    (record,) = desk.records_from(before)
    assert (record.key, record.partition) == (b"k", letter["partition"])
