"""A house in which a worker has told of a small story: for tests of what may not be told a second time."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from streams.shell.topics import home_partition
from tests.faults.harness import QUOTASTREAM, expected, without_day
from tests.model.wire import adjusted, levy, opened, policy, remittance, reversal, revoked, target
from tests.running import PARTITIONS, House, RunningWorker, value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = date(2026, 7, 1)
GROUPS = [f"g{n}" for n in range(6)]


def story() -> list[dict[str, Any]]:
    """Return groups that are behind, silent or as asked; a cut, a levy, reversals, repeats, a revocation."""
    messages: list[dict[str, Any]] = []
    for n, group in enumerate(GROUPS):
        messages += [opened(10 + n, group=group), target(100 + n, group_id=group)]
        messages += [
            remittance(100 * n + month, f"2026-0{month}-10", f"{3000 * (n + 1)}.00", group=group)
            for month in range(1, 4 + n % 4)
        ]
        messages.append(reversal(100 * n + 50, 100 * n + 2, group=group))
    messages += [
        adjusted(500, "2026-04-01", "2026-04-01", factor="0.85"),
        levy(501, "2026-02-01", "2026-02-10", "2026-05-10"),
    ]
    messages += [policy(502, "suspended", "2026-05-01", scope={"group_id": "g3"}, from_day="2026-05-02")]
    messages += [revoked(503, "2026-05-20", 502)]
    return messages + messages[::3]


def command(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command on the house."""
    names = {"QUOTASTREAM_BOOTSTRAP_SERVERS": house.bootstrap_servers, "QUOTASTREAM_PREFIX": house.names.prefix}
    return subprocess.run(
        [QUOTASTREAM, *arguments], env=os.environ | names, capture_output=True, text=True, timeout=60, check=False
    )


def group_of(record: Any) -> str:
    """Return the group that an alert or a status is of; one that is taken off has nothing but its key."""
    body = value(record)
    return body["group_id"] if body else record.key.decode().split("/")[0]


class Known:
    """A house in which a worker tells of a story, something bad in it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.worker = RunningWorker(house, "w")
        self.messages = story()
        self.model = expected(self.messages, DAY)
        self.rounds = 0
        self.published = len(self.messages)

    def one_more_of_each_home(self, partitions: int = PARTITIONS) -> None:
        """Have money of new groups counted in each home partition: what there was to tell of others is told then."""
        seen = self.house.seen
        self.rounds += 1
        fresh: dict[int, str] = {}
        for n in range(50):
            name = f"mark-{self.rounds}-{n}"
            fresh.setdefault(home_partition(name, partitions), name)
        assert len(fresh) == partitions
        marks = [
            remittance(10_000 + 100 * self.rounds + n, "2026-03-05", "1.00", group=name)
            for n, name in enumerate(fresh.values())
        ]
        self.house.publish(marks)
        self.published += len(marks)
        seen.until(lambda: all(seen.counted(name)[0] for name in fresh.values()))

    def equals_the_model(self) -> bool:
        """Return whether the newest of everything told is what the naive model says."""
        alerts, statuses = ([value(record) for record in records] for records in self.told())
        newest = {(s["group_id"], s["plan_year"]): s for s in statuses if s}
        episodes = {v["episode_id"]: v for v in alerts}
        told = {key: v["history"] for key, v in episodes.items() if v["transition"] != "retracted"}
        return without_day(newest) == without_day(self.model[0]) and told == self.model[1]

    def told(self) -> tuple[list[Any], list[Any]]:
        """Return all that was told so far of the groups of the story: alerts, and statuses."""
        self.house.seen.to_the_end()
        kept = self.house.seen.alerts, self.house.seen.statuses
        return tuple([record for record in records if group_of(record) in GROUPS] for records in kept)

    def letters(self) -> list[tuple[str, str]]:
        """Return the reason and the ce_id of each dead letter."""
        return sorted(
            (value(letter)["reason"], dict(letter.headers)["ce_id"].decode()) for letter in self.house.seen.letters
        )


@contextmanager
def telling(bootstrap_servers: str, folder: Path) -> Iterator[Known]:
    """Yield a house of which all was told, and what is bad sent back; its worker is alive."""
    known = Known(House(bootstrap_servers, folder, DAY))
    house = known.house
    known.worker.start()
    try:
        house.producer.send(house.names.remittances, b"not JSON", partition=1)
        house.publish(known.messages)
        known.one_more_of_each_home()
        house.seen.until(lambda: house.seen.letters)
        house.seen.until(known.equals_the_model)
        yield known
    finally:
        known.worker.kill()
        house.close()
