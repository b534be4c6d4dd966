"""The decrees in force on one day that concern one group and plan year, and what they say about the group.

Lives here: which policies hold, region, active(x), h(x) ("Arithmetic"). Not here: sums of money due (schedule.py),
and the change of decrees from day to day (timeline.py).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

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
from streams.core.rank import covers, issue_order, own_day, rank
from streams.core.years import DAWN, NEVER, Steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.core.events import Day, Policy
    from streams.core.years import PlanYear


class Filed(NamedTuple):
    """A decree with the days from which it counts and from which it is revoked."""

    issued: Day
    revoked: Day
    policy: Policy


def in_force(filed: Iterable[Filed], day: Day) -> list[Policy]:
    """Return the decrees in force on a day, by rank if `filed` is."""
    return [policy for issued, revoked, policy in filed if issued <= day < revoked]


class Decrees:
    """Decrees in force on one day, by type; in ascending rank if they were given so."""

    def __init__(self, group_id: str, policies: Iterable[Policy], openings: list[GroupOpened] | None = None) -> None:
        """Sort the policies that name or cover the group; `openings` stand in for those among them."""
        policies = list(policies)
        self.group_id = group_id
        self.given = policies
        own = [policy for policy in policies if isinstance(policy, GroupOpened)]
        self.openings = own if openings is None else openings
        self.region = max(self.openings, key=issue_order).region if self.openings else None
        self.closings: list[GroupClosed] = []
        self.headcounts: list[HeadcountChanged] = []
        self.targets: list[TargetSet] = []
        self.adjustments: list[TargetAdjusted] = []
        self.suspensions: list[Suspended] = []
        self.resumptions: list[Resumed] = []
        self.levies: list[LevyImposed] = []
        self.lifts: list[LevyLifted] = []
        self.rules: list[AlertRulesSet] = []
        self.applied: list[Policy] = []  # every one that names or covers the group
        self._sort(group_id, policies)

    def _sort(self, group_id: str, policies: list[Policy]) -> None:
        places: dict[type[Policy], list[object]] = {
            GroupOpened: [],  # `openings` has them
            GroupClosed: self.closings,  # type: ignore[dict-item]  # each list takes its own type only
            HeadcountChanged: self.headcounts,  # type: ignore[dict-item]
            TargetSet: self.targets,  # type: ignore[dict-item]
            TargetAdjusted: self.adjustments,  # type: ignore[dict-item]
            Suspended: self.suspensions,  # type: ignore[dict-item]
            Resumed: self.resumptions,  # type: ignore[dict-item]
            LevyImposed: self.levies,  # type: ignore[dict-item]
            AlertRulesSet: self.rules,  # type: ignore[dict-item]
        }
        region, applied = self.region, self.applied
        for policy in policies:
            if isinstance(policy, LevyLifted):
                self.lifts.append(policy)
                continue
            scope = getattr(policy, "scope", None)
            if scope is None or covers(scope, group_id, region):
                applied.append(policy)
                places[type(policy)].append(policy)

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

    def activity_ids(self) -> tuple[str, ...]:
        """Return what decides active(x), as a key."""
        deciding = (*self.openings, *self.closings, *self.suspensions, *self.resumptions)
        return tuple(policy.policy_id for policy in deciding)

    def headcount_ids(self) -> tuple[str, ...]:
        """Return what decides h(x), as a key."""
        return tuple(policy.policy_id for policy in (*self.openings, *self.headcounts))

    def activity(self) -> Steps[bool]:
        """Return active(x): open, and covered by no suspension."""
        opened = self._opened()
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

    def _opened(self) -> Steps[bool]:
        """Whether the newest of openings and closings by then is an opening (without any opening: always open)."""
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
        return bool(before) and self._opened().on(year.first - 1)
