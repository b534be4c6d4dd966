"""What is due on each day of an account under one set of decrees: t(x), E(x), T, due days.

A schedule is constant between a few days, so it is kept as pieces over one common denominator, in integers: no
fraction is made per day. Lives here: t(x) of "Arithmetic" and sums of it. Not here: which policies hold (decrees.py).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from math import gcd, lcm, prod
from typing import TYPE_CHECKING, NamedTuple

from streams.core.years import DAWN, NEVER, Steps, month_starts, plan_year, year_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    from streams.core.events import Day, LevyImposed, TargetSet
    from streams.core.years import PlanYear


class Schedule:
    """The pieces of one account's year: on each day of piece i, units[i] / denominator minor units are due."""

    __slots__ = ("_sums", "after", "denominator", "starts", "stops", "total", "units")

    def __init__(self, starts: Sequence[Day], after: Day, units: Sequence[int], denominator: int) -> None:
        """Take pieces that begin on `starts` and end where the next begins, the last before `after`."""
        common = gcd(denominator, *units)
        self.starts = list(starts)
        self.stops = [*self.starts[1:], after]
        self.after = after
        self.units = [unit // common for unit in units]
        self.denominator = denominator // common
        lengths = (stop - start for start, stop in zip(self.starts, self.stops, strict=True))
        self._sums = [0, *accumulate(unit * days for unit, days in zip(self.units, lengths, strict=True))]
        self.total = self._sums[-1]

    def expected(self, day: Day) -> int:
        """Return E: what was due before `day`, times the denominator."""
        if day <= self.starts[0]:
            return 0
        if day >= self.after:
            return self.total
        at = bisect_right(self.starts, day) - 1
        return self._sums[at] + self.units[at] * (day - self.starts[at])

    def expected_run(self, start: Day, stop: Day) -> list[int]:
        """Return E of each of the days start..stop-1, times the denominator."""
        run: list[int] = [0] * (min(stop, self.starts[0]) - start)
        day = start + len(run)
        at = bisect_right(self.starts, day) - 1
        while day < min(stop, self.after):
            end = min(self.stops[at], stop)
            unit = self.units[at]
            value = self._sums[at] + unit * (day - self.starts[at])
            run += range(value, value + unit * (end - day), unit) if unit else [value] * (end - day)
            day, at = end, at + 1
        return run + [self.total] * (stop - day)

    def nth_due_day(self, since: Day, count: int) -> Day:
        """Return the count-th day with something due, counted from `since` on; DAWN for 0, NEVER if there is none."""
        if count <= 0:
            return DAWN
        for start, stop, unit in zip(self.starts, self.stops, self.units, strict=True):
            days = stop - max(start, since)
            if unit and days > 0:
                if count <= days:
                    return max(start, since) + count - 1
                count -= days
        return NEVER


class Delta(NamedTuple):
    """A top-up or a cut by an amount: `amount` minor units (exact) over the days from `since` on."""

    since: Day
    amount: Fraction


class Factor(NamedTuple):
    """A cut or a rise by a factor, over the days from `since` on."""

    since: Day
    factor: Fraction


@lru_cache(maxsize=256)
def day_weights(weights: tuple[Fraction, ...] | None, year: int) -> Steps[int]:
    """Return w(x) of a pace, scaled to integers (only proportions of w are ever used)."""
    if weights is None:
        return Steps(1, {})
    starts = month_starts(year)
    shares = [weight / (starts[at + 1] - starts[at]) for at, weight in enumerate(weights)]
    common = lcm(*(share.denominator for share in shares))
    return Steps(0, {starts[at]: int(share * common) for at, share in enumerate(shares)})


def _weight_sum(weights: Steps[int], start: Day, stop: Day) -> int:
    return sum(weight * (end - begin) for begin, end, weight in weights.pieces(start, stop))


def _cuts(year: PlanYear, *changes: Iterable[Day]) -> list[Day]:
    days = {day for some in changes for day in some if year.first < day < year.after}
    return [year.first, *sorted(days)]


def base_schedule(
    target: TargetSet,
    factors: Sequence[Factor],
    deltas: Sequence[Delta],
    active: Steps[bool],
    headcount: Steps[int],
) -> Schedule:
    """Return t(x) of a target ("Arithmetic"): amount by weight, headcount and factors, plus deltas by weight."""
    year = plan_year(target.plan_year)
    weights = day_weights(target.weights, target.plan_year)
    heads: Steps[int] = headcount if target.per_worker else Steps(1, {})
    plan_denominator = _weight_sum(weights, year.first, year.after) * prod(f.factor.denominator for f in factors)
    spread: list[tuple[Day, int, int]] = []
    for since, amount in deltas:
        weight = _weight_sum(weights, max(since, year.first), year.after)
        if weight:  # a delta that covers no weight has no effect
            spread.append((since, amount.numerator, amount.denominator * weight))
    common = lcm(plan_denominator, *(denominator for _, _, denominator in spread))
    starts = _cuts(
        year,
        weights.starts,
        heads.starts,
        active.starts,
        (factor.since for factor in factors),
        (since for since, _, _ in spread),
    )
    units: list[int] = []
    for day in starts:
        if not active.on(day):
            units.append(0)
            continue
        weight = weights.on(day)
        unit = target.amount_minor * weight * heads.on(day) * (common // plan_denominator)
        for since, factor in factors:
            unit *= factor.numerator if since <= day else factor.denominator
        unit += sum(weight * part * (common // whole) for since, part, whole in spread if since <= day)
        units.append(max(0, unit))
    return Schedule(starts, year.after, units, common)


def levy_schedule(levy: LevyImposed, lifted_from: Day, active: Steps[bool], headcount: Steps[int]) -> Schedule:
    """Return t(x) of a levy: its amount spread evenly over from_day..due_day, 0 once lifted and where inactive."""
    year = plan_year(year_of(levy.from_day))
    heads: Steps[int] = headcount if levy.per_worker else Steps(1, {})
    stop = min(levy.due_day + 1, lifted_from)
    starts = _cuts(year, heads.starts, active.starts, (levy.from_day, stop))
    units = [
        levy.amount_minor * heads.on(day) if levy.from_day <= day < stop and active.on(day) else 0 for day in starts
    ]
    return Schedule(starts, year.after, units, levy.due_day + 1 - levy.from_day)
