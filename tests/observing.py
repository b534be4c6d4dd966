"""A worker with metrics, after events that move every one of them: for tests of what operators see."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from tests.model.wire import adjusted, opened, remittance, target
from tests.running import House, RunningWorker, free_port, get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client import Metric

PER_GROUP = 3
DAY = "2026-07-01"  # the clock's; every remittance is of a day before it, but one
AHEAD, BEHIND, NOTHING, WAITING = "ahead-1", "behind-1", "nothing-1", "waiting-1"


class Observed:
    """An installation with one worker that serves metrics."""

    def __init__(self, house: House, **settings: str) -> None:
        self.house = house
        self.port = free_port()
        self.worker = RunningWorker(house, "w1", metrics_port=str(self.port), **settings)

    def play(self) -> None:
        """Publish what moves every metric, and wait until all of it was told."""
        self.house.publish([*_policies(), *_money()])
        self.house.producer.send(self.house.names.remittances, b"not json").get(30)
        seen = self.house.seen
        seen.until(lambda: seen.status(BEHIND).get("level") == "warning" and seen.letters)
        seen.until(lambda: seen.status(AHEAD).get("level") == "ok" and seen.counted(AHEAD)[0] == 1)
        seen.until(lambda: seen.status(NOTHING).get("level") == "critical")
        seen.until(lambda: seen.status(WAITING).get("unassigned"))

    def families(self) -> dict[str, Metric]:
        """Scrape; return the families by name."""
        return {family.name: family for family in text_string_to_metric_families(get(self.port, "/metrics")[1])}


def _policies() -> list[dict[str, Any]]:
    groups = [(AHEAD, "north"), (BEHIND, "north"), (NOTHING, "south"), (WAITING, "south")]
    plans = [
        message
        for n, (group, region) in enumerate(groups)
        for message in (opened(10 + n, group=group, region=region), target(20 + n, group_id=group))
    ]
    return [*plans, adjusted(40, "2099-01-01", "2099-01-01", year=2099, factor="0.9")]  # by a clock that is wrong


def _money() -> list[dict[str, Any]]:
    return [
        remittance(1, "2026-06-20", "190000.00", group=AHEAD),
        remittance(2, "2026-08-20", "1.00", group=AHEAD),
        remittance(3, "2026-06-20", "150000.00", group=BEHIND),
        remittance(4, "2026-06-20", "120.00", "RUB", group=WAITING),
        remittance(5, "2026-06-20", "7.00", group=WAITING, levy="never-imposed"),
    ]


@contextmanager
def observed(bootstrap_servers: str, folder: Path, *, play: bool = True, **settings: str) -> Iterator[Observed]:
    """Run a worker, through all of that if asked, and end it."""
    house = House(bootstrap_servers, folder)
    it = Observed(house, **settings)
    try:
        it.worker.start().ready().says("caught up", 3)
        if play:
            it.play()
        yield it
    finally:
        it.worker.kill()
        house.close()
