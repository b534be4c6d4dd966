"""The clients in examples/, as they stand, against the real broker and a real worker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streams.devkafka import jars
from tests.contract import node
from tests.model.wire import opened, remittance, target
from tests.running import House, RunningWorker, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.devkafka.broker import Broker

EXAMPLES = Path(__file__).parents[2] / "examples"
LANGUAGES = ["python", "java", "node", "kcat"]
CLOSED = {"resolved", "lapsed", "retracted"}


def command(language: str, program: str) -> list[str | Path]:
    """Return how an example is run; skip where what it needs is not here."""
    folder = EXAMPLES / language
    match language:
        case "python":
            return [sys.executable, folder / f"{program}.py"]
        case "node":
            return [node.installed(folder), folder / f"{program}.mjs"]
        case "java":
            if shutil.which("javac") is None:
                pytest.skip("no JDK here: `make packages` installs one")
            found = jars.resolve_jars(jars.read_lock(), jars.repository())
            return ["java", "-cp", os.pathsep.join(map(str, found)), folder / f"{program.title()}.java"]
    if not all(map(shutil.which, ("kcat", "jq"))):
        pytest.skip("no kcat or no jq here: `make packages` installs them")
    return ["sh", folder / f"{program}.sh"]


class Story:
    """An installation with a worker, and the environment in which an example finds it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.environment = os.environ | {
            "QUOTASTREAM_BOOTSTRAP_SERVERS": house.bootstrap_servers,
            "QUOTASTREAM_PREFIX": house.names.prefix,
        }

    def run(self, *arguments: str | Path, lines: list[dict[str, Any]] | None = None) -> str:
        """Run an example to its end with messages on stdin; return what it said."""
        given = "".join(json.dumps(line) + "\n" for line in lines or [])
        done = subprocess.run(
            arguments, input=given, text=True, capture_output=True, env=self.environment, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def until_printed(self, arguments: list[str | Path], wanted: set[str], log: Path) -> str:
        """Run an example that goes on for ever until it has said all that is wanted; return what it said."""
        with log.open("w") as out:
            process = subprocess.Popen(arguments, stdout=out, stderr=subprocess.STDOUT, env=self.environment)
            try:
                deadline = time.monotonic() + 90
                while not all(one in log.read_text() for one in wanted):
                    assert process.poll() is None, log.read_text()[-2000:]
                    assert time.monotonic() < deadline, log.read_text()[-2000:]
                    time.sleep(0.1)
            finally:
                process.kill()
                process.wait()
        return log.read_text()

    def until_settled(self, group: str, count: int, remitted: str) -> None:
        """Wait until all that was sent of a group is in its status, and so whatever alerts came of it are told."""
        seen = self.house.seen
        seen.until(lambda: seen.counted(group) == (count, remitted) and seen.status(group)["region"])
        seen.to_the_end()

    @property
    def newest(self) -> dict[str, dict[str, Any]]:
        """The newest message of each episode, as the tests' own subscriber has seen them."""
        return {alert["episode_id"]: alert for alert in map(value, self.house.seen.alerts)}

    @property
    def open_alerts(self) -> dict[str, dict[str, Any]]:
        """The newest messages of the episodes that are open, by alert_id."""
        return {a["alert_id"]: a for a in self.newest.values() if a["transition"] not in CLOSED}


def history(number: int, group: str) -> list[dict[str, Any]]:
    """Return messages that leave a group behind its target, with text beyond ASCII."""
    first = opened(number, group=group) | {"reason": "opened 금"}
    return [first, target(number + 1, group_id=group), remittance(number, "2026-03-05", "1000.00", group=group)]


@pytest.fixture(scope="module")
def story(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Run a worker on what each language's producer sends; one that can't run here sends nothing."""
    house = House(kafka.bootstrap_servers, tmp_path_factory.mktemp("examples"))
    worker = RunningWorker(house, "w1").start()
    try:
        yield Story(house)
        assert worker.stop() == 0
    finally:
        worker.kill()
        house.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_producer_in_each_language_is_counted(story: Story, language: str) -> None:
    """A team that starts from the example has its events counted once, though it sends them twice."""
    group, number = f"of-{language}", 100 * (1 + LANGUAGES.index(language))
    lines = history(number, group)
    for _ in range(2):
        assert "3 sent" in story.run(*command(language, "produce"), lines=lines)
    story.until_settled(group, 1, "1000.00")
    assert "behind_pace" in {a["kind"] for a in story.open_alerts.values() if a["group_id"] == group}
    assert story.house.seen.letters == []


@pytest.mark.parametrize("language", ["java", "node", "kcat"])
def test_a_subscriber_in_each_language_hears_every_open_episode(story: Story, language: str, tmp_path: Path) -> None:
    """A team that starts from the example knows all that is open, from the topic alone."""
    story.house.seen.to_the_end()
    alerts = story.open_alerts
    assert alerts
    said = story.until_printed(command(language, "alerts"), set(alerts), tmp_path / "log")
    for alert in alerts.values():
        assert said.count(alert["alert_id"]) == 1
        assert alert["summary"] in said
    if language != "kcat":
        assert int(re.findall(r"\((\d+) open\)", said)[-1]) >= len(alerts)


def test_kcat_lists_what_is_open(story: Story) -> None:
    """Who has nothing but a shell asks what is open by now, and gets an answer that ends."""
    story.house.seen.to_the_end()
    said = [json.loads(line) for line in story.run(*command("kcat", "alerts"), "--open").splitlines()]
    assert {line[0] for line in said} == set(story.open_alerts)


def test_a_subscriber_starts_new_restarts_and_acts_once(story: Story, tmp_path: Path) -> None:
    """It knows every open episode from the topic alone, acts on each message once, and on what becomes of it."""
    group = "paid-up"
    story.house.publish(history(900, group))
    story.until_settled(group, 1, "1000.00")
    before = story.open_alerts

    def acted_on() -> tuple[list[str], set[str]]:
        said = [json.loads(line) for line in subscriber(story, tmp_path).splitlines()]
        return [line["act"] for line in said if "act" in line], {line["open"] for line in said if "open" in line}

    first, known = acted_on()
    assert sorted(first) == sorted(before)
    assert known == {alert["episode_id"] for alert in before.values()}
    assert acted_on() == ([], known)

    story.house.publish([remittance(950, "2026-07-01", "400000.00", group=group)])
    mine = {alert["episode_id"] for alert in before.values() if alert["group_id"] == group}
    story.until_settled(group, 2, "401000.00")
    again, known_then = acted_on()
    assert sorted(again) == sorted(story.newest[episode]["alert_id"] for episode in mine)
    assert known_then == known - mine
    assert acted_on() == ([], known_then)


def subscriber(story: Story, folder: Path) -> str:
    """Run the Python subscriber up to what is there by now."""
    return story.run(*command("python", "episodes"), folder / "acted.sqlite", "--once")


def test_the_java_example_has_the_broker_s_version() -> None:
    """Its jars are those that the tests run it with."""
    pom = (EXAMPLES / "java" / "pom.xml").read_text(encoding="utf-8")
    assert f"<version>{jars.kafka_version()}</version>" in pom
