"""Reading many policies leaves others their turns."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition

from streams.shell import policy_log
from streams.shell.policy_log import PolicyLog
from streams.shell.router import source_headers
from streams.shell.topics import Names

if TYPE_CHECKING:
    import pytest

    from streams.core.events import Policy

MANY = 50
LOG = TopicPartition(Names().policies, 0)


def opening(number: int) -> Any:
    """Return a record of the log: a group opens."""
    message = {
        "schema_version": 1, "type": "group_opened", "policy_id": f"0f1c2a10-0000-4000-8000-{number:012}",
        "issued_at": "2026-01-01T00:00:00Z", "group_id": f"unit-{number}", "region": "north",
        "opened_on": "2026-01-01", "headcount": 40,
    }  # fmt: skip
    return SimpleNamespace(
        topic=LOG.topic, partition=0, offset=number, key=None, value=json.dumps(message).encode(), timestamp=1,
        headers=source_headers(0, number),
    )  # fmt: skip


class AllAtOnce:
    """A consumer that has everything at its first fetch."""

    async def getmany(self, *_: TopicPartition, **__: int) -> dict[TopicPartition, list[Any]]:
        """Return all records."""
        return {LOG: [opening(number) for number in range(MANY)]}

    def highwater(self, _: TopicPartition) -> int:
        """Return where the log ends."""
        return MANY


def test_a_worker_that_starts_joins_and_folds_while_it_reads_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a turn of no length, others have as many as there are policies."""
    monkeypatch.setattr(policy_log, "TURN_SECONDS", 0.0)
    turns = 0
    told: list[list[Policy]] = []

    async def read() -> None:
        nonlocal turns
        mine = PolicyLog("nowhere:1", Names(), lambda news, _: told.append(news))
        reading = asyncio.ensure_future(mine._read(AllAtOnce()))  # type: ignore[arg-type]
        while not reading.done():
            turns += 1
            await asyncio.sleep(0)
        await reading
        assert mine.position == MANY

    asyncio.run(read())
    assert turns >= MANY
    assert [len(news) for news in told] == [MANY]  # of which the tellers hear at once
