"""What the parts of one worker share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streams.shell.census import Census

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streams.shell.clock import DayReached
    from streams.shell.metrics import Metrics
    from streams.shell.policy_log import PolicyLog
    from streams.shell.router import Router
    from streams.shell.topics import Names


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
    waiting_records: Callable[[], int]  # of the input, as ChunkConsumer has them
    census: Census = field(default_factory=Census)
    #: Held by the teller that evaluates.
    evaluating: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: The home partitions in which groups have news that were not judged.
    with_news: set[int] = field(default_factory=set)
