"""What tests of the page share: a browser, and a small made-up year that a real worker has told."""

from __future__ import annotations

import signal
import time
import uuid
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from streams import synthetic
from tests.browser.chromium import Browser, missing
from tests.browser.page import Page
from tests.running import House, RunningWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.devkafka.broker import Broker

DAY = date(2026, 10, 20)
GROUPS, REMITTANCES = 24, 1_500


class Scene:
    """An installation with a worker, the page, and a way to send."""

    def __init__(self, kafka: Broker, folder: Any) -> None:
        self.house = House(kafka.bootstrap_servers, folder, DAY)
        self.worker = RunningWorker(self.house, "worker", session_timeout_seconds="3", commit_seconds="0.2")
        self.page = Page(kafka.bootstrap_servers, self.house.names.prefix, self.house.clock)

    def begin(self) -> None:
        """Tell a year, some of it unusable."""
        messages = [m for m in synthetic.year(3, GROUPS, REMITTANCES, 2026) if _known_by(m, DAY)]
        self.house.publish(messages)
        for bad in (b"{", b'{"schema_version":1,"type":"remittance"}', b'{"schema_version":2}'):
            self.house.producer.send(self.house.names.remittances, bad, partition=0)
        self.house.producer.flush()
        self.worker.start().ready()
        self.house.seen.until(lambda: self._counted() == _counting(messages), 120)
        self.house.seen.until(lambda: len(self.house.seen.letters) >= 3, 60)
        self.page.start()

    def _counted(self) -> int:
        """Return how many remittances all statuses count."""
        return sum(status["remittance_count"] for status in self.house.seen.newest_statuses.values() if status)

    def remit(self, group_id: str, amount: str) -> float:
        """Send money in for a group; return when that was (time.monotonic())."""
        self.house.publish(
            [
                {
                    "schema_version": 1, "type": "remittance", "event_id": str(uuid.uuid4()), "group_id": group_id,
                    "amount": amount, "currency": "USD", "occurred_at": f"{DAY}T09:00:00Z", "channel": "cash",
                }
            ]
        )  # fmt: skip
        return time.monotonic()

    def end(self) -> None:
        """Leave nothing running."""
        self.page.stop()
        self.worker.signal(signal.SIGKILL)
        self.worker.kill()
        self.house.close()


def _known_by(message: dict[str, Any], day: date) -> bool:
    return str(message.get("issued_at") or message["occurred_at"]) <= f"{day}T12"


def _counting(messages: list[dict[str, Any]]) -> int:
    """Return how many remittances there are that nothing takes back."""
    remitted = {m["event_id"] for m in messages if m["type"] == "remittance"}
    return len(remitted - {m["reverses"] for m in messages if m["type"] == "reversal"})


@pytest.fixture(scope="module")
def scene(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Run a worker and the page on a small year."""
    made = Scene(kafka, tmp_path_factory.mktemp("page"))
    made.begin()
    yield made
    made.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Open a Chromium; where there is none, tests that need one are skipped."""
    lacks = missing()
    if lacks:
        pytest.skip(f"no {lacks} here: `make packages` would install it")
    opened = Browser()
    yield opened
    opened.close()
