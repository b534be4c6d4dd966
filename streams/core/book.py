"""The policies known: a set, found by whom they may concern.

Lives here: adding policies, whom each may reach, which accounts exist, and what is remembered of pure results that
depend on policies alone. Not here: what decrees in force on a day add up to (decrees.py, timeline.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.core.events import (
    EVERYBODY,
    Added,
    ExchangeRateSet,
    GroupClosed,
    GroupOpened,
    HeadcountChanged,
    LevyImposed,
    LevyLifted,
    Revoked,
    Scope,
    TargetSet,
)
from streams.core.rates import Rates
from streams.core.timeline import Timeline
from streams.core.years import DAWN, NEVER, plan_year, year_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from streams.core.events import Day, Policy

NAMING_GROUPS = (GroupOpened, GroupClosed, TargetSet, HeadcountChanged)
REMEMBERED_GROUPS = 1024  # whose timelines are kept: bounds memory, changes no result


class _Remembered(NamedTuple):
    """The timelines of one group by year, and the book's version when they were made."""

    version: int
    years: dict[int, Timeline]
    before: dict[int, Timeline]  # as they were at an earlier version


class Book:
    """The policies known, each once."""

    def __init__(self, minor_digits: Mapping[str, int]) -> None:
        """Take how many decimals each currency has (ISO 4217 code -> decimals)."""
        self.minor_digits = minor_digits
        self.rates = Rates(minor_digits)
        self._policies: dict[str, Policy] = {}
        self._named: dict[str, list[Policy]] = {}  # by group: policies that name it, or whose scope does
        self._regional: dict[str, list[Policy]] = {}
        self._general: list[Policy] = []
        self._lifts: dict[str, list[LevyLifted]] = {}
        self._levies: dict[str, list[LevyImposed]] = {}
        self._revocations: dict[str, list[Revoked]] = {}  # by the policy that they name
        self._groups: set[str] = set()
        self._regions: dict[str, set[str]] = {}  # by group: each region that any opening of it names
        self._region_groups: dict[str, set[str]] = {}
        self._timelines: dict[str, _Remembered] = {}
        self._changes: dict[Scope, list[tuple[int, Day]]] = {}  # (version after it, first day that it may change)

    def add(self, policy: Policy) -> Added:
        """Add a policy; the first of one policy_id stands."""
        known = self._policies.get(policy.policy_id)
        if known is not None:
            return Added.REPEAT if known == policy else Added.CONFLICT
        self._policies[policy.policy_id] = policy
        self._file(policy)
        for scope in self.reach(policy):
            self._changes.setdefault(scope, []).append((self.version, self._first_changed(policy)))
        return Added.NEW

    @property
    def version(self) -> int:
        """Grows with each policy that is added."""
        return len(self._policies)

    def _first_changed(self, policy: Policy) -> Day:
        """Return the first day on which a policy may change anything: a decree's issue day; any, for a fact."""
        named = self._policies.get(policy.revokes) if isinstance(policy, Revoked) else policy
        return DAWN if isinstance(named, ExchangeRateSet) else policy.issued_day

    def changed_from(self, group_id: str, version: int) -> Day:
        """Return the first day that policies added since a version may have changed for a group; NEVER if none."""
        first = NEVER
        regions = (Scope(region=region) for region in self._regions.get(group_id, ()))
        for scope in (EVERYBODY, Scope(group_id=group_id), *regions):
            for after, day in reversed(self._changes.get(scope, ())):
                if after <= version:
                    break
                first = min(first, day)
        return first

    def policy(self, policy_id: str) -> Policy | None:
        """Return the policy known by an id."""
        return self._policies.get(policy_id)

    def policies(self) -> Collection[Policy]:
        """Return every policy known, in the order in which they were added."""
        return self._policies.values()

    def __len__(self) -> int:
        return len(self._policies)

    def group_ids(self) -> Collection[str]:
        """Return the groups that policies name ("Arithmetic": groups)."""
        return self._groups

    def reach(self, policy: Policy) -> list[Scope]:
        """Return the scopes of the groups whose accounts a policy may change.

        A revocation of something unknown reaches nobody: what it names will, when it comes.
        """
        if isinstance(policy, ExchangeRateSet):
            return [EVERYBODY]
        if isinstance(policy, Revoked):
            named = self._policies.get(policy.revokes)
            return [] if named is None or isinstance(named, Revoked) else self.reach(named)
        if isinstance(policy, LevyLifted):
            return [levy.scope for levy in self._levies.get(policy.levy_id, ())]
        return [_whom(policy)]

    def groups_in(self, scope: Scope) -> Collection[str]:
        """Return the groups known by policies that a scope may cover: of a region, those of any opening in it."""
        if scope.group_id is not None:
            return (scope.group_id,)
        return self._groups if scope.region is None else self._region_groups.get(scope.region, ())

    def plan_years(self, group_id: str, money_years: Collection[int], day_reached: Day) -> list[int]:
        """Return, ascending, the years for which the group has an account on a day.

        `money_years` are those in which any remittance of the group is known (decisions/0001, 2).
        """
        if group_id not in self._groups and not money_years:
            return []
        current = year_of(day_reached)
        return [
            year
            for year in sorted({current, *self.history_years(group_id, money_years)})
            if year in money_years or self._account_exists(group_id, year, day_reached, opened=year == current)
        ]

    def history_years(self, group_id: str, money_years: Collection[int]) -> list[int]:
        """Return, ascending, the years in which the group can have episodes: those of known targets, levies, money.

        An account that exists no longer, its target revoked, keeps its history: it lapsed (decisions/0001, 2).
        """
        if group_id not in self._groups and not money_years:
            return []
        years = set(money_years)
        for policy in self.touching(group_id):
            if isinstance(policy, TargetSet):
                years.add(policy.plan_year)
            elif isinstance(policy, LevyImposed):
                years.add(year_of(policy.from_day))
        return sorted(years)

    def _account_exists(self, group_id: str, year: int, day_reached: Day, *, opened: bool) -> bool:
        bounds = plan_year(year)
        decrees = self.timeline(group_id, year).decrees_on(bounds.reached(day_reached))
        if decrees.targets or decrees.levies:
            return True
        return opened and decrees.opened_in(bounds, day_reached)

    def timeline(self, group_id: str, year: int) -> Timeline:
        """Return the decrees of a group and year through time; remembered until a policy reaches the group."""
        remembered = self._timelines.pop(group_id, None)
        if remembered is None or self.changed_from(group_id, remembered.version) != NEVER:
            before = {} if remembered is None else remembered.before | remembered.years
            remembered = _Remembered(self.version, {}, before)
            if len(self._timelines) >= REMEMBERED_GROUPS:
                del self._timelines[next(iter(self._timelines))]
        self._timelines[group_id] = remembered  # the one used last is last
        timeline = remembered.years.get(year)
        if timeline is None:
            earlier = remembered.before.pop(year, None)
            timeline = remembered.years[year] = Timeline(self, group_id, plan_year(year), earlier)
        return timeline

    def touching(self, group_id: str) -> Iterator[Policy]:
        """Yield the decrees that name the group, or that may cover it, of any year (levy_lifted: no)."""
        yield from self._named.get(group_id, ())
        for region in self._regions.get(group_id, ()):
            yield from self._regional.get(region, ())
        yield from self._general

    def lifts(self, levy_id: str) -> list[LevyLifted]:
        """Return what is known to lift a levy."""
        return self._lifts.get(levy_id, [])

    def revocations(self, policy_id: str) -> list[Revoked]:
        """Return what is known to revoke a policy."""
        return self._revocations.get(policy_id, [])

    def revoked_on(self, policy_id: str) -> Day:
        """Return the day from which a policy is revoked; NEVER if it is not."""
        return min((revoked.issued_day for revoked in self.revocations(policy_id)), default=NEVER)

    def _file(self, policy: Policy) -> None:
        if isinstance(policy, NAMING_GROUPS):
            self._groups.add(policy.group_id)
        if isinstance(policy, GroupOpened):
            self._regions.setdefault(policy.group_id, set()).add(policy.region)
            self._region_groups.setdefault(policy.region, set()).add(policy.group_id)
        if isinstance(policy, Revoked):
            self._revocations.setdefault(policy.revokes, []).append(policy)
            named = self._policies.get(policy.revokes)
            if isinstance(named, ExchangeRateSet) and len(self._revocations[policy.revokes]) == 1:
                self.rates.drop(named)
        elif isinstance(policy, ExchangeRateSet):
            if policy.policy_id in self._revocations:
                self.rates.drop(policy)
            else:
                self.rates.put(policy)
        elif isinstance(policy, LevyLifted):
            self._lifts.setdefault(policy.levy_id, []).append(policy)
        else:
            self._file_by_scope(policy)

    def _file_by_scope(self, policy: Policy) -> None:
        if isinstance(policy, LevyImposed):
            self._levies.setdefault(policy.levy_id, []).append(policy)
        scope = _whom(policy)
        if scope.group_id is not None:
            self._named.setdefault(scope.group_id, []).append(policy)
        elif scope.region is not None:
            self._regional.setdefault(scope.region, []).append(policy)
        else:
            self._general.append(policy)


def _whom(policy: Policy) -> Scope:
    """Return the scope of a decree; of one that names a group, that group."""
    scope: Scope | None = getattr(policy, "scope", None)
    return scope or Scope(group_id=policy.group_id)  # type: ignore[attr-defined]  # it has one or the other
