"""When a teller sends what it has evaluated, lets others have a turn, and comes to the statuses of groups with news.

Alerts wait for nothing that can wait: a status is told after them, ten times a second, for each transaction has its
price, and where there are more news to judge than time, less often. Others' turns come after half a millisecond, for
each of the hops that a request takes through the loop waits for as long.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.shell.agenda import Task

BATCH_SECONDS: Final = 0.02  # evaluations that go into one transaction
ROUND_SECONDS: Final = 0.25  # the same, while no group has news of its own
BREATH_SECONDS: Final = 0.0005  # a turn; as long as that of the others before it, where they took longer
LONGEST_BREATH_SECONDS: Final = 0.005
STATUSES_SECONDS: Final = 0.1  # apart are statuses of groups that had news
STATUSES_SHARE: Final = 0.2  # of the time goes into them at most, while there are news to judge


class Pace:
    """The pace of one teller."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._statuses_from = 0.0
        self._turn_seconds = BREATH_SECONDS
        self.begin()

    def begin(self) -> None:
        """Begin with what goes into one transaction."""
        self._started = self._breathed = self._at = self._clock()
        self._statuses_took = 0.0
        self._has_urgent_alerts = False
        #: Whether statuses of groups that had news come now, before all else; or not yet.
        self.statuses_due = self._started >= self._statuses_from

    def is_full(self, task: Task, *, has_alerts: bool, has_news: bool) -> bool:
        """Tell whether to send what there is, now that a task is done; `has_news`: others wait to be judged."""
        since, self._at = self._at, self._clock()
        self._has_urgent_alerts |= task.has_news and has_alerts
        if task.has_news and not task.judge_first:
            self._statuses_took += self._at - since
            self.statuses_due = not has_news or self._statuses_took < BATCH_SECONDS
        if self._has_urgent_alerts and not has_news:
            return True
        return self._at > self._started + (BATCH_SECONDS if has_news else ROUND_SECONDS)

    async def breathe(self) -> None:
        """Let others have a turn, if it is time."""
        if self._at > self._breathed + self._turn_seconds:
            await asyncio.sleep(0)
            now = self._clock()
            self._turn_seconds = min(max(BREATH_SECONDS, now - self._at), LONGEST_BREATH_SECONDS)
            self._breathed = self._at = now

    def end(self) -> None:
        """Take note that nothing more goes into this transaction."""
        if self._statuses_took:
            self._statuses_from = self._started + max(STATUSES_SECONDS, self._statuses_took / STATUSES_SHARE)

    def early_seconds(self) -> float:
        """Return how long it is until statuses of groups with news are due; 0 where they are."""
        return max(0.0, self._statuses_from - self._clock())
