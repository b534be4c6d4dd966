"""Two workers, made-up histories in two halves, and the naive model: what plain consumers hold is what it says.

The first half is there before the workers start, so that they tell of it as a whole; the second corrects what the
first made them tell, while they run (and a few days later), or while they are down.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.faults.harness import without_day
from tests.model import naive
from tests.model.making import KINDS
from tests.property.core import Core
from tests.running import House, RunningWorker, value
from tests.strategies import seeded_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from streams.devkafka.broker import Broker

QUICK, SLOW = 3, 25
MESSAGES = 60
DAYS_THAT_GO_BY = 9
NOT_DETERMINED = {"alert_id", "revision", "summary"}
POLICY_TYPES = set(KINDS) - {"remittance", "reversal"}


class Story(NamedTuple):
    """A history in two halves, and the days on which each is told of."""

    seed: int
    first: list[dict[str, Any]]
    rest: list[dict[str, Any]]
    days: tuple[date, date]
    live: bool  # whether the workers run while the rest comes in

    def model(self, half: int) -> naive.Model:
        """Return the model of what is known after a half."""
        return naive.Model(self.first if half == 0 else self.first + self.rest)


@cache
def story(number: int) -> Story:
    """Return the nth history whose second half changes what was told of the first; each third comes while down."""
    found = -1
    for seed in range(10_000):
        messages, day = seeded_history(seed, messages=MESSAGES, groups=2, duplicates=True)
        live = number % 3 != 2
        earlier = day - timedelta(days=DAYS_THAT_GO_BY) if live else day
        first, rest = messages[: len(messages) // 2], messages[len(messages) // 2 :]
        before, after = Core(first).episodes(earlier), Core(messages).episodes(day)
        changed = any(after.get(key) != episode for key, episode in before.items())
        found += changed and len(after) >= 3
        if found == number:
            return Story(seed, first, rest, (earlier, day), live)
    raise AssertionError


class Installation:
    """Two workers in one installation, and what a subscriber holds of what they tell."""

    def __init__(self, kafka: Broker, folder: Path, day: date) -> None:
        self.house = House(kafka.bootstrap_servers, folder, day)
        self.workers = [RunningWorker(self.house, name) for name in ("w1", "w2")]

    def start(self) -> None:
        """Start both workers, or start them again."""
        for worker in self.workers:
            worker.start()

    def stop(self) -> None:
        """Stop both, which has to go well."""
        assert [worker.stop() for worker in self.workers] == [0, 0]

    def close(self) -> None:
        """End whatever still runs."""
        for worker in self.workers:
            if worker.process is not None:
                worker.kill()
        self.house.close()

    def newest(self) -> dict[str, dict[str, Any]]:
        """Return the newest message of each episode, less the retracted."""
        told = {v["episode_id"]: v for v in map(value, self.house.seen.alerts)}
        return {key: v for key, v in told.items() if v["transition"] != "retracted"}

    def await_model(self, model: naive.Model, day: date) -> None:
        """Wait until statuses and histories are the model's; AssertionError with what differs where never."""
        statuses = {f"{group}/{year}": status for (group, year), status in naive.statuses(model, day).items()}
        histories = {key: episode["history"] for key, episode in naive.episodes(model, day).items()}

        def differing() -> set[str]:
            held = without_day({key: status for key, status in self.house.seen.newest_statuses.items() if status})
            told = {key: alert["history"] for key, alert in self.newest().items()}
            should = without_day(statuses)
            wrong = {key for key in {*held, *should} if held.get(key) != should.get(key)}
            return wrong | {key for key in {*told, *histories} if told.get(key) != histories.get(key)}

        try:
            self.house.seen.until(lambda: not differing())
        except AssertionError as error:
            raise AssertionError(f"differ: {sorted(differing())}") from error


@pytest.fixture
def installations(kafka: Broker, tmp_path: Path) -> Iterator[list[Installation]]:
    """Keep what a test sets up, and end it."""
    kept: list[Installation] = []
    yield kept
    for installation in kept:
        installation.close()


def figures(alert: dict[str, Any]) -> dict[str, Any]:
    """Leave out what does not follow from the events and the day."""
    return {name: v for name, v in alert.items() if name not in NOT_DETERMINED}


def assert_told_as_a_whole(told: dict[str, dict[str, Any]], model: naive.Model, day: date) -> None:
    """Hold whole bodies against the model's, of episodes that were told when all of it was known."""
    alerts = naive.alerts(model, day)
    assert {key: figures(alert) for key, alert in told.items()} == {key: alerts[key] for key in told}


def play(installation: Installation, played: Story) -> None:
    """Tell of the first half, then of all, and hold each against the model."""
    house = installation.house
    house.publish(played.first)
    installation.start()
    half, whole = played.model(0), played.model(1)
    installation.await_model(half, played.days[0])
    first = installation.newest()
    assert_told_as_a_whole(first, half, played.days[0])
    count = len(house.seen.alerts)
    if played.live:
        house.publish(played.rest)
        house.move_clock(f"{played.days[1]}T12:00:00Z")
    else:
        installation.stop()
        house.publish(played.rest)
        installation.start()
    installation.await_model(whole, played.days[1])
    installation.stop()
    house.seen.to_the_end()
    again = map(value, house.seen.alerts[count:])
    assert any(alert["episode_id"] in first and alert["revision"] > 1 for alert in again)
    last = installation.newest()
    if not played.live:
        # While they run, what is told amid the second half has the figures of that moment (decisions/0001, 6).
        assert_told_as_a_whole({key: v for key, v in last.items() if first.get(key) != v}, whole, played.days[1])
    assert_sums_hold(last)
    assert house.seen.letters == []


def assert_sums_hold(alerts: dict[str, dict[str, Any]]) -> None:
    """Hold policy_effect + remittance_effect against R - E, as shown, in every body."""
    for alert in alerts.values():
        if alert["policy_effect"] is not None:
            effects = Decimal(alert["policy_effect"]) + Decimal(alert["remittance_effect"])
            assert effects == Decimal(alert["remitted"]) - Decimal(alert["expected"])


@pytest.mark.parametrize("number", range(QUICK))
def test_two_workers_tell_what_the_model_says(
    number: int, kafka: Broker, tmp_path: Path, installations: list[Installation]
) -> None:
    """Statuses, histories and figures are the model's after each half, corrections among them (I1, I2, I3, I5)."""
    played = story(number)
    installations.append(Installation(kafka, tmp_path, played.days[0]))
    play(installations[0], played)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", range(QUICK, QUICK + SLOW))
def test_two_workers_tell_what_the_model_says_of_many(
    number: int, kafka: Broker, tmp_path: Path, installations: list[Installation]
) -> None:
    """The same for many histories (I5)."""
    played = story(number)
    installations.append(Installation(kafka, tmp_path, played.days[0]))
    play(installations[0], played)


def test_the_histories_have_every_policy_type() -> None:
    """The quick histories together leave no policy type out."""
    told = {message["type"] for n in range(QUICK) for half in story(n)[1:3] for message in half}
    assert told >= POLICY_TYPES
