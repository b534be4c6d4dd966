"""The walk through the days of an account: openings, escalations, closings and lapses, kind by kind.

What each day is judged to be comes as columns, one byte a day, so that the walk jumps from one day on which something
happens to the next. Lives here: the order of what happens on one day ("Alerts"). Not here: the judgements.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from streams.core.history import Episode, Step, episode_id
from streams.core.judgements import Ground
from streams.core.rules import (
    CRITICAL,
    DEESCALATED,
    ESCALATED,
    KINDS,
    LAPSED,
    OPENED,
    RESOLVED,
    RETARGETED,
    WARNING,
)
from streams.core.years import DAWN, NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streams.core.events import Day
    from streams.core.rules import Judgement, Kind
    from streams.core.timeline import Stretch
    from streams.core.view import AccountView


CLOSING = frozenset((RESOLVED, LAPSED))


class Columns:
    """The judgements of one kind on one account, for the days from `first` on."""

    def __init__(
        self, kind: Kind, grounds: Sequence[Ground], retargeted: Sequence[Day], first: Day, days: int
    ) -> None:
        self._kind = kind
        self._first = first
        self._days = days
        self._retargeted = retargeted if kind.retargets else ()
        self._judged = [(ground, start, stop) for ground in grounds for start, stop in kind.alive(ground)]
        self._runs = [(g.start, g.stop, g.thresholds.for_days if kind.runs else 1) for g in grounds]

    def _column(self, judge: Judgement | None) -> bytearray:
        column = bytearray(self._days)
        if judge is not None:
            for ground, start, stop in self._judged:
                column[start - self._first : stop - self._first] = judge(ground, start, stop)
        return column

    @cached_property
    def _opens(self) -> bytearray:
        return self._column(self._kind.opens)

    @cached_property
    def _critical(self) -> bytearray:
        return self._column(self._kind.critical)

    @cached_property
    def _closes(self) -> bytearray:
        return self._column(self._kind.closes)

    @cached_property
    def _eases(self) -> bytearray:
        return self._column(self._kind.eases)

    @cached_property
    def _alive(self) -> bytearray:
        return self._column(lambda _, start, stop: b"\1" * (stop - start))

    def _find(self, column: bytearray, day: Day, sought: bytes = b"\1") -> Day:
        at = column.find(sought, day - self._first)
        return NEVER if at < 0 else self._first + at

    def next_opening(self, day: Day) -> Day:
        """Return the first day >= `day` on which an episode would open; NEVER if there is none."""
        for start, stop, run_days in self._runs:
            earliest = max(start, day)
            if earliest < stop:
                begin = max(earliest - self._first - run_days + 1, 0)
                at = self._opens.find(b"\1" * run_days, begin, stop - self._first)
                if at >= 0:
                    return self._first + at + run_days - 1
        return NEVER

    def next_turn(self, day: Day, severity: str) -> Day:
        """Return the first day >= `day` on which something happens to an open episode; NEVER if none."""
        lapse = self._find(self._alive, day, b"\0")
        turn = self._eases if severity == CRITICAL else self._critical
        retarget = next((x for x in self._retargeted if x >= day), NEVER)
        return min(lapse, retarget, self._find(self._closes, day), self._find(turn, day))

    def steps(self, day: Day, severity: str | None) -> Iterator[Step]:
        """Yield what happens on a day, in the order of the day; severity None: nothing is open yet, it opens."""
        at = day - self._first
        if severity is None:
            severity = CRITICAL if self._critical[at] else self._kind.severity
            yield Step(day, OPENED, severity)
        else:
            if not self._alive[at]:
                yield Step(day, LAPSED, severity)
                return
            if day in self._retargeted:
                yield Step(day, RETARGETED, severity)
            if severity == WARNING and self._critical[at]:
                severity = CRITICAL
                yield Step(day, ESCALATED, severity)
        if self._closes[at]:
            yield Step(day, RESOLVED, severity)
        elif severity == CRITICAL and self._eases[at]:
            yield Step(day, DEESCALATED, WARNING)


def histories(columns: Columns, since: Day, known: Sequence[tuple[Step, ...]]) -> Iterator[tuple[Step, ...]]:
    """Yield the history of each episode, in order, given what is known of the days before `since`.

    One that closed on x can open again on x + 1.
    """
    yield from known[:-1]
    steps = list(known[-1]) if known else []
    day = since
    while True:
        if steps and steps[-1].transition not in CLOSING:
            day = columns.next_turn(day, steps[-1].severity)
            if day == NEVER:
                yield tuple(steps)
                return
            steps += columns.steps(day, steps[-1].severity)
        else:
            if steps:
                yield tuple(steps)
            day = columns.next_opening(day)
            if day == NEVER:
                return
            steps = list(columns.steps(day, None))
        day += 1


def _grounds(view: AccountView, stretches: Iterable[Stretch], first: Day, d: Day) -> list[Ground]:
    return [
        Ground(
            max(stretch.start, first),
            min(stretch.stop, d + 1),
            stretch.activity,
            stretch.thresholds,
            stretch.claim,
            view.curve(stretch.claim.levy_id, stretch.claim.currency),
            view.paid_days,
        )
        for stretch in stretches
    ]


def before(episodes: Iterable[Episode], day: Day) -> list[Episode]:
    """Return episodes as they stood at the end of the day before `day`."""
    stood: list[Episode] = []
    for episode in episodes:
        if episode.history[-1].on_day < day:
            stood.append(episode)
        elif episode.opened_on < day:
            stood.append(episode._replace(history=tuple(step for step in episode.history if step.on_day < day)))
    return stood


def canonical_episodes(
    view: AccountView, d: Day, known: Sequence[Episode] = (), since: Day = DAWN
) -> tuple[Episode, ...]:
    """Return the canonical history of an account to d ("Alerts"), ordered by (opened_on, kind, levy_id).

    `known` is the canonical history of an earlier time, which nothing that came since changes before the day `since`;
    only the days from there on are walked.
    """
    since = max(since, view.year.first)
    episodes = before(known, min(since, d + 1))
    if since > d:
        return tuple(episodes)
    timeline = view.timeline
    lookback = max(span.thresholds.for_days for span in timeline.spans_from(since) if span.start <= d)
    first = max(view.year.first, since - lookback)
    held = {(episode.kind, episode.levy_id, episode.opened_on): episode for episode in episodes}
    found: list[Episode] = []
    for levy_id in {None, *timeline.levy_ids(first, d), *(episode.levy_id for episode in episodes)}:
        stretches = [stretch for stretch in timeline.stretches(levy_id, first) if stretch.start <= d]
        grounds = _grounds(view, stretches, first, d)
        retargeted = [stretch.start for stretch in stretches if stretch.retargeted]
        for kind in KINDS:
            if kind.of_levy == (levy_id is not None):
                columns = Columns(kind, grounds, retargeted, first, d + 1 - first)
                stood = [e.history for e in episodes if e.kind == kind.name and e.levy_id == levy_id]
                for history in histories(columns, since, stood):
                    episode = held.get((kind.name, levy_id, history[0].on_day))
                    if episode is None:
                        episode = _episode(view, kind.name, levy_id, history)
                    elif episode.history != history:
                        episode = episode._replace(history=history)
                    found.append(episode)
    found.sort(key=lambda episode: (episode.opened_on, episode.kind, episode.levy_id or ""))
    return tuple(found)


def _episode(view: AccountView, kind: str, levy_id: str | None, history: tuple[Step, ...]) -> Episode:
    opened_on = history[0].on_day
    name = episode_id(view.group_id, view.year.year, kind, levy_id, opened_on)
    return Episode(name, view.group_id, view.year.year, kind, levy_id, opened_on, history)
