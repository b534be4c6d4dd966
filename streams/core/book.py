"""What follows from the policies known for each group and year: remembered until a policy reaches it.

Lives here: which accounts exist, and what is remembered of pure results that depend on policies alone. Not here:
which policies there are (register.py), and what decrees in force on a day add up to (decrees.py, timeline.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.core.events import LevyImposed, TargetSet
from streams.core.pattern import NOBODY, Own, Pattern, in_order, pattern_key
from streams.core.plan import Plan
from streams.core.rank import own_day
from streams.core.register import Register
from streams.core.timeline import Timeline
from streams.core.years import DAWN, NEVER, plan_year, year_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from streams.core.events import Day, Policy

# These bound memory, and change no result.
REMEMBERED_PATTERNS = 1 << 16
REMEMBERED_PLANS = 4096


class Book(Register):
    """The policies known, and what follows from them for each group and year, worked out once."""

    def __init__(self, minor_digits: Mapping[str, int]) -> None:
        """Take how many decimals each currency has (ISO 4217 code -> decimals)."""
        super().__init__(minor_digits)
        self._patterns: dict[tuple[object, ...], Pattern] = {}
        self._pattern_days: set[Day] = set()  # own days of the policies in them
        self._plans: dict[tuple[Pattern, int], Plan] = {}

    def changed_from(self, group_id: str, version: int) -> Day:
        """Return the first day that policies added since a version may have changed for a group; NEVER if none."""
        if version == self.version:
            return NEVER
        own = self._own.get(group_id, NOBODY)
        return min(own.changed_from(version), self.changed_for_all(self._pattern(group_id, own), version))

    def plan_years(self, group_id: str, money_years: Collection[int], day_reached: Day) -> list[int]:
        """Return, ascending, the years for which the group has an account on a day.

        `money_years` are those in which any remittance of the group is known (decisions/0001, 2).
        """
        own = self._own.get(group_id, NOBODY)
        if not own.is_named and not money_years:
            return []
        pattern, current = self._pattern(group_id, own), year_of(day_reached)
        return [
            year
            for year in sorted({current, *self._levied_years(pattern), *money_years})
            if year in money_years or self._plan(pattern, year).has_account(day_reached, opened=year == current)
        ]

    def history_years(self, group_id: str, money_years: Collection[int]) -> list[int]:
        """Return, ascending, the years in which the group can have episodes: those of known targets, levies, money.

        An account that exists no longer, its target revoked, keeps its history: it lapsed (decisions/0001, 2).
        """
        own = self._own.get(group_id, NOBODY)
        if not own.is_named and not money_years:
            return []
        return sorted({*money_years, *self._levied_years(self._pattern(group_id, own))})

    def _levied_years(self, pattern: Pattern) -> set[int]:
        """Return the years of known targets and levies."""
        if pattern.years is None or pattern.years[0] != self.version:
            years = {
                policy.plan_year if isinstance(policy, TargetSet) else year_of(policy.from_day)
                for policy in self.touching(pattern)
                if isinstance(policy, TargetSet | LevyImposed)
            }
            pattern.years = (self.version, years)
        return pattern.years[1]

    def timeline(self, group_id: str, year: int) -> Timeline:
        """Return the decrees of a group and year through time."""
        own = self._own.get(group_id, NOBODY)
        return Timeline(self._plan(self._pattern(group_id, own), year), group_id, own.policies)

    def preparing(self, group_id: str, year: int) -> Iterator[None]:
        """Work out what is decreed for a group and year in steps; policies may be added between them."""
        while self.timeline(group_id, year).plan.prepare_some():
            yield

    def _pattern(self, group_id: str, own: Own) -> Pattern:
        """Return what the group's own policies say, shared with all groups of which it is the same."""
        before = own.pattern
        if before is not None and own.stale_from == NEVER and before.peers is self._peers:
            return before
        policies = own.policies = in_order(own.policies)
        revoked = {p.policy_id: self.revoked_on(p.policy_id) for p in policies if p.policy_id in self._revocations}
        key = pattern_key(policies, revoked, self._peers)
        pattern = None if key is None else self._patterns.get(key)
        if pattern is None:
            pattern = Pattern(group_id, policies, self._peers, before, own.stale_from)
            if before is not None:
                before.before = None
            if key is not None:
                if len(self._patterns) >= REMEMBERED_PATTERNS:
                    self._patterns.clear()
                self._patterns[key] = pattern
                self._pattern_days.update(own_day(policy) for policy in policies)
        if own is not NOBODY:
            own.pattern, own.stale_from = pattern, NEVER
        return pattern

    def _plan(self, pattern: Pattern, year: int) -> Plan:
        """Return the plan of a pattern and year; remembered until a policy reaches it."""
        plan = self._plans.get((pattern, year))
        if plan is not None and plan.version == self.version:
            return plan
        former, changed_from = plan, NEVER
        if plan is None:
            if pattern.before is not None and pattern.before.group_id == pattern.group_id:
                former = self._plans.pop((pattern.before, year), None)
            changed_from = DAWN if former is None else pattern.before_until
            if len(self._plans) >= REMEMBERED_PLANS:
                del self._plans[next(iter(self._plans))]
        if former is not None:
            changed_from = min(changed_from, self.changed_for_all(pattern, former.version))
        if plan is not None and changed_from == NEVER:
            plan.version = self.version
            return plan
        plan = self._plans[pattern, year] = Plan(self, pattern, plan_year(year), former, changed_from)
        return plan

    def _meet(self, policy: Policy) -> None:
        """Note a policy that covers more than one group; patterns that it may stand between are found anew."""
        if own_day(policy) in self._pattern_days:
            self._peers = dict(self._peers)
            self._patterns, self._pattern_days = {}, set()
        super()._meet(policy)
