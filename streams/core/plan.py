"""What is decreed for all groups of one pattern and a plan year, through time: law by law, stretch by stretch.

A law is what the decrees in force say on the days between two on which decrees are issued or revoked. Everything here
follows from policies alone and is shared by the groups of a pattern; only amounts and ids are a group's own
(timeline.py). Lives here: what each law asks. Not here: money, alerts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from streams.core.decrees import Decrees, active_days
from streams.core.docket import Docket
from streams.core.events import AlertRulesSet, LevyImposed, TargetAdjusted, TargetSet
from streams.core.rank import own_day
from streams.core.schedule import Delta, Factor, Schedule, base_shape, levy_schedule
from streams.core.thresholds import Judging
from streams.core.years import DAWN, NEVER, year_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from fractions import Fraction

    from streams.core.events import Day, Policy
    from streams.core.pattern import Pattern
    from streams.core.register import Register
    from streams.core.schedule import Shape
    from streams.core.thresholds import Thresholds
    from streams.core.years import PlanYear, Steps

# The greater of these bounds memory, and changes no result.
MOST_SHARED = 128
SHARED_A_DECREE = 2

SHOWN_POLICIES = 50  # in a status

T = TypeVar("T")


class Claim(NamedTuple):
    """What is asked of a group in one account (the base account, or a levy's) under one set of decrees."""

    levy_id: str | None
    purpose: str
    currency: str
    schedule: Schedule  # minor units of `currency`
    judged_from: Day  # no day before it is a due day
    end: Day  # the year's last day, or due_day
    lifted_from: Day  # NEVER for the base account

    def same_total(self, other: Claim) -> bool:
        """Tell whether two claims ask for the same T in the same currency (else: retargeted)."""
        mine, others = self.schedule, other.schedule
        return self.currency == other.currency and mine.total * others.denominator == others.total * mine.denominator


class Asked(NamedTuple):
    """What is asked in the base accounts of all groups of a pattern: a claim, but for the amount."""

    target: TargetSet  # the group's own one holds in its place
    shape: Shape
    judged_from: Day
    end: Day


class FirstPlan(NamedTuple):
    """The plan as it was first set: what was asked, and what one of its minor units is in the account's."""

    target: TargetSet
    shape: Shape
    rate: Fraction


class Law:
    """What one set of decrees in force says about the groups of a pattern in a year."""

    def __init__(self, plan: Plan, decrees: Decrees) -> None:
        self.plan = plan
        self.decrees = decrees
        self._thresholds: dict[Day, Thresholds] = {}

    @cached_property
    def activity(self) -> Steps[bool]:
        """active(x)."""
        return self.plan.activity(self.decrees)

    @cached_property
    def headcount(self) -> Steps[int]:
        """h(x)."""
        return self.plan.headcount(self.decrees)

    @cached_property
    def base(self) -> Asked | None:
        """What the base account asks; None without a target."""
        target, first = self.decrees.target, self.decrees.first_target
        if target is None or first is None:
            return None
        return self.plan.asked(target, max(self.plan.year.first, first.issued_day), self.decrees)

    @cached_property
    def levies(self) -> dict[str, Claim]:
        """The claims of the levies that hold, by levy_id in ascending order."""
        plan, decrees, activity, headcount = self.plan, self.decrees, self.activity, self.headcount
        return {
            levy.levy_id: plan.levy(levy, decrees.lifted_from(levy), activity, headcount)
            for levy in decrees.holding_levies()
        }

    def asked(self, levy_id: str | None) -> Asked | Claim | None:
        """Return what the base account asks (levy_id None), or a levy's."""
        return self.base if levy_id is None else self.levies.get(levy_id)

    @cached_property
    def first_plan(self) -> FirstPlan | None:
        """T0 and E0's plan; None without a target, or while there is no rate."""
        target, first = self.decrees.target, self.decrees.first_target
        if target is None or first is None:
            return None
        rate = self.plan.rate(first.currency, target.currency, target.issued_day)
        return None if rate is None else FirstPlan(first, self.plan.first_shape(first, self.decrees), rate)

    @cached_property
    def currencies(self) -> frozenset[str]:
        """The currencies of the first target and of what adjusts it."""
        first = self.decrees.first_target
        adjusted = frozenset(policy.currency for policy in self.decrees.adjustments if policy.currency is not None)
        return adjusted if first is None else adjusted | {first.currency}

    def thresholds_on(self, day: Day) -> Thresholds:
        """Return the thresholds of a day."""
        found = self._thresholds.get(day)
        if found is None:
            found = self._thresholds[day] = self.plan.judging.on(self.decrees.rules, day)
        return found

    @cached_property
    def shown_policies(self) -> tuple[list[str], list[tuple[int, int]]]:
        """The ids of the newest decrees that name or cover the pattern's groups, and where its own are among them.

        Those as (where among the ids, where among the pattern's policies).
        """
        ids = [policy.policy_id for policy in self.decrees.applied[-SHOWN_POLICIES:]]
        own = self.plan.pattern.places
        return ids, [(at, own[name]) for at, name in enumerate(ids) if name in own]

    def days_left(self, day: Day) -> int:
        """Return how many active days of the year there are from `day` on."""
        year = self.plan.year
        return active_days(self.activity, max(day, year.first), year.after)


class Span(NamedTuple):
    """Days start..stop-1: one law and one set of thresholds."""

    start: Day
    stop: Day
    law: Law
    thresholds: Thresholds


class Stretch(NamedTuple):
    """Days start..stop-1 of one account: what it is asked, and what it is judged by."""

    start: Day
    stop: Day
    activity: Steps[bool]
    thresholds: Thresholds
    asked: Asked | Claim
    follows: bool  # something was asked on the day before, too


def _joined(spans: Iterable[Span], levy_id: str | None) -> Iterator[Stretch]:
    held: tuple[Asked | Claim, Steps[bool], Thresholds] | None = None  # what is asked and judged by since `start`
    start = stop = DAWN
    follows = False
    for begin, end, law, thresholds in spans:
        asked = law.asked(levy_id)
        now = None if asked is None else (asked, law.activity, thresholds)
        if now != held:
            if held is not None:
                yield Stretch(start, stop, held[1], held[2], held[0], follows)
            held, start, follows = now, begin, held is not None
        stop = end
    if held is not None:
        yield Stretch(start, stop, held[1], held[2], held[0], follows)


class Plan:
    """The laws of one pattern and plan year."""

    def __init__(
        self,
        register: Register,
        pattern: Pattern,
        year: PlanYear,
        before: Plan | None = None,
        changed_from: Day = DAWN,
    ) -> None:
        """`before` is that of an earlier state of the register; on days before `changed_from` it still holds."""
        self.register = register
        self.pattern = pattern
        self.year = year
        self.version = register.version
        self.judging: Judging = Judging() if before is None else before.judging
        self.docket = self._file()
        # The days of the year on which another set of decrees begins to be in force, the first day first.
        self._starts = [year.first, *(day for day in self.docket.turns if year.first < day < year.after)]
        self.laws: dict[Day, Law] = {}
        # Shapes and the like of several laws, by the policies that decide them.
        self.shared: dict[object, object] = {}
        if before is not None and changed_from != DAWN:
            self.laws = {start: law for start, law in before.laws.items() if start < changed_from}
            for law in self.laws.values():
                law.plan, law.decrees.docket = self, self.docket
            if len(before.shared) < max(MOST_SHARED, SHARED_A_DECREE * len(self.docket.filed)):
                self.shared = before.shared
        self._about: dict[Day, dict[str | None, list[Policy]]] = {}
        self._stretches: dict[tuple[str | None, int], tuple[Stretch, ...]] = {}
        self._look_day = DAWN
        self._looks: dict[Day, tuple[int, frozenset[str]]] = {}  # of that day, by the first
        self._spans: dict[int, list[Span]] = {}  # by the place of the law in _starts
        self._prepared = 0  # how many laws were worked out in steps

    def _file(self) -> Docket:
        policies: list[Policy] = [p for p in self.register.touching(self.pattern) if self._of_year(p)]
        for levy_id in {policy.levy_id for policy in policies if isinstance(policy, LevyImposed)}:
            policies += self.register.lifts(levy_id)
        return Docket(self.pattern.group_id, policies, self.register)

    def _of_year(self, policy: Policy) -> bool:
        if isinstance(policy, TargetSet | TargetAdjusted):
            return policy.plan_year == self.year.year
        return not isinstance(policy, LevyImposed) or year_of(policy.from_day) == self.year.year

    def law_on(self, day: Day) -> Law:
        """Return the law of a day; before the year too (a plan is shown before it begins)."""
        start = day
        if day >= self.year.first:
            start = self._starts[bisect_right(self._starts, self.year.decree_day(day)) - 1]
        law = self.laws.get(start)
        if law is None:
            law = self.laws[start] = Law(self, Decrees(self.docket, start))
        return law

    def about(self, day: Day, levy_id: str | None) -> list[Policy]:
        """Return the decrees that were issued on a day, have it as their own, or were ever revoked.

        Of those about levies only a levy's own; with levy_id None, none.
        """
        found = self._about.get(day)
        if found is None:
            found = self._about[day] = {}
            for issued, revoked, policy in self.docket.filed:
                if day in {issued, own_day(policy)} or revoked != NEVER:
                    found.setdefault(getattr(policy, "levy_id", None), []).append(policy)
        return [policy for key in {None, levy_id} for policy in found.get(key, ())]

    def next_turn(self, day: Day) -> Day:
        """Return the first day after a day on which a decree is issued or revoked; NEVER if none is."""
        turns = self.docket.turns
        at = bisect_right(turns, day)
        return turns[at] if at < len(turns) else NEVER

    def has_account(self, day_reached: Day, *, opened: bool) -> bool:
        """Tell whether there is an account for a target or a levy; with `opened`, or for an opened group."""
        decrees = self.law_on(self.year.reached(day_reached)).decrees
        if decrees.targets or decrees.levies:
            return True
        return opened and decrees.opened_in(self.year, day_reached)

    def stretches(self, levy_id: str | None, since: Day = DAWN) -> tuple[Stretch, ...]:
        """Return the days on which an account is asked for something, joined where it is asked and judged alike.

        Only those from about `since` on: what came before is in none, or in one that begins earlier.
        """
        key = (levy_id, self._place(since))
        found = self._stretches.get(key)
        if found is None:
            found = self._stretches[key] = tuple(_joined(self.spans_from(since), levy_id))
        return found

    def runs_and_levies(self, since: Day, day: Day) -> tuple[int, frozenset[str]]:
        """Return the most for_days of any of the days since..day, and the levies that hold on any of them."""
        if day != self._look_day:
            self._look_day, self._looks = day, {}
        found = self._looks.get(since)
        if found is None:
            spans = [span for span in self.spans_from(since) if span.start <= day]
            run_days = max(span.thresholds.for_days for span in spans)
            levy_ids = frozenset(levy_id for span in spans for levy_id in span.law.levies)
            found = self._looks[since] = run_days, levy_ids
        return found

    def _place(self, day: Day) -> int:
        return max(bisect_right(self._starts, day) - 1, 0)

    def spans_from(self, since: Day) -> Iterator[Span]:
        """Yield the days to the first after the year, by law and thresholds, from the law of `since` on."""
        for at in range(self._place(since), len(self._starts)):
            if at not in self._spans:
                self._spans[at] = self._spans_of(at)
            yield from self._spans[at]

    def _spans_of(self, at: int) -> list[Span]:
        start = self._starts[at]
        stop = self._starts[at + 1] if at + 1 < len(self._starts) else self.year.after + 1
        law = self.law_on(start)
        rules = law.decrees.in_force(AlertRulesSet)
        inner = rules.days[bisect_right(rules.days, start) : bisect_left(rules.days, stop)]
        cuts = [start, *sorted(set(inner)), stop]
        return [Span(begin, end, law, self.judging.on(rules.policies, begin)) for begin, end in pairwise(cuts)]

    def prepare_some(self) -> bool:
        """Work out the next law of the year's that was not yet; False where all were."""
        at = self._prepared
        if at == len(self._starts):
            return False
        if at not in self._spans:
            self._spans[at] = self._spans_of(at)
        law = self.law_on(self._starts[at])
        _ = law.base, law.levies, law.first_plan
        self._prepared += 1
        return True

    def rate(self, source: str, target: str, day: Day) -> Fraction | None:
        """Return the exchange rate of a day, in minor units."""
        return self.register.rates.minor_rate(source, target, day)

    def _once(self, key: object, make: Callable[[], T]) -> T:
        """Return what is shared between the laws that agree on a key, whose first part decides the type."""
        if key not in self.shared:
            self.shared[key] = make()
        return self.shared[key]  # type: ignore[return-value]

    def activity(self, decrees: Decrees) -> Steps[bool]:
        """Return active(x) under some decrees."""

        def find() -> Steps[bool]:
            return self.register.once(("active", decrees.opened().key, decrees.suspension_ids()), decrees.activity)

        return self._once(("active", decrees.activity_ids()), find)

    def headcount(self, decrees: Decrees) -> Steps[int]:
        """Return h(x) under some decrees."""
        return self._once(("headcount", decrees.headcount_ids()), decrees.headcount)

    def shape(self, target: TargetSet, decrees: Decrees) -> Shape:
        """Return t(x) of a target but for its amount under some decrees; plans of other patterns may share it."""
        adjusted = decrees.in_force(TargetAdjusted).ids
        active, heads = self.activity(decrees), self.headcount(decrees) if target.per_worker else None

        def find() -> Shape:
            plan = target.plan_year, target.currency, target.weights
            alike = "base", self.register.rates.version, plan, adjusted, active.key, heads and heads.key
            return self.register.once(alike, lambda: self._shape(target, decrees))

        return self._once(("base", target.policy_id, adjusted, active, heads), find)

    def asked(self, target: TargetSet, judged_from: Day, decrees: Decrees) -> Asked:
        """Return what is asked in the base accounts, shared between the laws that agree on it."""
        asked = Asked(target, self.shape(target, decrees), judged_from, self.year.after - 1)
        return self._once(("asked", target.policy_id, asked.shape, judged_from), lambda: asked)

    def levy(self, levy: LevyImposed, lifted_from: Day, activity: Steps[bool], headcount: Steps[int]) -> Claim:
        """Return the claim of a levy, shared between the laws that agree on it."""

        def make() -> Claim:
            schedule = levy_schedule(levy, lifted_from, activity, headcount)
            spread = schedule, max(levy.from_day, levy.issued_day), levy.due_day, lifted_from
            return Claim(levy.levy_id, levy.purpose, levy.currency, *spread)

        return self._once((levy.policy_id, lifted_from, activity, headcount if levy.per_worker else None), make)

    def first_shape(self, first: TargetSet, decrees: Decrees) -> Shape:
        """Return t(x) of the target issued first, with what was decreed by its issue day and the openings of now."""
        # The openings of now give the region too, so that the same scopes cover the group then and now.
        return self.shape(first, Decrees(self.docket, first.issued_day, openings=decrees.openings))

    def _shape(self, target: TargetSet, decrees: Decrees) -> Shape:
        factors: list[Factor] = []
        deltas: list[Delta] = []
        for policy in decrees.adjustments:
            since = max(policy.effective_on, self.year.first) if policy.remaining else self.year.first
            if policy.factor is not None:
                factors.append(Factor(since, policy.factor))
            else:
                assert policy.delta_minor is not None
                assert policy.currency is not None
                day = min(policy.issued_day, policy.effective_on)
                rate = self.rate(policy.currency, target.currency, day)
                if rate is not None:  # a delta in another currency counts once there is a rate
                    deltas.append(Delta(since, policy.delta_minor * rate))
        return base_shape(target, factors, deltas, self.activity(decrees), self.headcount(decrees))
