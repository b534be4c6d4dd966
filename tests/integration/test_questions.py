"""The questions, asked through the installed command of what one worker has read on a real broker."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import time
import uuid
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from kafka import KafkaConsumer, TopicPartition

from streams import synthetic
from streams.cli.main import run
from streams.shell.knowledge import read_knowledge
from streams.shell.topic_admin import admin_client, create_missing
from streams.shell.topics import Names
from tests.faults.harness import QUOTASTREAM, WorkerProcess, read_outputs, without_day

if TYPE_CHECKING:
    from pathlib import Path

    from streams.devkafka.broker import Broker
    from streams.questions.knowledge import Knowledge

DAY = date(2026, 12, 30)
GROUPS = 8
CUT = {
    "schema_version": 1, "policy_id": "7f3c2a54-6a0e-4c58-9f52-0d6a6f0f9a11", "type": "target_adjusted",
    "issued_at": "2026-06-01T08:00:00Z", "scope": {"all": True}, "plan_year": 2026, "applies": "whole_period",
    "effective_on": "2026-06-01", "factor": "0.5",
}  # fmt: skip


class Asked(NamedTuple):
    """An installation whose worker has read a made-up year, and then went: nobody is needed to answer."""

    environment: dict[str, str]
    bootstrap_servers: str
    names: Names

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the installed command."""
        return subprocess.run(
            [str(QUOTASTREAM), *arguments], env=self.environment, input=stdin, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def ask(self, *arguments: str, stdin: str = "") -> str:
        """Run the command, which has to succeed; return its output."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ends(self) -> dict[TopicPartition, int]:
        """Return the end of every partition of the installation."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap_servers)
        try:
            topics = [topic for topic in consumer.topics() if topic.startswith(self.names.prefix)]
            return consumer.end_offsets(
                [TopicPartition(t, p) for t in topics for p in consumer.partitions_for_topic(t)]
            )
        finally:
            consumer.close()


@pytest.fixture(scope="module")
def asked(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Let one worker read a made-up year, then end it."""
    names = Names(f"q-{uuid.uuid4().hex[:12]}-")
    with admin_client(kafka.bootstrap_servers) as admin:
        create_missing(admin, names, 2)
    environment = os.environ | {
        "QUOTASTREAM_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "QUOTASTREAM_PREFIX": names.prefix,
    }  # fmt: skip
    asked = Asked(environment, kafka.bootstrap_servers, names)
    lines = "".join(json.dumps(message) + "\n" for message in synthetic.year(3, GROUPS, 1_000, 2026))
    asked.ask("publish", "-", stdin=lines)
    folder = tmp_path_factory.mktemp("asked")
    worker = WorkerProcess(kafka.bootstrap_servers, names.prefix, folder, "w1", DAY).start()
    try:
        _await_told(asked)
    finally:
        worker.stop()
    return asked


def statuses_of(knowledge: Knowledge) -> dict[Any, dict[str, Any]]:
    """Return the status of every account, as the core has it."""
    day = DAY.toordinal()
    return {tuple(key): knowledge.account(key, day).status for key in knowledge.keys(day)}


def _await_told(asked: Asked) -> None:
    """Wait until the worker has told what follows from the logs, all of them."""
    deadline = time.monotonic() + 120  # where others use the machine too
    while True:
        told = without_day(read_outputs(asked.bootstrap_servers, asked.names).statuses)
        counted = sum(status["remittance_count"] for status in told.values())
        if counted > 980 and told == without_day(statuses_of(read_knowledge(asked.bootstrap_servers, asked.names))):
            return
        assert time.monotonic() < deadline, f"{counted} remittances counted"
        time.sleep(0.5)


def test_what_is_read_gives_what_the_worker_told(asked: Asked) -> None:
    """Folding the internal logs without a worker ends in the statuses that the worker told."""
    seen: list[tuple[int, int]] = []
    knowledge = read_knowledge(asked.bootstrap_servers, asked.names, lambda done, total: seen.append((done, total)))
    told = read_outputs(asked.bootstrap_servers, asked.names).statuses
    assert without_day(statuses_of(knowledge)) == without_day(told)
    assert len(told) == GROUPS
    assert seen[-1][0] == seen[-1][1] > 0


def test_no_question_writes_to_kafka(asked: Asked) -> None:
    """No partition of the installation has grown after all of them were asked."""
    before = asked.ends()
    asked.ask("explain", "dandong-01")
    asked.ask("what-if", "-", "--as-of", str(DAY), stdin=json.dumps(CUT))
    asked.ask("backtest", "--set", "warning_below=0.8", "--as-of", str(DAY))
    asked.ask("close-year", "2026", "--as-of", "2027-01-01")
    asked.ask("forecast", "--as-of", str(DAY), "--draws", "100")
    assert asked.ends() == before


def test_explain_shows_the_status_and_what_is_behind_it(asked: Asked) -> None:
    """The tree's figures are the status's; on paper too, and less deep where that is asked for."""
    told = read_outputs(asked.bootstrap_servers, asked.names).statuses["dandong-01", 2026]
    answer = json.loads(asked.ask("explain", "dandong-01", "--on", str(DAY), "--json"))
    assert (answer["group_id"], answer["plan_year"], answer["on"]) == ("dandong-01", 2026, str(DAY))
    figures = {part["label"]: part["value"] for part in answer["tree"]["parts"]}
    for name in ("adjusted_target", "expected_to_date", "remitted_to_date", "policy_effect", "level"):
        assert figures[name] == told[name]
    whole = asked.ask("explain", "dandong-01", "--on", str(DAY))
    assert f"{float(told['remitted_to_date']):,.2f} USD" in whole
    assert len(asked.ask("explain", "dandong-01", "--on", str(DAY), "--depth", "1").splitlines()) < len(
        whole.splitlines()
    )


def test_explain_knows_the_past_as_it_was(asked: Asked) -> None:
    """The cut of June is not in what stood in May."""
    answers = [
        json.loads(asked.ask("explain", "dandong-01", "--on", on, "--json")) for on in ("2026-05-31", "2026-07-31")
    ]
    effects = [next(p["value"] for p in a["tree"]["parts"] if p["label"] == "policy_effect") for a in answers]
    assert effects[0] == "0.00"
    assert float(effects[1]) > 0


def test_what_if_tells_whom_a_cut_would_lift(asked: Asked, tmp_path: Path) -> None:
    """By group and by region; from a file and from stdin alike; and nothing where nothing is supposed."""
    file = tmp_path / "cut.jsonl"
    file.write_text(json.dumps(CUT) + "\n")
    found = json.loads(asked.ask("what-if", str(file), "--as-of", str(DAY), "--json"))
    assert found["accounts_changed"] == GROUPS
    assert all(float(row["after"]["shortfall"]) <= float(row["before"]["shortfall"]) for row in found["groups"])
    table = asked.ask("what-if", "-", "--as-of", str(DAY), stdin=json.dumps(CUT))
    assert f"{GROUPS} of {GROUPS} accounts would change with 1 policy" in table
    assert "by region" in table
    assert f"0 of {GROUPS} accounts would change" in asked.ask("what-if", "-", "--as-of", str(DAY), stdin="")


def test_backtest_sets_other_thresholds_beside_todays(asked: Asked) -> None:
    """On the first day after the year all groups are judged."""
    arguments = ("backtest", "--set", "warning_below=0.6", "--set", "critical_below=0.5", "--as-of", "2027-01-01")
    found = json.loads(asked.ask(*arguments, "--json"))
    assert found["accounts_judged"] == GROUPS
    today, other = (found[side]["signals"][0] for side in ("today", "other"))
    assert other["warned"] <= today["warned"]
    table = asked.ask(*arguments)
    assert "precision" in table
    assert "behind_pace" in table


def test_close_year_reconciles_in_every_form(asked: Asked, tmp_path: Path) -> None:
    """The CSV's groups add up to the JSON's totals; the page is one file; the table has all groups."""
    closing = ("close-year", "2026", "--as-of", "2027-01-01")
    report = json.loads(asked.ask(*closing, "--json"))
    (overall,) = report["overall"]
    rows = csv.DictReader(io.StringIO(asked.ask(*closing, "--format", "csv")))
    remitted = sum(int(row["remitted_to_date"].replace(".", "")) for row in rows if row["row"] == "group")
    assert remitted == int(overall["remitted_to_date"].replace(".", ""))
    page = tmp_path / "2026.html"
    asked.ask(*closing, "--out", str(page))
    assert page.read_text().startswith("<!doctype html>")
    table = asked.ask(*closing)
    assert all(row["group_id"] in table for row in report["groups"])
    assert f"{GROUPS} groups" in table


def test_forecast_is_the_same_for_the_same_seed(asked: Asked) -> None:
    """For all groups, one a line; and of one group what it is among all."""
    arguments = ("forecast", "--as-of", "2026-09-30", "--draws", "200", "--json")
    lines = asked.ask(*arguments).splitlines()
    assert lines == asked.ask(*arguments).splitlines()
    found = {one["group_id"]: one for one in map(json.loads, lines)}
    assert len(found) == GROUPS
    alone = json.loads(asked.ask("forecast", "primorye-01", *arguments[1:]))
    assert alone == found["primorye-01"]
    assert "misses" in asked.ask("forecast", "--as-of", "2026-09-30", "--draws", "200")


def test_a_clock_of_ones_own_tells_what_day_it_is(asked: Asked, tmp_path: Path) -> None:
    """With a rehearsal's clock, as a flag, questions are about its day; it turns when it has settled."""
    clock = tmp_path / "clock"
    clock.write_text("2026-10-01T00:00:30Z")
    for more, day in ((), "2026-09-30"), (("--settle-seconds", "30"), "2026-10-01"):
        lines = asked.ask("forecast", "--draws", "100", "--json", "--clock-file", str(clock), *more).splitlines()
        assert {json.loads(line)["as_of"] for line in lines} == {day}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("explain", "nobody"), 3, "no group nobody is known"),
        (("explain", "dandong-01", "--year", "2020"), 3, "dandong-01 has no account of 2020; it has 2026"),
        (("explain", "dandong-01", "--on", "tomorrow"), 2, "tomorrow is not a day such as 2026-06-01"),
        (("what-if", "/nowhere.jsonl"), 1, "/nowhere.jsonl cannot be read"),
        (("what-if", "-"), 1, "stdin:1: factor"),
        (("backtest", "--set", "warning_below=7"), 2, "warning_below"),
        (("backtest", "--set", "nothing=1"), 2, "--set nothing=1: not THRESHOLD=VALUE"),
        (("close-year", "2031"), 3, "no group has an account of 2031"),
        (("close-year", "2026", "--out", "report"), 2, "say with --format"),
        (("forecast", "nobody"), 3, "no group nobody is known"),
        (("forecast", "--prefix", "empty-"), 1, "topics create"),
        (("publish",), 2, "name a FILE"),
        (("publish", "--ecb", "--base", "XYZ"), 1, "has no rates of XYZ"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_line(
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    """An exit code that means something, and what to do; asked in this process, which is sooner up."""
    for name, text in asked.environment.items():
        monkeypatch.setenv(name, text)
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(CUT | {"factor": "-1"}).encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert run(list(arguments)) == code
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


def test_the_banks_rates_are_published_once(asked: Asked) -> None:
    """A week of them, twice, is the same policies; it comes last, for it writes."""
    arguments = ("publish", "--ecb", "--base", "USD", "--since", "2026-01-05", "--until", "2026-01-09", "--json")
    first, again = (json.loads(asked.ask(*arguments)) for _ in range(2))
    assert first["policies"] == again["policies"] > 100
    assert (first["invalid"], first["remittances"]) == (0, 0)
    consumer = KafkaConsumer(bootstrap_servers=asked.bootstrap_servers, auto_offset_reset="earliest")
    partitions = [TopicPartition(asked.names.policy_changes, number) for number in range(2)]
    consumer.assign(partitions)
    ends, found = consumer.end_offsets(partitions), []
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        found += [json.loads(record.value) for records in consumer.poll(200).values() for record in records]
    consumer.close()
    rates = [policy for policy in found if "European" in str(policy.get("reason"))]
    assert len(rates) == 2 * first["policies"]
    assert len({policy["policy_id"] for policy in rates}) == first["policies"]
