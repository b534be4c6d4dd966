"""What is decreed for one group and plan year, through time: its pattern's plan, with its own amounts and ids.

Made for one look at an account: all that takes long to find is the plan's. Lives here: regimes, and the stretches of
days that are judged alike. Not here: money, alerts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.core.decrees import Decrees
from streams.core.docket import Docket
from streams.core.plan import Asked, Claim
from streams.core.schedule import Schedule
from streams.core.years import DAWN, NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    from streams.core.events import Day, Policy, TargetSet
    from streams.core.plan import Law, Plan
    from streams.core.thresholds import Thresholds
    from streams.core.years import Steps


class Original(NamedTuple):
    """The plan as it was first set: its schedule, and what one of its minor units is in the account's."""

    schedule: Schedule
    rate: Fraction


class Stretch(NamedTuple):
    """Days start..stop-1 of one account: what it is asked, and what it is judged by."""

    start: Day
    stop: Day
    activity: Steps[bool]
    thresholds: Thresholds
    claim: Claim
    before: Claim | None  # that of the day before `start`

    @property
    def retargeted(self) -> bool:
        """Whether T or the currency is another from `start` on. Without a claim before nothing can be open: no."""
        return self.before is not None and self.claim is not self.before and not self.claim.same_total(self.before)


class Timeline:
    """The decrees of one group and plan year, through time."""

    def __init__(self, plan: Plan, group_id: str, own: Sequence[Policy]) -> None:
        """`own` are the group's policies in the order of issue, as those of the plan's pattern are."""
        self.plan = plan
        self.group_id = group_id
        self.year = plan.year
        self._own = own
        self._is_sample = own is plan.pattern.policies
        self._claims: dict[int, tuple[Asked, Claim]] = {}  # by the id of what is asked

    def regime_on(self, day: Day) -> Regime:
        """Return the regime of a day; before the year too (a plan is shown before it begins)."""
        return Regime(self, self.plan.law_on(day))

    def thresholds_on(self, day: Day) -> Thresholds:
        """Return the thresholds of a day under the decrees in force on it."""
        return self.plan.law_on(day).thresholds_on(day)

    def rate(self, source: str, target: str, day: Day) -> Fraction | None:
        """Return the exchange rate of a day, in minor units."""
        return self.plan.rate(source, target, day)

    def known(self) -> list[Policy]:
        """Return the decrees that may concern the account, in force or not, in ascending rank."""
        return self.own([filed.policy for filed in self.plan.docket.filed])

    def docket(self) -> Docket:
        """Return the same, filed."""
        return Docket(self.group_id, self.known(), self.plan.register)

    def about(self, day: Day, levy_id: str | None) -> list[Policy]:
        """Return those of them that were issued on a day, have it as their own, or were ever revoked.

        Of those about levies only a levy's own; with levy_id None, none.
        """
        return self.own(self.plan.about(day, levy_id))

    def stretches(self, levy_id: str | None, since: Day = DAWN) -> list[Stretch]:
        """Return the days on which an account is asked for something, joined where it is asked and judged alike.

        Only those from about `since` on: what came before is in none, or in one that begins earlier.
        """
        found: list[Stretch] = []
        held: Claim | None = None
        for start, stop, activity, thresholds, asked, follows in self.plan.stretches(levy_id, since):
            claim = self.claim(asked)
            found.append(Stretch(start, stop, activity, thresholds, claim, held if follows else None))
            held = claim
        return found

    def claim(self, asked: Asked | Claim) -> Claim:
        """Return what is asked of the group itself."""
        if isinstance(asked, Claim):
            return asked
        found = self._claims.get(id(asked))
        if found is None:
            schedule = Schedule(asked.shape, self.own_target(asked.target).amount_minor)
            claim = Claim(None, "", asked.target.currency, schedule, asked.judged_from, asked.end, NEVER)
            found = self._claims[id(asked)] = asked, claim
        return found[1]

    def own(self, policies: Iterable[Policy]) -> list[Policy]:
        """Return policies with the group's own in place of the pattern's."""
        if self._is_sample:
            return list(policies)
        places = self.plan.pattern.places
        return [
            policy if (place := places.get(policy.policy_id)) is None else self._own[place] for policy in policies
        ]

    def own_ids(self, ids: Sequence[str], places: Iterable[tuple[int, int]]) -> list[str]:
        """Return policies' ids with the group's own in place of the pattern's: (where in `ids`, among its own)."""
        found = list(ids)
        if not self._is_sample:
            for at, place in places:
                found[at] = self._own[place].policy_id
        return found

    def own_target(self, target: TargetSet) -> TargetSet:
        """Return the group's own target in place of the pattern's."""
        if self._is_sample:
            return target
        return self._own[self.plan.pattern.places[target.policy_id]]  # type: ignore[return-value]  # it is alike


class Regime:
    """What one set of decrees in force says about a group and year."""

    __slots__ = ("_timeline", "law")

    def __init__(self, timeline: Timeline, law: Law) -> None:
        self._timeline = timeline
        self.law = law

    @property
    def decrees(self) -> Decrees:
        """The decrees in force, the group's own among them."""
        timeline, decrees = self._timeline, self.law.decrees
        if timeline.group_id == decrees.docket.group_id:
            return decrees
        return Decrees(timeline.docket(), decrees.day)

    @property
    def region(self) -> str | None:
        """The group's region."""
        return self.law.decrees.region

    @property
    def activity(self) -> Steps[bool]:
        """active(x)."""
        return self.law.activity

    @property
    def headcount(self) -> Steps[int]:
        """h(x)."""
        return self.law.headcount

    @property
    def base(self) -> Claim | None:
        """The base account's claim; None without a target."""
        asked = self.law.base
        return None if asked is None else self._timeline.claim(asked)

    @property
    def levies(self) -> dict[str, Claim]:
        """The claims of the levies that hold, by levy_id in ascending order."""
        return self.law.levies

    def claim(self, levy_id: str | None) -> Claim | None:
        """Return the base account's claim (levy_id None), or a levy's."""
        return self.base if levy_id is None else self.law.levies.get(levy_id)

    @property
    def original(self) -> Original | None:
        """T0 and E0's plan; None without a target, or while there is no rate."""
        first = self.law.first_plan
        if first is None:
            return None
        target = self._timeline.own_target(first.target)
        return Original(Schedule(first.shape, target.amount_minor), first.rate)

    def days_left(self, day: Day) -> int:
        """Return how many active days of the year there are from `day` on."""
        return self.law.days_left(day)

    @property
    def shown_policies(self) -> list[str]:
        """The ids of the newest decrees in force that name or cover the group."""
        return self._timeline.own_ids(*self.law.shown_policies)
