"""The walk through the days of an account: openings, escalations, closings and lapses, kind by kind.

What each day is judged to be comes as columns, one byte a day, so that the walk jumps from one day on which something
happens to the next. Lives here: the order of what happens on one day ("Alerts"). Not here: the judgements.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from streams.core.history import episode_of, step_of
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
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from streams.core.events import Day
    from streams.core.history import Episode, Known, Step
    from streams.core.rules import Judgement, Kind
    from streams.core.timeline import Stretch
    from streams.core.view import AccountView

    Moved = dict[tuple[str | None, str], list[Episode]]  # by levy_id and kind: all of its episodes

CLOSING = frozenset((RESOLVED, LAPSED))


class Columns:
    """The judgements of one kind on one account, for the days from `first` on."""

    def __init__(
        self, kind: Kind, grounds: Sequence[Ground], retargeted: Callable[[], list[Day]], first: Day, days: int
    ) -> None:
        self._kind = kind
        self._first = first
        self._days = days
        self._reached = first  # no day before the last opening is asked for any more
        self._find_retargeted = retargeted
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
        return min(lapse, self._next_retarget(day), self._find(self._closes, day), self._find(turn, day))

    @cached_property
    def _retargeted(self) -> list[Day]:
        return self._find_retargeted() if self._kind.retargets else []

    def _next_retarget(self, day: Day) -> Day:
        at = bisect_left(self._retargeted, day)
        return self._retargeted[at] if at < len(self._retargeted) else NEVER

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
            if self._next_retarget(day) == day:
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
            history = tuple(step for step in episode.history if step.on_day < day)
            stood.append(episode_of(episode.kind, episode.levy_id, history))
    return stood


def canonical_episodes(
    view: AccountView, d: Day, known: Known | None = None, since: Day = DAWN
) -> tuple[Episode, ...]:
    """Return the canonical history of an account to d ("Alerts"), ordered by (opened_on, kind, levy_id).

    `known` is of an earlier time, and nothing that came since changes it before the day `since`; only the days from
    there on are walked. Where nothing happened on them either, the episodes are the very object that was known.
    """
    since = max(since, view.year.first)
    stood: Sequence[Episode] = ()
    still_open: Sequence[Episode] = ()
    if known is not None:
        stood, still_open = known.episodes, known.open
        if known.last_moved >= min(since, d + 1):
            stood = before(stood, min(since, d + 1))
            still_open = [episode for episode in stood if episode.is_open]
    moved = _moved(view, d, since, stood, still_open) if since <= d else {}
    if moved:
        stays = (episode for episode in stood if (episode.levy_id, episode.kind) not in moved)
        stood = sorted(
            chain(stays, *moved.values()),
            key=lambda episode: (episode.opened_on, episode.kind, episode.levy_id or ""),
        )
    found = tuple(stood)  # the same object if it is one
    return known.episodes if known is not None and found == known.episodes else found


def _moved(view: AccountView, d: Day, since: Day, stood: Sequence[Episode], still_open: Iterable[Episode]) -> Moved:
    """Return the episodes of those accounts and kinds in which anything happens on the days since..d."""
    run_days, levy_ids = view.timeline.plan.runs_and_levies(since, d)
    opened: dict[str | None, dict[str, Episode]] = {None: {}}
    for episode in still_open:
        opened.setdefault(episode.levy_id, {})[episode.kind] = episode
    walk = _Walk(view, max(view.year.first, since - run_days), since, d, stood)
    moved: Moved = {}
    for levy_id in levy_ids.union(opened):
        walk.account(levy_id, opened.get(levy_id, {}), moved)
    return moved


def _retargeted(stood: list[Episode], days: Iterable[Day]) -> list[Episode]:
    """Return episodes of which the last stays open as it is, but for what is asked for on some days."""
    last = stood[-1]
    steps = (step_of(day, RETARGETED, last.severity) for day in days)
    return [*stood[:-1], episode_of(last.kind, last.levy_id, (*last.history, *steps))]


class _Walk:
    """The days since..d of an account; judged from the day `first` on, for runs of days that began before `since`."""

    def __init__(self, view: AccountView, first: Day, since: Day, d: Day, stood: Sequence[Episode]) -> None:
        self._view = view
        self._first = first
        self._since = since
        self._d = d
        self._all = stood

    @cached_property
    def _stood(self) -> defaultdict[tuple[str | None, str], list[Episode]]:
        """The episodes that stood before the day `since`, by levy_id and kind."""
        stood: defaultdict[tuple[str | None, str], list[Episode]] = defaultdict(list)
        for episode in self._all:
            stood[episode.levy_id, episode.kind].append(episode)
        return stood

    def account(self, levy_id: str | None, opened: Mapping[str, Episode], moved: Moved) -> None:
        """Find what happens in the base account or a levy's, given the episodes, by kind, that are open."""
        view, since, d = self._view, self._since, self._d
        stretches = [stretch for stretch in view.timeline.stretches(levy_id, self._first) if stretch.start <= d]
        now = _grounds(view, stretches, since, d)
        asked_throughout = sum(ground.stop - ground.start for ground in now) == d + 1 - since

        def retargeted() -> list[Day]:  # few walks ask
            return [stretch.start for stretch in stretches if stretch.retargeted]

        for kind in BASE_KINDS if levy_id is None else LEVY_KINDS:
            episode = opened.get(kind.name)
            severity = None if episode is None else episode.severity
            if (episode is None or asked_throughout) and kind.calm(now, severity):
                days = [day for day in retargeted() if day >= since] if episode is not None and kind.retargets else ()
                if days:
                    moved[levy_id, kind.name] = _retargeted(self._stood[levy_id, kind.name], days)
            else:
                columns = self._columns(kind, stretches, now, retargeted)
                moved[levy_id, kind.name] = list(self._walked(kind, levy_id, columns))

    def _columns(
        self, kind: Kind, stretches: list[Stretch], now: list[Ground], retargeted: Callable[[], list[Day]]
    ) -> Columns:
        first, d = self._first, self._d
        grounds = now if first == self._since else _grounds(self._view, stretches, first, d)
        return Columns(kind, grounds, retargeted, first, d + 1 - first)

    def _walked(self, kind: Kind, levy_id: str | None, columns: Columns) -> Iterator[Episode]:
        stood = [episode.history for episode in self._stood[levy_id, kind.name]]
        for history in histories(columns, self._since, stood):
            yield episode_of(kind.name, levy_id, history)
