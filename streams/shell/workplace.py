"""What the parts of one worker share."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.shell.census import Census

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streams.shell.clock import DayReached
    from streams.shell.ledger import HomeLedger
    from streams.shell.metrics import Metrics
    from streams.shell.policy_log import PolicyLog
    from streams.shell.router import Router
    from streams.shell.topics import Names


STUCK_SECONDS = 0.5  # without a step of their folds, others are not waited for


@dataclass
class Workplace:
    """What a teller needs of its worker."""

    names: Names
    bootstrap_servers: str
    home_partitions: int
    policies_log_id: str  # the policies topic's id
    input_ends: dict[tuple[str, int], int]  # of both input topics, as of the worker's start
    day_reached: DayReached
    policy_log: PolicyLog
    router: Router
    metrics: Metrics
    prove_membership: Callable[[], Awaitable[None]]
    census: Census = field(default_factory=Census)
    #: Held by the teller that evaluates.
    evaluating: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: The ledgers of home partitions that are taken over and do not have all of their log yet.
    behind: dict[int, HomeLedger] = field(default_factory=dict)
    #: The home partitions in which groups have news that were not judged.
    with_news: set[int] = field(default_factory=set)

    async def until_others_folded(self, came_on: Callable[[], None]) -> None:
        """Wait while other partitions fold their logs, as long as they come on; call `came_on` whenever they did.

        Reading what was told beside that takes both as long together, and all are folded later.
        """
        stood, since = dict[int, int](), time.monotonic()
        while self.behind and time.monotonic() < since + STUCK_SECONDS:
            if (now := {p: ledger.position for p, ledger in self.behind.items()}) != stood:
                stood, since = now, time.monotonic()
                came_on()
            await asyncio.sleep(0.02)
