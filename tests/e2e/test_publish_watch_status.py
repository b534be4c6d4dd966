"""Publishing, watching and reading statuses through the installed command, on a real broker, without a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams import synthetic
from streams.shell.topic_admin import admin_client, create_missing
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.devkafka.broker import Broker

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Told = tuple[str, dict[str, Any] | None]  # a key, and a message or a tombstone

COMMAND = str(Path(sys.executable).with_name("quotastream"))


@pytest.fixture
def environment(kafka: Broker, prefix: str) -> dict[str, str]:
    """Point the command at the tests' broker, and at names of its own there."""
    return os.environ | {"QUOTASTREAM_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "QUOTASTREAM_PREFIX": prefix}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run the installed command and return what came of it."""

    def run_command(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    return run_command


@pytest.fixture
def topics(run: Run) -> None:
    """Create the topics of this test."""
    assert run("topics", "create", "--partitions", "2").returncode == 0


def made_up(remittances: int) -> list[dict[str, Any]]:
    """Return the messages of a small year."""
    return list(synthetic.year(3, 8, remittances, 2026))


def write_lines(path: Path, messages: list[dict[str, Any]]) -> str:
    """Write messages as JSON lines."""
    path.write_text("".join(json.dumps(message) + "\n" for message in messages))
    return str(path)


def in_topic(bootstrap_servers: str, topic: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (key, message) of everything in a topic."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    partitions = [TopicPartition(topic, number) for number in range(2)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    found = []
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        for records in consumer.poll(timeout_ms=200).values():
            found += [(record.key.decode(), json.loads(record.value)) for record in records]
    consumer.close()
    return found


# --- publish --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("topics")
def test_every_line_goes_to_its_topic_by_its_type(run: Run, kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """Remittances go by their group and policies by their id, and all of them arrive."""
    messages = made_up(500)
    done = run("publish", write_lines(tmp_path / "year.jsonl", messages), "--json")
    assert done.returncode == 0, done.stderr
    policies = [message for message in messages if "policy_id" in message]
    summary = json.loads(done.stdout)
    assert (summary["published"], summary["policies"], summary["invalid"]) == (len(messages), len(policies), 0)
    names = Names(prefix=prefix)
    sent = in_topic(kafka.bootstrap_servers, names.remittances)
    assert len(sent) == len(messages) - len(policies)
    assert all(key == message["group_id"] for key, message in sent)
    decreed = in_topic(kafka.bootstrap_servers, names.policy_changes)
    assert sorted(message["policy_id"] for _, message in decreed) == sorted(p["policy_id"] for p in policies)
    assert all(key == message["policy_id"] for key, message in decreed)


@pytest.mark.usefixtures("topics")
def test_csv_and_stdin_are_published_too(run: Run, kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """One call takes files of both forms, and standard input."""
    csv = tmp_path / "march.csv"
    csv.write_text(
        "event_id,group_id,amount,currency,occurred_at,channel,levy_id\n"
        "0b7e7c5e-9c3b-4a52-8f0f-0d5f3d3b6a01,dandong-07,1250.00,USD,2026-03-05T09:30:00+09:00,cash,\n"
    )
    stdin = "\n".join(json.dumps(message) for message in made_up(20))
    done = run("publish", str(csv), "-", stdin=stdin)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("published ")
    sent = in_topic(kafka.bootstrap_servers, Names(prefix=prefix).remittances)
    (from_csv,) = [message for key, message in sent if key == "dandong-07"]
    assert from_csv["amount"] == "1250.00"
    assert "levy_id" not in from_csv


@pytest.mark.usefixtures("topics")
def test_a_table_that_was_cut_off_is_published_again_without_doubling(
    run: Run, kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    """A dry run publishes nothing; its first half, then all of it: as many ids as rows, the first half's twice."""
    rows = [f"dandong-07;{amount},50;March" for amount in range(1, 5)]
    options = ["--column", "group_id=Gruppe", "--column", "amount=Betrag", "--set", "currency=USD", "--set"]
    options += ["channel=cash", "--set", "occurred_at=2026-03-05T00:00:00Z", "--decimal-sign", ",", "--json"]
    path = tmp_path / "bank.csv"

    def publish(rows: list[str], *more: str) -> dict[str, Any]:
        path.write_text("\n".join(["Gruppe;Betrag;reference", *rows]) + "\n")
        done = run("publish", str(path), *options, *more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    checked = publish(rows, "--dry-run")
    assert (checked["published"], checked["remittances"]) == (0, 4)
    assert publish(rows[:2])["published"] == 2
    assert publish(rows)["published"] == 4
    sent = [message for _, message in in_topic(kafka.bootstrap_servers, Names(prefix=prefix).remittances)]
    assert len(sent) == 6
    assert len({m["event_id"] for m in sent}) == 4
    assert sorted({m["amount"] for m in sent}) == ["1.50", "2.50", "3.50", "4.50"]


def test_a_dry_run_needs_no_kafka(run: Run, tmp_path: Path) -> None:
    """It says what is wrong with which line and ends with 1, whether or not there is a Kafka to publish to."""
    path = tmp_path / "a.csv"
    path.write_text("group_id,amount\ng,1.001\n")
    done = run("publish", str(path), "--dry-run", "--bootstrap-servers", "127.0.0.1:1", "--set", "currency=USD")
    assert done.returncode == 1
    assert f"{path}:2: " in done.stderr
    assert "1 line of 1 invalid, nothing was published" in done.stderr


@pytest.mark.usefixtures("topics")
def test_one_bad_line_and_nothing_is_published(run: Run, kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """The line and its field are named, on stderr; --skip-invalid publishes the others."""
    messages = made_up(20)
    bad = next(message for message in messages if message["type"] == "remittance")
    bad["event_id"] = None
    path = write_lines(tmp_path / "year.jsonl", messages)
    refused = run("publish", path)
    assert refused.returncode == 1
    assert f"{path}:{messages.index(bad) + 1}: event_id:" in refused.stderr
    assert "nothing was published" in refused.stderr.splitlines()[-1]
    assert in_topic(kafka.bootstrap_servers, Names(prefix=prefix).remittances) == []
    skipped = run("publish", path, "--skip-invalid", "--json")
    assert skipped.returncode == 0
    assert json.loads(skipped.stdout)["published"] == len(messages) - 1


def test_publishing_without_topics_says_how_to_make_them(run: Run, tmp_path: Path) -> None:
    """One line, and nothing is created by the way."""
    done = run("publish", write_lines(tmp_path / "year.jsonl", made_up(5)))
    assert done.returncode == 1
    assert "`quotastream topics create`" in done.stderr
    assert done.stderr.count("\n") == 1
    assert run("topics", "check").returncode == 3


def test_a_file_that_is_not_there_is_one_line(run: Run) -> None:
    """The name is in it."""
    done = run("publish", "no-such-file.jsonl")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no-such-file.jsonl cannot be read" in done.stderr


@pytest.mark.usefixtures("topics")
def test_ten_thousand_lines_are_published_within_seconds(run: Run, tmp_path: Path) -> None:
    """A year of a large organisation is no matter of hours."""
    path = write_lines(tmp_path / "year.jsonl", made_up(20_000))
    done = run("publish", path, "--json")
    summary = json.loads(done.stdout)
    # A laptop does 20,000 a second; this allows for a machine that does much else at the same time.
    assert summary["published"] / summary["seconds"] > 500


# --- topics ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("topics")
def test_topics_check_is_content_with_what_create_made(run: Run) -> None:
    """The exit code says it to scripts, the list to programs."""
    done = run("topics", "check", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    other = run("topics", "check", "--json", "--partitions", "3")
    assert other.returncode == 3
    assert {difference["what"] for difference in json.loads(other.stdout)} == {"partitions"}


# --- what a worker would have written -------------------------------------------------------------------------------


MONEY = (
    *("original_target", "adjusted_target", "expected_to_date", "remitted_to_date", "shortfall", "surplus"),
    *("required_daily_rate", "trailing_daily_rate", "projected_total", "policy_effect", "remittance_effect"),
)


def a_status(group: str, attainment: str, level: str, **other: Any) -> dict[str, Any]:
    """Return a whole status."""
    return {
        "schema_version": 1, "type": "quota_status", "group_id": group, "region": "dandong", "plan_year": 2026,
        "as_of": "2026-07-01", "currency": "USD", **dict.fromkeys(MONEY, "10.00"), "attainment_to_date": attainment,
        "attainment_of_target": attainment, "level": level, "open_episodes": [], "levies": [], "unconverted": {},
        "unassigned": {}, "headcount": 5, "remittance_count": 3, "policies_applied": [], "policies_applied_count": 0,
    } | other  # fmt: skip


def an_alert(group: str, summary: str) -> dict[str, Any]:
    """Return what of an alert is shown."""
    return {
        "schema_version": 1, "type": "quota_alert", "group_id": group, "kind": "behind_pace", "levy_id": None,
        "transition": "opened", "severity": "warning", "on_day": "2026-07-01", "summary": summary,
    }  # fmt: skip


def tell(
    kafka: Broker, topic: str, messages: list[tuple[str, dict[str, Any] | None]], *, commit: bool = True
) -> None:
    """Write messages in one transaction, as a worker does."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=f"{topic}-teller")
    producer.init_transactions()
    producer.begin_transaction()
    for key, message in messages:
        value = None if message is None else json.dumps(message).encode()
        producer.send(topic, key=key.encode(), value=value, partition=len(key) % 2)
    producer.flush()
    if commit:
        producer.commit_transaction()
    else:
        producer.abort_transaction()
    producer.close()


EPISODE = {
    "episode_id": "e",
    "kind": "behind_pace",
    "levy_id": None,
    "severity": "warning",
    "opened_on": "2026-04-01",
}
LEVY = {
    "levy_id": "railway", "purpose": "a railway", "currency": "USD", "target": "5.00", "expected_to_date": "4.00",
    "remitted_to_date": "1.00", "shortfall": "3.00", "attainment_to_date": "0.2500", "level": "critical",
}  # fmt: skip


@pytest.fixture
def told(topics: None, kafka: Broker, prefix: str) -> None:
    """Put statuses in: one overtaken, one taken off, one of a transaction that was aborted."""
    topic = Names(prefix=prefix).status
    tell(kafka, topic, [("a/2026", a_status("a", "0.1000", "critical")), ("gone/2026", a_status("gone", "1", "ok"))])
    newer = a_status("a", "0.9500", "ok")
    behind = a_status("bb", "0.8000", "warning", region="dalian", open_episodes=[EPISODE], levies=[LEVY])
    tell(kafka, topic, [("a/2026", newer), ("bb/2026", behind), ("gone/2026", None)])
    tell(kafka, topic, [("a/2025", a_status("a", "0.7000", "missed", plan_year=2025))])
    tell(kafka, topic, [("a/2026", a_status("a", "0.0100", "critical"))], commit=False)


@pytest.mark.usefixtures("told")
def test_status_shows_the_newest_of_each_group_and_the_furthest_behind_first(run: Run) -> None:
    """What was overtaken, taken off or never committed is not shown."""
    table = run("status")
    assert table.returncode == 0, table.stderr
    assert [line.split()[0] for line in table.stdout.splitlines()[1:3]] == ["bb", "a"]
    assert "gone" not in table.stdout
    assert "2 groups, plan year 2026, in USD, as of 2026-07-01: 1 warning, 1 ok" in table.stdout
    lines = [json.loads(line) for line in run("status", "--json").stdout.splitlines()]
    assert [(one["group_id"], one["attainment_to_date"]) for one in lines] == [("bb", "0.8000"), ("a", "0.9500")]


@pytest.mark.usefixtures("told")
def test_status_is_narrowed_by_year_region_and_level(run: Run) -> None:
    """Each by itself."""
    for arguments, expected in (
        (["--year", "2025"], ["a"]),
        (["--region", "dalian"], ["bb"]),
        (["--level", "ok"], ["a"]),
        (["--level", "ok", "--level", "warning"], ["bb", "a"]),
        (["--region", "nowhere"], []),
    ):
        lines = run("status", "--json", *arguments).stdout.splitlines()
        assert [json.loads(line)["group_id"] for line in lines] == expected


@pytest.mark.usefixtures("told")
def test_status_of_one_group_shows_its_levies_and_open_episodes(run: Run) -> None:
    """One that nobody knows ends with 3, and one without such a year too."""
    detail = run("status", "bb")
    assert detail.returncode == 0, detail.stderr
    for said in ("bb (dalian), plan year 2026", "behind_pace", "since 2026-04-01", "a railway", "25.0%"):
        assert said in detail.stdout
    assert json.loads(run("status", "bb", "--json").stdout)["levies"] == [LEVY]
    assert run("status", "nobody").returncode == 3
    assert run("status", "bb", "--year", "2025").returncode == 3


@pytest.mark.usefixtures("topics")
def test_what_a_replay_wrote_is_read_by_its_prefix(run: Run, kafka: Broker, prefix: str) -> None:
    """The usual outputs and a replay's do not mix."""
    replay = Names(prefix=prefix, replay=True, output_prefix="july-")
    missing = run("status", "--output-prefix", "july-")
    assert missing.returncode == 1
    assert f"no topic {replay.status}" in missing.stderr
    with admin_client(kafka.bootstrap_servers) as admin:
        create_missing(admin, replay, partitions=2)
    tell(kafka, replay.status, [("a/2026", a_status("a", "0.1000", "critical"))])
    assert "a" in run("status", "--output-prefix", "july-").stdout
    assert "no group has a status yet" in run("status").stderr


# --- watch ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("topics")
def test_watch_shows_alerts_as_they_come_and_ctrl_c_ends_it_well(
    environment: dict[str, str], kafka: Broker, prefix: str
) -> None:
    """What was told before is left out, and what was not committed too."""
    topic = Names(prefix=prefix).alerts
    tell(kafka, topic, [("old", an_alert("dandong-07", "an old one"))])
    watching = subprocess.Popen(
        [COMMAND, "watch"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert watching.stderr is not None
        assert watching.stdout is not None
        assert watching.stderr.readline().startswith(f"watching {topic}")
        tell(kafka, topic, [("never", an_alert("dandong-07", "one that never was"))], commit=False)
        tell(kafka, topic, [("new", an_alert("dandong-07", "a new one")), ("taken-off", None)])
        line = watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        rest, error = watching.communicate(timeout=20)
    finally:
        watching.kill()
    assert line == "2026-07-01 warning  dandong-07 behind_pace opened: a new one\n"
    assert (watching.returncode, rest, error) == (0, "", "")


@pytest.mark.usefixtures("topics")
def test_watch_from_the_start_of_one_group_as_json(run: Run, kafka: Broker, prefix: str) -> None:
    """Each line is the message whole, for programs; --once ends at what is there by now."""
    mine, other = an_alert("dandong-07", "mine"), an_alert("dandong-08", "not mine")
    tell(kafka, Names(prefix=prefix).alerts, [("a", mine), ("b", other), ("cc", mine)])
    began = time.monotonic()
    done = run("watch", "--from-start", "--once", "--group", "dandong-07", "--json")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [mine, mine]
    assert time.monotonic() - began < 30
