"""When a teller sends what it has evaluated, lets others have a turn, and comes to the statuses of groups with news.

Alerts wait for nothing that can wait: news are judged first, and statuses are told after them, twice a second, for
each transaction has its price, and the alerts that come meanwhile wait for it. Where there are always more news or
alerts, statuses have a share of the time. Others' turns come after half a millisecond, for each of the hops that a
request takes through the loop waits for as long.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.shell.agenda import Task

BATCH_SECONDS: Final = 0.02  # evaluations that go into one transaction; as long as the one before took, if longer
ROUND_SECONDS: Final = 0.25  # the same, while no group has news of its own
BREATH_SECONDS: Final = 0.0005  # a turn; as long as that of the others before it, where they took longer
LONGEST_BREATH_SECONDS: Final = 0.005
BACKLOG_RECORDS: Final = 10_000  # so many that are not read yet, a second of a busy day
BACKLOG_SECONDS: Final = 2.0  # apart are looks at what a backlog brings
STATUSES_SECONDS: Final = 0.5  # apart are statuses of groups that had news
SOON_SECONDS: Final = 0.1  # the same, where some are left over
LATEST_SECONDS: Final = 2.0  # the same, where telling them takes long
STATUSES_SHARE: Final = 0.05  # of the time goes into them: a worker has several tellers, and more to do
MESSAGES_A_TURN: Final = 500  # put into batches, or notes taken in at a takeover


class Pace:
    """The pace of one teller."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._statuses_at = -math.inf  # when statuses went last
        self._due_at = self._overdue_at = -math.inf  # when they go again; before alerts are sent, too
        self._ended = -math.inf
        self._batch_seconds = BATCH_SECONDS
        self._news_go_on = False
        self._held_until = -math.inf  # news of a backlog
        self._turn_seconds = BREATH_SECONDS
        self.begin(has_news=False)

    def news_came(self, waiting_records: int) -> None:
        """Take note of news, and of how many records are not read yet: of a backlog more is about to come."""
        if waiting_records < BACKLOG_RECORDS:
            self._held_until = -math.inf
        elif self._held_until < self._started:
            self._held_until = self._clock() + BACKLOG_SECONDS

    def held_seconds(self) -> float:
        """Return how long news of a backlog wait for more of it; 0 where they don't."""
        return max(0.0, self._held_until - self._clock())

    def begin(self, *, has_news: bool) -> None:
        """Begin with what goes into one transaction; `has_news`: there are groups to judge that have news."""
        self._started = self._breathed = self._at = self._clock()
        self._statuses_took = 0.0
        self._statuses_may_take = min(BATCH_SECONDS, STATUSES_SHARE * (self._started - self._statuses_at))
        self._has_urgent_alerts = False
        self._are_due = self._started >= self._due_at
        self._are_overdue = self._started >= self._overdue_at
        #: Whether statuses of groups that had news come now, before all else; or not yet.
        self.statuses_due = self._are_due and (self._news_go_on or not has_news)

    def is_full(
        self, task: Task, *, has_alerts: bool, has_news: bool, has_statuses: bool = False, others: bool = False
    ) -> bool:
        """Tell whether to send what there is, now that a task is done.

        `has_news`: there are groups left to judge that have news; `has_statuses`: statuses of such wait; `others`:
        another teller has news.
        """
        since, self._at = self._at, self._clock()
        self._has_urgent_alerts |= task.has_news and has_alerts
        if task.has_news and not task.judge_first:
            self._statuses_took += self._at - since
        took_all = self._statuses_took >= self._statuses_may_take
        self.statuses_due = self._are_due and (not has_news or (self._news_go_on and not took_all))
        if self._has_urgent_alerts and not has_news:
            return took_all or not (self._are_overdue and has_statuses)
        return self._at > self._started + (self._batch_seconds if has_news or others else ROUND_SECONDS)

    def is_out_of_breath(self) -> bool:
        """Tell whether others are to have a turn."""
        return self._at > self._breathed + self._turn_seconds

    async def breathe(self) -> None:
        """Let others have a turn."""
        await asyncio.sleep(0)
        now = self._clock()
        self._turn_seconds = min(max(BREATH_SECONDS, now - self._at), LONGEST_BREATH_SECONDS)
        self._breathed = self._at = now

    def end(self, *, has_news: bool, has_statuses: bool) -> None:
        """Take note that nothing more goes into this transaction, and of what is left: news to judge, statuses."""
        self._news_go_on = has_news
        self._ended = self._clock()
        if self._statuses_took:
            pause = max(
                SOON_SECONDS if has_statuses else STATUSES_SECONDS,
                min(self._statuses_took / STATUSES_SHARE, LATEST_SECONDS),
            )
            self._statuses_at = self._started
            self._due_at = self._started + pause
            self._overdue_at = self._due_at + (0 if has_statuses else SOON_SECONDS)

    def sent(self) -> None:
        """Take note that the transaction is done: what goes into the next may take as long as it took."""
        self._batch_seconds = min(max(BATCH_SECONDS, self._clock() - self._ended), ROUND_SECONDS)

    def early_seconds(self) -> float:
        """Return how long it is until statuses of groups with news are due; 0 where they are."""
        return max(0.0, self._due_at - self._clock())
