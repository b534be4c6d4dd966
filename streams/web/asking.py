"""Questions that only the logs can answer: a group's year as a chart, and what a cut or a rise would change.

The core computes them from the internal logs, in one thread: what is known grows with each question. A long one lets
short ones through between two accounts. Lives here: that thread. Not here: the answers (streams.questions).
"""

from __future__ import annotations

import asyncio
import logging
import queue
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import NAMESPACE_URL, uuid5

from streams.core.events import DAY_US, EPOCH_DAY, Scope, TargetAdjusted
from streams.questions.knowledge import AccountKey
from streams.questions.what_if import what_if
from streams.questions.year_chart import year_chart
from streams.shell.knowledge import KnowledgeReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from streams.core.events import Day
    from streams.core.history import Known
    from streams.questions.knowledge import Knowledge
    from streams.shell.topics import Names


T = TypeVar("T")
log = logging.getLogger(__name__)

ANSWERS_KEPT = 32
ANSWER_HOLDS_SECONDS = 30.0  # then the same what-if is computed anew, of what is known by then
GIVEN_UP_AFTER_SECONDS = 5.0  # nobody has asked for it any more
DAY_END_US = DAY_US - 1


class GivenUpError(Exception):
    """Nobody waits for the answer any more."""


class Supposed(NamedTuple):
    """A hypothetical target_adjusted: by a factor, of all groups or a region's."""

    factor: Fraction
    plan_year: int
    region: str | None
    remaining: bool

    def policy(self, day: Day) -> TargetAdjusted:
        """Return it as a policy issued at the end of a day, effective on that day."""
        name = f"urn:quotastream:what-if:{self.factor}:{self.plan_year}:{self.region or ''}:{self.remaining}:{day}"
        return TargetAdjusted(
            policy_id=str(uuid5(NAMESPACE_URL, name)),
            issued_at_us=(day - EPOCH_DAY) * DAY_US + DAY_END_US,
            scope=Scope(region=self.region),
            plan_year=self.plan_year,
            remaining=self.remaining,
            effective_on=day,
            factor=self.factor,
            delta_minor=None,
            currency=None,
        )


class Job:
    """One what-if: how far it is, or its answer."""

    def __init__(self) -> None:
        self.done, self.of = 0, 0
        self.answer: dict[str, Any] | None = None
        self.error: Exception | None = None
        self.answered_at = self.asked_at = time.monotonic()

    @property
    def stale(self) -> bool:
        """Whether the answer is too old to be given again."""
        return self.answer is not None and time.monotonic() - self.answered_at > ANSWER_HOLDS_SECONDS

    def progress(self, done: int, of: int) -> None:
        """Say how far it is; GivenUpError if nobody asks any more."""
        self.done, self.of = done, of
        if time.monotonic() - self.asked_at > GIVEN_UP_AFTER_SECONDS:
            raise GivenUpError


class Asking:
    """The thread that answers, and what it knows. Nothing is read before the first question."""

    def __init__(self, bootstrap_servers: str, names: Names) -> None:
        self._servers = bootstrap_servers
        self._names = names
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="asking")
        self._short: queue.SimpleQueue[tuple[Future[Any], Callable[[Knowledge], Any]]] = queue.SimpleQueue()
        self._reader: KnowledgeReader | None = None
        self._known: Knowledge | None = None
        self._remembered: dict[AccountKey, Known] = {}
        self._closed = False
        self._jobs: dict[tuple[Supposed, Day], Job] = {}

    def close(self) -> None:
        """Answer no more; what is being read or computed is given up."""
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        for job in self._jobs.values():
            job.asked_at = float("-inf")

    async def chart(self, group_id: str, year: int, day: Day) -> dict[str, Any] | None:
        """Return a group's year as a chart; None where the logs know of no such account.

        UnreachableError, RefusedError or KnowledgeError where the logs can't be read.
        """

        def answer(knowledge: Knowledge) -> dict[str, Any] | None:
            if year not in knowledge.plan_years(group_id, day):
                return None
            return year_chart(knowledge.view(AccountKey(group_id, year)), day)

        return await self._ask(answer)

    async def _ask(self, question: Callable[[Knowledge], T]) -> T:
        waiting: Future[T] = Future()
        self._short.put((waiting, question))
        self._thread.submit(self._answer_short, read_on=True)
        return await asyncio.wrap_future(waiting)

    def what_if(self, supposed: Supposed, day: Day) -> Job:
        """Return how far a what-if is; asked for the first time, it begins."""
        key = (supposed, day)
        job = self._jobs.get(key)
        if job is None or job.stale or job.error is not None:
            job = self._jobs[key] = Job()
            self._thread.submit(self._compute, job, supposed, day)
            while len(self._jobs) > ANSWERS_KEPT:
                del self._jobs[next(iter(self._jobs))]
        job.asked_at = time.monotonic()
        return job

    # --- in the thread ---

    def _knowledge(self) -> Knowledge:
        try:
            if self._reader is None:
                self._reader = KnowledgeReader(self._servers, self._names)
            before, self._known = self._known, self._reader.read_on(self._go_on)
        except BaseException:
            reader, self._reader = self._reader, None
            if reader is not None:
                reader.close()
            raise
        if before is None or before.book is not self._known.book:
            self._remembered = {}  # nothing of it holds where the logs were read anew
        return self._known

    def _go_on(self, _done: int, _of: int) -> None:
        if self._closed:
            raise GivenUpError

    def _answer_short(self, *, read_on: bool) -> None:
        """Answer what waits; in the middle of a long question of what is known already, or its sides would differ."""
        while True:
            try:
                waiting, question = self._short.get_nowait()
            except queue.Empty:
                return
            if not waiting.set_running_or_notify_cancel():
                continue
            try:
                known = self._knowledge() if read_on or self._known is None else self._known
                waiting.set_result(question(known))
            except Exception as error:  # noqa: BLE001  it is raised where the question was asked
                waiting.set_exception(error)

    def _compute(self, job: Job, supposed: Supposed, day: Day) -> None:
        def progress(done: int, of: int) -> None:
            job.progress(done, of)
            self._answer_short(read_on=False)

        try:
            job.progress(0, 0)
            found = what_if(self._knowledge(), [supposed.policy(day)], day, progress, self._remembered)
            job.answered_at, job.answer = time.monotonic(), _shown(found, supposed.plan_year)
        except Exception as error:  # noqa: BLE001  it is raised where the question was asked
            job.error = error


def _shown(found: dict[str, Any], year: int) -> dict[str, Any]:
    """Return what the page shows of a what-if: one plan year, and the groups whose level would be another."""
    groups = [
        {"group_id": one["group_id"], "before": one["before"], "after": one["after"]}
        for one in found["groups"]
        if one["plan_year"] == year and one["before"] and one["after"]
    ]
    moved = [one for one in groups if one["before"]["level"] != one["after"]["level"]]
    return {
        "as_of": found["as_of"],
        "plan_year": year,
        "regions": [row for row in found["regions"] if row["plan_year"] == year],
        "overall": [row for row in found["overall"] if row["plan_year"] == year],
        "groups_changed": len(groups),
        "moved": moved,
    }
