"""The decrees of one group and plan year through time: regimes, and the spans of days that are judged alike.

A regime is the days between two days on which decrees are issued or revoked. Everything here depends on policies
alone, so the book remembers it. Lives here: what each regime asks of the group. Not here: money, alerts.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from streams.core.decrees import Decrees, Filed, in_force
from streams.core.events import AlertRulesSet, LevyImposed, TargetAdjusted, TargetSet
from streams.core.rank import rank
from streams.core.schedule import Delta, Factor, base_schedule, levy_schedule
from streams.core.thresholds import thresholds_on
from streams.core.years import DAWN, NEVER, year_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction

    from streams.core.book import Book
    from streams.core.events import Day, Policy
    from streams.core.schedule import Schedule
    from streams.core.thresholds import Thresholds
    from streams.core.years import PlanYear, Steps


MOST_SHARED = 128  # bounds memory, changes no result


@dataclass(frozen=True, slots=True)
class Claim:
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


class Original(NamedTuple):
    """The plan as it was first set: its schedule, and what one of its minor units is in the account's."""

    schedule: Schedule
    rate: Fraction


class Regime:
    """What one set of decrees in force says about a group and year."""

    def __init__(self, timeline: Timeline, decrees: Decrees) -> None:
        self._timeline = timeline
        self.decrees = decrees

    @cached_property
    def activity(self) -> Steps[bool]:
        """active(x)."""
        return self._timeline.activity(self.decrees)

    @cached_property
    def headcount(self) -> Steps[int]:
        """h(x)."""
        return self._timeline.headcount(self.decrees)

    @cached_property
    def base(self) -> Claim | None:
        """The base account's claim; None without a target."""
        target, first = self.decrees.target, self.decrees.first_target
        if target is None or first is None:
            return None
        year = self._timeline.year
        schedule = self._timeline.base(target, self.decrees)
        judged_from = max(year.first, first.issued_day)
        return Claim(None, "", target.currency, schedule, judged_from, year.after - 1, NEVER)

    @cached_property
    def levies(self) -> dict[str, Claim]:
        """The claims of the levies that hold, by levy_id in ascending order."""
        claims: dict[str, Claim] = {}
        for levy in self.decrees.holding_levies():
            lifted_from = self.decrees.lifted_from(levy)
            schedule = self._timeline.levy(levy, lifted_from, self.decrees)
            judged_from = max(levy.from_day, levy.issued_day)
            claims[levy.levy_id] = Claim(
                levy.levy_id, levy.purpose, levy.currency, schedule, judged_from, levy.due_day, lifted_from
            )
        return claims

    def claim(self, levy_id: str | None) -> Claim | None:
        """Return the base account's claim (levy_id None), or a levy's."""
        return self.base if levy_id is None else self.levies.get(levy_id)

    @cached_property
    def original(self) -> Original | None:
        """T0 and E0's plan; None without a target, or while there is no rate."""
        target, first = self.decrees.target, self.decrees.first_target
        if target is None or first is None:
            return None
        rate = self._timeline.rate(first.currency, target.currency, target.issued_day)
        return None if rate is None else Original(self._timeline.first_plan(first, self.decrees), rate)

    def days_left(self, day: Day) -> int:
        """Return how many active days of the year there are from `day` on."""
        year = self._timeline.year
        return active_days(self.activity, max(day, year.first), year.after)


def active_days(activity: Steps[bool], start: Day, stop: Day) -> int:
    """Return how many of the days start..stop-1 are active."""
    return sum(end - begin for begin, end, active in activity.pieces(start, stop) if active)


class Span(NamedTuple):
    """Days start..stop-1: one regime and one set of thresholds."""

    start: Day
    stop: Day
    regime: Regime
    thresholds: Thresholds


class Stretch(NamedTuple):
    """Days start..stop-1 of one account: what it is asked, and what it is judged by."""

    start: Day
    stop: Day
    activity: Steps[bool]
    thresholds: Thresholds
    claim: Claim
    retargeted: bool  # on `start`, T or the currency is another than on the day before


def _joined(spans: Iterable[Span], levy_id: str | None) -> Iterator[Stretch]:
    held: Stretch | None = None
    for span in spans:
        claim = span.regime.claim(levy_id)
        if held is not None:
            asked_alike = (held.claim, held.activity, held.thresholds)
            if claim is not None and asked_alike == (claim, span.regime.activity, span.thresholds):
                held = held._replace(stop=span.stop)
                continue
            yield held
        if claim is None:
            held = None
            continue
        # Without a claim on the day before nothing can be open, so nothing is retargeted.
        retargeted = held is not None and not claim.same_total(held.claim)
        held = Stretch(span.start, span.stop, span.regime.activity, span.thresholds, claim, retargeted)
    if held is not None:
        yield held


class Timeline:
    """The regimes of one group and plan year."""

    def __init__(self, book: Book, group_id: str, year: PlanYear, before: Timeline | None = None) -> None:
        """`before` is the same one of an earlier state of the book, whose schedules may serve again."""
        self._book = book
        self.group_id = group_id
        self.year = year
        self._filed = self._file()
        # Schedules and the like of several regimes, by the policies (and the rates) that decide them.
        self.shared: dict[object, object] = {}
        if before is not None and before.rates_version is book.rates.version and len(before.shared) < MOST_SHARED:
            self.shared = before.shared
        self.rates_version: object = book.rates.version
        self._stretches: dict[tuple[str | None, int], tuple[Stretch, ...]] = {}
        self._starts = self._turns()
        self._regimes: dict[Day, Regime] = {}
        self._spans: dict[int, list[Span]] = {}  # by the place of the regime in _starts

    def _file(self) -> list[Filed]:
        policies: list[Policy] = [p for p in self._book.touching(self.group_id) if self._of_year(p)]
        for levy_id in {policy.levy_id for policy in policies if isinstance(policy, LevyImposed)}:
            policies += self._book.lifts(levy_id)
        policies.sort(key=rank)
        return [Filed(policy.issued_day, self._book.revoked_on(policy.policy_id), policy) for policy in policies]

    def _of_year(self, policy: Policy) -> bool:
        if isinstance(policy, TargetSet | TargetAdjusted):
            return policy.plan_year == self.year.year
        return not isinstance(policy, LevyImposed) or year_of(policy.from_day) == self.year.year

    def _turns(self) -> list[Day]:
        """Return the days of the year on which another set of decrees begins to be in force, the first day first."""
        turns = {day for filed in self._filed for day in (filed.issued, filed.revoked)}
        return [self.year.first, *sorted(day for day in turns if self.year.first < day < self.year.after)]

    def known(self) -> list[Policy]:
        """Return the decrees that may concern the account, in force or not, in ascending rank."""
        return [filed.policy for filed in self._filed]

    def decrees_on(self, day: Day) -> Decrees:
        """Return the decrees in force on a day; after the year, those of its last day."""
        return Decrees(self.group_id, in_force(self._filed, self.year.decree_day(day)))

    def regime_on(self, day: Day) -> Regime:
        """Return the regime of a day; before the year too (a plan is shown before it begins)."""
        start = day
        if day >= self.year.first:
            start = self._starts[bisect_right(self._starts, self.year.decree_day(day)) - 1]
        regime = self._regimes.get(start)
        if regime is None:
            regime = self._regimes[start] = Regime(self, self.decrees_on(start))
        return regime

    def stretches(self, levy_id: str | None, since: Day = DAWN) -> tuple[Stretch, ...]:
        """Return the days on which an account is asked for something, joined where it is asked and judged alike.

        Only those from about `since` on: what came before is in none, or in one that begins earlier.
        """
        key = (levy_id, self._place(since))
        if key not in self._stretches:
            self._stretches[key] = tuple(_joined(self.spans_from(since), levy_id))
        return self._stretches[key]

    def levy_ids(self, since: Day, day: Day) -> set[str]:
        """Return the levies that hold on any of the days since..day."""
        return {levy_id for span in self.spans_from(since) if span.start <= day for levy_id in span.regime.levies}

    def _place(self, day: Day) -> int:
        return max(bisect_right(self._starts, day) - 1, 0)

    def spans_from(self, since: Day) -> Iterator[Span]:
        """Yield the days to the first after the year, by regime and thresholds, from the regime of `since` on."""
        for at in range(self._place(since), len(self._starts)):
            if at not in self._spans:
                self._spans[at] = self._spans_of(at)
            yield from self._spans[at]

    def _spans_of(self, at: int) -> list[Span]:
        start = self._starts[at]
        stop = self._starts[at + 1] if at + 1 < len(self._starts) else self.year.after + 1
        regime = self.regime_on(start)
        rules: list[AlertRulesSet] = regime.decrees.rules
        inner = {rule.effective_on for rule in rules if start < rule.effective_on < stop}
        cuts = [start, *sorted(inner), stop]
        return [Span(begin, end, regime, thresholds_on(rules, begin)) for begin, end in pairwise(cuts)]

    def thresholds_on(self, day: Day) -> Thresholds:
        """Return the thresholds of a day under the decrees in force on it."""
        return thresholds_on(self.regime_on(day).decrees.rules, day)

    def rate(self, source: str, target: str, day: Day) -> Fraction | None:
        """Return the exchange rate of a day, in minor units."""
        return self._book.rates.minor_rate(source, target, day)

    def activity(self, decrees: Decrees) -> Steps[bool]:
        """Return active(x) under some decrees, shared between the regimes that agree on it."""
        key = ("active", decrees.activity_ids())
        if key not in self.shared:
            self.shared[key] = decrees.activity()
        return self.shared[key]  # type: ignore[return-value]  # the key's first part decides the type

    def headcount(self, decrees: Decrees) -> Steps[int]:
        """Return h(x) under some decrees, shared between the regimes that agree on it."""
        key = ("headcount", decrees.headcount_ids())
        if key not in self.shared:
            self.shared[key] = decrees.headcount()
        return self.shared[key]  # type: ignore[return-value]

    def base(self, target: TargetSet, decrees: Decrees) -> Schedule:
        """Return t(x) of a target under some decrees, shared between the regimes that agree on it."""
        adjusted = tuple(policy.policy_id for policy in decrees.adjustments)
        heads = decrees.headcount_ids() if target.per_worker else ()
        key = ("base", target.policy_id, adjusted, decrees.activity_ids(), heads)
        if key not in self.shared:
            self.shared[key] = self._base(target, decrees)
        return self.shared[key]  # type: ignore[return-value]

    def levy(self, levy: LevyImposed, lifted_from: Day, decrees: Decrees) -> Schedule:
        """Return t(x) of a levy under some decrees, shared between the regimes that agree on it."""
        heads = decrees.headcount_ids() if levy.per_worker else ()
        key = ("levy", levy.policy_id, lifted_from, decrees.activity_ids(), heads)
        if key not in self.shared:
            self.shared[key] = levy_schedule(levy, lifted_from, self.activity(decrees), self.headcount(decrees))
        return self.shared[key]  # type: ignore[return-value]

    def first_plan(self, first: TargetSet, decrees: Decrees) -> Schedule:
        """Return t(x) of the target issued first, with what was decreed by its issue day and the openings of now."""
        then = in_force(self._filed, first.issued_day)
        # The openings of now give the region too, so that the same scopes cover the group then and now.
        return self.base(first, Decrees(self.group_id, then, openings=decrees.openings))

    def _base(self, target: TargetSet, decrees: Decrees) -> Schedule:
        factors: list[Factor] = []
        deltas: list[Delta] = []
        for policy in decrees.adjustments:
            since = max(policy.effective_on, self.year.first) if policy.remaining else self.year.first
            if policy.factor is not None:
                factors.append(Factor(since, policy.factor))
            elif policy.delta_minor is not None and policy.currency is not None:
                day = min(policy.issued_day, policy.effective_on)
                rate = self.rate(policy.currency, target.currency, day)
                if rate is not None:  # a delta in another currency counts once there is a rate
                    deltas.append(Delta(since, policy.delta_minor * rate))
        return base_schedule(target, factors, deltas, self.activity(decrees), self.headcount(decrees))
