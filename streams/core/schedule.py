"""What is due on each day of an account under one set of decrees: t(x), E(x), T, due days.

What is due is constant between a few days, so it is kept as pieces over one common denominator, in integers: no
fraction is made per day; and it is linear in the target's amount, so all of it but the amount is shared. Lives here:
t(x) of "Arithmetic" and sums of it. Not here: which policies hold (decrees.py).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate
from math import gcd, lcm, prod
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from streams.core.years import DAWN, NEVER, Steps, month_starts, plan_year, year_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from fractions import Fraction

    from streams.core.events import Day, LevyImposed, TargetSet
    from streams.core.years import PlanYear


ALWAYS = 10**100  # more than any amount
FEW_DAYS = 4  # so many are looked up one by one


class Shape:
    """The pieces of a year: on each day of piece i, (amount x units[i] + extras[i]) / denominator is due.

    Shared by all accounts that differ only in their targets' amounts, and so are the sums that it has worked out.
    """

    __slots__ = (
        "__weakref__",
        "_due_before",
        "_due_days",
        "_extra_sums",
        "_sums",
        "_unit_sums",
        "after",
        "cut_up_to",
        "denominator",
        "extras",
        "starts",
        "stops",
        "totals",
        "units",
    )

    def __init__(
        self, starts: Sequence[Day], after: Day, units: Sequence[int], extras: Sequence[int], denominator: int
    ) -> None:
        """Take pieces that begin on `starts` and end where the next begins, the last before `after`."""
        common = gcd(denominator, *units, *extras)
        self.starts = list(starts)
        self.stops = [*self.starts[1:], after]
        self.after = after
        self.units = [unit // common for unit in units]
        self.extras = [extra // common for extra in extras]
        self.denominator = denominator // common
        cut = (-extra // unit if unit else ALWAYS for _, _, unit, extra in self.pieces() if extra < 0)
        #: Targets of up to so much would have less than nothing due on some day: those days are then 0.
        self.cut_up_to = max(cut, default=-1)
        self._unit_sums = [0, *accumulate(unit * (stop - start) for start, stop, unit, _ in self.pieces())]
        self._extra_sums = [0, *accumulate(extra * (stop - start) for start, stop, _, extra in self.pieces())]
        self._sums: dict[Day, tuple[int, int]] = {}
        self._due_days: dict[tuple[bool, Day, int], Day] = {}
        self._due_before: tuple[list[int], list[int]] | None = None
        self.totals = self.sums(after)

    def sums(self, day: Day) -> tuple[int, int]:
        """Return what was due before `day`: how often the amount, and what beside it; times the denominator."""
        found = self._sums.get(day)
        if found is None:
            day = min(max(day, self.starts[0]), self.after)
            at = bisect_right(self.starts, day) - 1
            days = day - self.starts[at]
            units = self._unit_sums[at] + self.units[at] * days
            extras = self._extra_sums[at] + self.extras[at] * days
            found = self._sums[day] = (units, extras)
        return found

    def pieces(self) -> Iterator[tuple[Day, Day, int, int]]:
        """Yield (first day, day after the last, units, extras) of each piece."""
        return zip(self.starts, self.stops, self.units, self.extras, strict=True)

    def cut(self, amount: int) -> Shape:
        """Return the same for one amount, with nothing less than 0 due on any day."""
        extras = [max(0, amount * unit + extra) for unit, extra in zip(self.units, self.extras, strict=True)]
        return Shape(self.starts, self.after, [0] * len(extras), extras, self.denominator)

    def nth_due_day(self, has_amount: bool, since: Day, count: int) -> Day:
        """Return the count-th day with something due from `since` on; DAWN for 0, NEVER if there is none."""
        key = (has_amount, since, count)
        found = self._due_days.get(key)
        if found is None:
            found = self._due_days[key] = self._nth_due_day(*key)
        return found

    def _nth_due_day(self, has_amount: bool, since: Day, count: int) -> Day:
        if count <= 0:
            return DAWN
        if self._due_before is None:
            self._due_before = self._days_due_before(0), self._days_due_before(1)
        before = self._due_before[has_amount]
        day = min(max(since, self.starts[0]), self.after)
        at = bisect_right(self.starts, day) - 1
        wanted = before[at] + min(day - self.starts[at], before[at + 1] - before[at]) + count
        at = bisect_left(before, wanted) - 1
        return self.starts[at] + wanted - before[at] - 1 if at < len(self.starts) else NEVER

    def _days_due_before(self, amount: int) -> list[int]:
        """Return how many days with something due there are before each piece, and before the end."""
        days = (stop - start if (unit and amount) or extra else 0 for start, stop, unit, extra in self.pieces())
        return [0, *accumulate(days)]


class Schedule:
    """What is due on each day of one account: a shape for an amount, in integers over a common denominator."""

    __slots__ = ("amount", "denominator", "shape", "total")

    def __init__(self, shape: Shape, amount: int) -> None:
        if amount <= shape.cut_up_to:
            shape, amount = shape.cut(amount), 0
        units, extras = shape.totals
        self.shape = shape
        self.amount = amount
        self.total = amount * units + extras  # T, times the denominator
        self.denominator = shape.denominator

    @property
    def starts(self) -> list[Day]:
        """The days on which another amount a day begins to be due."""
        return self.shape.starts

    @property
    def stops(self) -> list[Day]:
        """The days after the last of each such run of days."""
        return self.shape.stops

    @property
    def units(self) -> list[int]:
        """What is due on each day of each such run, times the denominator."""
        return [self.amount * unit + extra for unit, extra in zip(self.shape.units, self.shape.extras, strict=True)]

    def expected(self, day: Day) -> int:
        """Return E: what was due before `day`, times the denominator."""
        units, extras = self.shape.sums(day)
        return self.amount * units + extras

    def expected_run(self, start: Day, stop: Day) -> list[int]:
        """Return E of each of the days start..stop-1, times the denominator."""
        if stop - start <= FEW_DAYS:
            return [self.expected(day) for day in range(start, stop)]
        shape, amount = self.shape, self.amount
        run: list[int] = [0] * (min(stop, shape.starts[0]) - start)
        day = start + len(run)
        for _, end, units, extras in shape.pieces():
            if day < min(end, stop):
                due, value = amount * units + extras, self.expected(day)
                days = min(end, stop) - day
                run += range(value, value + due * days, due) if due else [value] * days
                day += days
        return run + [self.total] * (stop - day)

    def nth_due_day(self, since: Day, count: int) -> Day:
        """Return the count-th day with something due, counted from `since` on; DAWN for 0, NEVER if there is none."""
        return self.shape.nth_due_day(self.amount > 0, since, count)


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


_SINCE = attrgetter("since")  # of one day they may come in any order


def _weight_sum(weights: Steps[int], start: Day, stop: Day) -> int:
    return sum(weight * (end - begin) for begin, end, weight in weights.pieces(start, stop))


def _cuts(year: PlanYear, *changes: Iterable[Day]) -> list[Day]:
    days = {day for some in changes for day in some if year.first < day < year.after}
    return [year.first, *sorted(days)]


def base_shape(
    target: TargetSet,
    factors: Iterable[Factor],
    deltas: Iterable[Delta],
    active: Steps[bool],
    headcount: Steps[int],
) -> Shape:
    """Return t(x) of a target of 1 ("Arithmetic"): by weight, headcount and factors, plus deltas by weight."""
    year = plan_year(target.plan_year)
    weights = day_weights(target.weights, target.plan_year)
    heads: Steps[int] = headcount if target.per_worker else Steps(1, {})
    rises = sorted(factors, key=_SINCE)
    spread: list[tuple[Day, int, int]] = []
    for since, amount in sorted(deltas, key=_SINCE):
        weight = _weight_sum(weights, max(since, year.first), year.after)
        if weight:  # a delta that covers no weight has no effect
            spread.append((since, amount.numerator, amount.denominator * weight))
    plan_denominator = _weight_sum(weights, year.first, year.after) * prod(rise.factor.denominator for rise in rises)
    common = lcm(plan_denominator, *(denominator for _, _, denominator in spread))
    starts = _cuts(
        year,
        weights.starts,
        heads.starts,
        active.starts,
        (rise.since for rise in rises),
        (since for since, _, _ in spread),
    )
    scale, extra = common // _weight_sum(weights, year.first, year.after), 0
    units: list[int] = []
    extras: list[int] = []
    for day in starts:
        while rises and rises[0].since <= day:
            factor = rises.pop(0).factor
            scale = scale // factor.denominator * factor.numerator
        while spread and spread[0][0] <= day:
            _, part, whole = spread.pop(0)
            extra += part * (common // whole)
        weight = weights.on(day) if active.on(day) else 0
        units.append(weight * heads.on(day) * scale)
        extras.append(weight * extra)
    return Shape(starts, year.after, units, extras, common)


def levy_schedule(levy: LevyImposed, lifted_from: Day, active: Steps[bool], headcount: Steps[int]) -> Schedule:
    """Return t(x) of a levy: its amount spread evenly over from_day..due_day, 0 once lifted and where inactive."""
    year = plan_year(year_of(levy.from_day))
    heads: Steps[int] = headcount if levy.per_worker else Steps(1, {})
    stop = min(levy.due_day + 1, lifted_from)
    starts = _cuts(year, heads.starts, active.starts, (levy.from_day, stop))
    units = [heads.on(day) if levy.from_day <= day < stop and active.on(day) else 0 for day in starts]
    shape = Shape(starts, year.after, units, [0] * len(units), levy.due_day + 1 - levy.from_day)
    return Schedule(shape, levy.amount_minor)
