"""The watchdog: notices a consumer that went silent, a partition with lag and no progress, a teller that hangs.

First it has everything read again from the first unfinished offsets (a new epoch); where that doesn't help, it has
the worker put together anew. Consumers that go silent and stay so are a known way of Faust and aiokafka to fail.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from streams.shell.outbox import CLIENT_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from faust.types.tuples import TP

    from streams.shell.transport import ChunkConsumer

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
ASK_SECONDS = 5.0  # how often Kafka is asked where the partitions end, and how long it may take to answer
JOIN_SECONDS = 60.0  # joining a group takes a session timeout and a rebalance at most
NUDGE_SECONDS = 30.0  # without progress where there is lag; a chunk takes well under a second
RESTART_SECONDS = 120.0


class Watchdog:
    """Watches one consumer, and the tellers.

    `tellers` gives for each home partition what is another thing whenever its teller came on. `stalled` names what
    stands still, partitions as `topic[partition]`, tellers as `teller[partition]`; `ends` is where Kafka said that
    partitions end when it answered last, at the monotonic time `answered_at`.
    """

    def __init__(
        self, consumer: ChunkConsumer, tellers: Callable[[], Mapping[int, object]], now: float | None = None
    ) -> None:
        self._consumer = consumer
        self._tellers = tellers
        self._joined_at = time.monotonic() if now is None else now
        self._asked_at = -ASK_SECONDS
        self.ends: dict[TP, int] = {}
        self.answered_at = float("-inf")
        self._fronts: dict[TP, int] = {}
        self._moved_at: dict[TP, float] = {}
        self._behind_since: dict[TP, float] = {}
        self._answers = False  # whether Kafka did when it was asked last: without it no teller comes on
        self._told: dict[int, tuple[object, float]] = {}  # what a teller had come to, and since when
        self._nudged_at = 0.0
        self.stalled: list[str] = []

    async def run(self) -> str:
        """Watch until something is wrong that only a new start mends; return what."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if time.monotonic() - self._asked_at > ASK_SECONDS and self._consumer.joined:
                self._asked_at = time.monotonic()
                await self.read_ends()
            reason = self.look(time.monotonic())
            if reason:
                return reason

    async def read_ends(self) -> None:
        """Learn where the partitions end now; where Kafka doesn't say, what it said last holds.

        The fetcher's own highwater won't do: it stands still with a fetcher that does, and behind an open transaction
        of a producer it is ahead of what can be read.
        """
        try:
            async with asyncio.timeout(ASK_SECONDS):
                self.ends = await self._consumer.read_ends()
            self.answered_at, self._answers = time.monotonic(), True
        except CLIENT_ERRORS as error:
            self._answers = False
            log.debug("no ends of partitions: %r", error)

    def look(self, now: float) -> str | None:
        """Look once, at a monotonic time in seconds; return why the worker has to start anew, or None."""
        consumer = self._consumer
        if consumer.silent:
            return "the consumer no longer talks to its group or fetches"
        if consumer.joined:
            self._joined_at = now
        elif now - self._joined_at > JOIN_SECONDS:
            return f"no member of the consumer group for {JOIN_SECONDS:.0f} s"
        self._note_progress(now)
        self._note_telling(now)
        unread = {f"{tp.topic}[{tp.partition}]": at for tp, at in self._moved_at.items() if now - at > NUDGE_SECONDS}
        untold = {f"teller[{p}]": at for p, (_, at) in self._told.items() if now - at > NUDGE_SECONDS}
        still = unread | untold
        self.stalled = sorted(still)
        if still and now - min(still.values()) > RESTART_SECONDS:
            return f"no progress for {RESTART_SECONDS:.0f} s though there is lag: {', '.join(self.stalled)}"
        if still and now - self._nudged_at > NUDGE_SECONDS:
            log.warning("no progress though there is lag, reading again: %s", ", ".join(self.stalled))
            self._nudged_at = now
            if unread:
                consumer.begin_epoch()
        return None

    @property
    def joined(self) -> bool:
        """Whether the worker is a member of its group."""
        return self._consumer.joined

    def behind_seconds(self, now: float) -> dict[TP, float]:
        """Return for how long partitions have not been worked through to where they ended when Kafka said so last."""
        return {tp: now - since for tp, since in self._behind_since.items()}

    def _note_telling(self, now: float) -> None:
        told: dict[int, tuple[object, float]] = {}
        for partition, progress in self._tellers().items():
            before = self._told.get(partition)
            stands = self._answers and before is not None and before[0] == progress
            told[partition] = before if stands else (progress, now)  # type: ignore[assignment]  # there is one
        self._told = told

    def _note_progress(self, now: float) -> None:
        assigned = self._consumer.assignment() if self._consumer.joined else set()
        self._moved_at = {tp: self._moved_at.get(tp, now) for tp in assigned}
        self._behind_since = {tp: self._behind_since.get(tp, now) for tp in assigned}
        for tp, front in self._consumer.fronts().items():
            if tp not in assigned:
                continue
            at_end = self.ends.get(tp, 0) <= front
            if at_end or self._fronts.get(tp) != front:
                self._fronts[tp], self._moved_at[tp] = front, now
            if at_end:
                self._behind_since[tp] = now
