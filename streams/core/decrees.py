"""The decrees in force on one day that concern one group and plan year, and what they say about the group.

Lives here: which policies hold, region, active(x), h(x) ("Arithmetic"). Not here: which are in force (docket.py),
sums of money due (schedule.py), and the change of decrees from day to day (timeline.py).
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

from streams.core.events import (
    AlertRulesSet,
    GroupClosed,
    GroupOpened,
    HeadcountChanged,
    LevyImposed,
    LevyLifted,
    Resumed,
    Suspended,
    TargetAdjusted,
    TargetSet,
)
from streams.core.rank import issue_order, own_day, rank
from streams.core.years import DAWN, NEVER, Steps

if TYPE_CHECKING:
    from streams.core.docket import Docket, InForce
    from streams.core.events import Day, Policy
    from streams.core.years import PlanYear

P = TypeVar("P", bound="Policy")


class _Of(Generic[P]):
    """The decrees of a type, as a list, found when they are asked for first."""

    def __init__(self, kind: type[P]) -> None:
        self._kind = kind

    def __set_name__(self, _owner: type[Decrees], name: str) -> None:
        self._name = name

    def __get__(self, decrees: Decrees, _owner: type[Decrees] | None = None) -> list[P]:
        found = decrees.__dict__[self._name] = decrees.in_force(self._kind).policies
        return found


class Decrees:
    """Decrees of a docket in force on one day, by type, each in ascending rank."""

    def __init__(self, docket: Docket, day: Day, openings: list[GroupOpened] | None = None) -> None:
        """Take the day, and the openings that stand in for those in force, if any do."""
        self.docket = docket
        self.day = day
        self.openings = docket.in_force(GroupOpened, None, day).policies if openings is None else openings
        self.region = max(self.openings, key=issue_order).region if self.openings else None

    def in_force(self, kind: type[P]) -> InForce[P]:
        """Return those of a type."""
        return self.docket.in_force(kind, self.region, self.day)

    closings = _Of(GroupClosed)
    headcounts = _Of(HeadcountChanged)
    targets = _Of(TargetSet)
    adjustments = _Of(TargetAdjusted)
    suspensions = _Of(Suspended)
    resumptions = _Of(Resumed)
    levies = _Of(LevyImposed)
    lifts = _Of(LevyLifted)
    rules = _Of(AlertRulesSet)

    @cached_property
    def applied(self) -> list[Policy]:
        """Every one that names or covers the group."""
        return self.docket.applied(self.region, self.day, but=LevyLifted)

    @property
    def target(self) -> TargetSet | None:
        """The target_set that holds: the one issued last."""
        return max(self.targets, key=issue_order, default=None)

    @property
    def first_target(self) -> TargetSet | None:
        """The target_set that was issued first."""
        return min(self.targets, key=issue_order, default=None)

    def holding_levies(self) -> list[LevyImposed]:
        """Return, by levy_id, of the levies with one id the one issued last."""
        holding: dict[str, LevyImposed] = {}
        for levy in sorted(self.levies, key=issue_order):
            holding[levy.levy_id] = levy
        return [holding[levy_id] for levy_id in sorted(holding)]

    @cached_property
    def _last_lifts(self) -> dict[str, LevyLifted]:
        """Of what lifts a levy, by levy_id, the one issued last."""
        return {lift.levy_id: lift for lift in sorted(self.lifts, key=issue_order)}

    def lifted_from(self, levy: LevyImposed) -> Day:
        """Return the day from which a levy is lifted; NEVER if the lift issued last comes before the levy."""
        last = self._last_lifts.get(levy.levy_id)
        if last is None or issue_order(last) < issue_order(levy):
            return NEVER
        return last.effective_on

    def activity_ids(self) -> tuple[tuple[str, ...], ...]:
        """Return what decides active(x), as a key."""
        return self._opening_ids, self.in_force(GroupClosed).ids, *self.suspension_ids()

    def suspension_ids(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what decides when suspensions cover the group, as a key."""
        return self.in_force(Suspended).ids, self.in_force(Resumed).ids

    def headcount_ids(self) -> tuple[tuple[str, ...], ...]:
        """Return what decides h(x), as a key."""
        return self._opening_ids, self.in_force(HeadcountChanged).ids

    @cached_property
    def _opening_ids(self) -> tuple[str, ...]:
        return tuple(policy.policy_id for policy in self.openings)

    def activity(self) -> Steps[bool]:
        """Return active(x): open, and covered by no suspension."""
        opened = self.opened()
        turns = dict.fromkeys(opened.starts, 0)  # by how many more suspensions cover a day than the one before
        for start, stop in self._suspended():
            turns[start] = turns.get(start, 0) + 1
            turns[stop] = turns.get(stop, 0) - 1
        active: dict[Day, bool] = {}
        covering = 0
        for day in sorted(turns):
            covering += turns[day]
            active[day] = not covering and opened.on(day)
        return Steps(opened.on(DAWN), active)

    def opened(self) -> Steps[bool]:
        """Return whether the newest of openings and closings by a day is an opening (without openings: always)."""
        deciding: list[GroupOpened | GroupClosed] = [*self.openings, *self.closings]
        changes = {own_day(policy): isinstance(policy, GroupOpened) for policy in sorted(deciding, key=rank)}
        return Steps(not self.openings, changes)

    def _suspended(self) -> list[tuple[Day, Day]]:
        """Return, for each suspension, the days [start, stop) that it covers, resumptions taken off."""
        resumed: dict[str, Day] = {}
        for resumption in self.resumptions:
            named, day = resumption.resumes, resumption.effective_on
            resumed[named] = min(day, resumed.get(named, day))
        spans: list[tuple[Day, Day]] = []
        for suspension in self.suspensions:
            until = NEVER if suspension.until_day is None else suspension.until_day + 1
            spans.append((suspension.from_day, min(until, resumed.get(suspension.policy_id, NEVER))))
        return [(start, stop) for start, stop in spans if start < stop]

    def headcount(self) -> Steps[int]:
        """Return h(x): of the newest opening or headcount change by then; 1 if there is none."""
        deciding: list[GroupOpened | HeadcountChanged] = [*self.openings, *self.headcounts]
        return Steps(1, {own_day(policy): policy.headcount for policy in sorted(deciding, key=rank)})

    def opened_in(self, year: PlanYear, day: Day) -> bool:
        """Tell whether the group is opened by `day`, and not closed before the year without an opening since."""
        if any(year.first <= policy.opened_on <= day for policy in self.openings):
            return True
        before = [p for p in self.openings if p.opened_on < year.first and p.opened_on <= day]
        return bool(before) and self.opened().on(year.first - 1)


@lru_cache(maxsize=1 << 14)
def active_days(activity: Steps[bool], start: Day, stop: Day) -> int:
    """Return how many of the days start..stop-1 are active."""
    return sum(end - begin for begin, end, active in activity.pieces(start, stop) if active)
