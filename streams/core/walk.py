"""The walk through the days of an account: openings, escalations, closings and lapses, kind by kind.

What each day is judged to be comes as columns, one byte a day, so that the walk jumps from one day on which something
happens to the next. Lives here: the order of what happens on one day ("Alerts"). Not here: the judgements.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from streams.core.history import Episode, Step, step_of
from streams.core.judgements import Ground
from streams.core.rules import (
    BASE_KINDS,
    CRITICAL,
    DEESCALATED,
    ESCALATED,
    LAPSED,
    LEVY_KINDS,
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
        self._reached = first  # no day before the last opening is asked for any more
        self._retargeted = retargeted if kind.retargets else ()
        self._judged = [(ground, start, stop) for ground in grounds for start, stop in kind.alive(ground)]
        self._runs = [(g.start, g.stop, g.thresholds.for_days if kind.runs else 1) for g in grounds]

    def _column(self, judge: Judgement | None) -> bytearray:
        column = bytearray(self._days)
        if judge is not None:
            for ground, start, stop in self._judged:
                begin = max(start, self._reached)
                if begin < stop:
                    column[begin - self._first : stop - self._first] = judge(ground, begin, stop)
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
                    self._reached = self._first + at + run_days - 1
                    return self._reached
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
            yield step_of(day, OPENED, severity)
        else:
            if not self._alive[at]:
                yield step_of(day, LAPSED, severity)
                return
            if day in self._retargeted:
                yield step_of(day, RETARGETED, severity)
            if severity == WARNING and self._critical[at]:
                severity = CRITICAL
                yield step_of(day, ESCALATED, severity)
        if self._closes[at]:
            yield step_of(day, RESOLVED, severity)
        elif severity == CRITICAL and self._eases[at]:
            yield step_of(day, DEESCALATED, WARNING)


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
    """Return what the days first..d are judged on."""
    grounds: list[Ground] = []
    for start, stop, activity, thresholds, claim, _ in stretches:
        if stop > first:
            curve = view.curve(claim.levy_id, claim.currency)
            grounds.append(
                Ground(max(start, first), min(stop, d + 1), activity, thresholds, claim, curve, view.paid_days)
            )
    return grounds


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
        return _same_or(known, episodes)
    plan = view.timeline.plan
    first = max(view.year.first, since - plan.longest_run(since, d))
    walk = _Walk(view, first, since, d)
    found: list[Episode] = []
    stood: defaultdict[str | None, list[Episode]] = defaultdict(list)
    for episode in episodes:
        stood[episode.levy_id].append(episode)
    for levy_id in {None, *plan.levy_ids(first, d), *stood}:
        found += walk.account(levy_id, stood.get(levy_id, ()))
    if found != episodes:
        found.sort(key=lambda episode: (episode.opened_on, episode.kind, episode.levy_id or ""))
    return _same_or(known, found)


def _same_or(known: Sequence[Episode], found: list[Episode]) -> tuple[Episode, ...]:
    """Return what was known, the very object, where nothing else was found."""
    return known if isinstance(known, tuple) and list(known) == found else tuple(found)


class _Walk:
    """The days since..d of an account; judged from the day `first` on, for runs of days that began before `since`."""

    def __init__(self, view: AccountView, first: Day, since: Day, d: Day) -> None:
        self._view = view
        self._first = first
        self._since = since
        self._d = d

    def account(self, levy_id: str | None, stood: Sequence[Episode]) -> list[Episode]:
        """Return the episodes of the base account or a levy's, given those that stood before the day `since`."""
        view, first, since, d = self._view, self._first, self._since, self._d
        stretches = [stretch for stretch in view.timeline.stretches(levy_id, first) if stretch.start <= d]
        now = _grounds(view, stretches, since, d)
        asked_throughout = sum(ground.stop - ground.start for ground in now) == d + 1 - since
        retargeted = [stretch.start for stretch in stretches if stretch.retargeted]
        may_stay = asked_throughout and not (retargeted and retargeted[-1] >= since)
        grounds: list[Ground] | None = None
        found: list[Episode] = []
        for kind in BASE_KINDS if levy_id is None else LEVY_KINDS:
            mine = [episode for episode in stood if episode.kind == kind.name] if stood else []
            severity = mine[-1].severity if mine and mine[-1].is_open else None
            if (severity is None or may_stay) and kind.calm(now, severity):
                found += mine
                continue
            if grounds is None:
                grounds = now if first == since else _grounds(view, stretches, first, d)
            columns = Columns(kind, grounds, retargeted, first, d + 1 - first)
            found += self._walked(kind, levy_id, columns, mine)
        return found

    def _walked(
        self, kind: Kind, levy_id: str | None, columns: Columns, stood: Sequence[Episode]
    ) -> Iterator[Episode]:
        held = {episode.opened_on: episode for episode in stood}
        for history in histories(columns, self._since, [episode.history for episode in stood]):
            episode = held.get(history[0].on_day)
            if episode is None:
                yield Episode(
                    self._view.group_id, self._view.year.year, kind.name, levy_id, history[0].on_day, history
                )
            else:
                yield episode if episode.history == history else episode._replace(history=history)
