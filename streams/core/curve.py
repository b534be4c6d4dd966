"""R(x): what had come in by the end of each day, kept for the days on which anything came in.

Lives here: sums of money by day. Not here: which money belongs to which account (takings.py).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate, chain, repeat
from operator import sub
from typing import TYPE_CHECKING

from streams.core.years import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableSequence, Sequence

    from streams.core.events import Day

WINDOW_DAYS = 30

DaySum = tuple["Day", int, int]  # a day, what came in on it, and how many remittances that is


class Sums:
    """Amounts by day, and how many they are, each day's with those of all days before it."""

    __slots__ = ("counts", "days", "sums")

    def __init__(self, days: Iterable[Day] = (), amounts: Iterable[int] = (), counts: Iterable[int] = ()) -> None:
        """Take amounts above 0, of ascending days, and how many each of them is."""
        self.days: MutableSequence[Day] = array("i", days)
        self.sums: MutableSequence[int] = _held(list(accumulate(amounts)))
        held = array("I", accumulate(counts))
        #: None where they are one a day, as those of many groups are.
        self.counts = held if held and held[-1] > len(held) else None

    def add(self, day: Day, amount: int, how_many: int = 1) -> None:
        """Add an amount (or take it off) on a day; a day on which nothing is left is none."""
        days, sums = self.days, self.sums
        at = bisect_left(days, day)
        is_new = at == len(days) or days[at] != day
        if is_new:
            days.insert(at, day)
            sums.insert(at, sums[at - 1] if at else 0)
        self._count(at, how_many, is_new=is_new)
        try:
            for place in range(at, len(sums)):
                sums[place] += amount
        except OverflowError:
            sums = self.sums = [*sums[:place], *(value + amount for value in sums[place:])]
        if sums[at] == (sums[at - 1] if at else 0):
            del days[at], sums[at]
            if self.counts is not None:
                del self.counts[at]

    def add_all(self, came: Sequence[DaySum]) -> None:
        """Add amounts above 0 of ascending days, in one pass from the first of them on."""
        if len(came) == 1:
            self.add(*came[0])
            return
        at = bisect_left(self.days, came[0][0])
        later = self.days[at:]
        amounts = dict(zip(later, _parts(self.sums, at), strict=True))
        counts = dict(zip(later, repeat(1) if self.counts is None else _parts(self.counts, at), strict=False))
        for day, amount, how_many in came:
            amounts[day] = amounts.get(day, 0) + amount
            counts[day] = counts.get(day, 0) + how_many
        days = sorted(amounts)
        self.days[at:] = array("i", days)
        self.sums = _held([*self.sums[:at], *_whole(self.sums, at, [amounts[day] for day in days])])
        if self.counts is not None or len(counts) < sum(counts.values()):
            held = array("I", range(1, at + 1)) if self.counts is None else self.counts
            self.counts = array("I", [*held[:at], *_whole(held, at, [counts[day] for day in days])])

    def _count(self, at: int, how_many: int, *, is_new: bool) -> None:
        """Count amounts of the day at a place, which is new or was there."""
        if self.counts is None:
            if how_many < 0 or (is_new and how_many == 1):  # all there were, or one more: they are still one a day
                return
            self.counts = array("I", range(1, len(self.days) + (not is_new)))
        counts = self.counts
        if is_new:
            counts.insert(at, counts[at - 1] if at else 0)
        for place in range(at, len(counts)):
            counts[place] += how_many

    def by(self, day: Day) -> int:
        """Return the amounts of days <= `day`."""
        at = bisect_right(self.days, day)
        return self.sums[at - 1] if at else 0

    def count_by(self, day: Day) -> int:
        """Return how many amounts have a day <= `day`."""
        at = bisect_right(self.days, day)
        return self.counts[at - 1] if self.counts is not None and at else at

    def by_day(self) -> Iterator[tuple[Day, int]]:
        """Yield (day, its amount), ascending."""
        before = 0
        for day, amount in zip(self.days, self.sums, strict=True):
            yield day, amount - before
            before = amount


class Curve:
    """R(x) of one account in one currency, in minor units."""

    __slots__ = ("_days", "_first", "_known_best", "_sums")

    def __init__(self, first: Day, sums: Sums) -> None:
        """Take the year's first day and what came in on days of the year."""
        self._first = first
        self._days: Sequence[Day] = sums.days
        self._sums: Sequence[int] = sums.sums
        self._known_best: Sequence[int] | None = None  # in one sequence, for there are many: days, then as many sums

    def by(self, day: Day) -> int:
        """Return R(day)."""
        at = bisect_right(self._days, day)
        return self._sums[at - 1] if at else 0

    def by_run(self, start: Day, stop: Day) -> list[int]:
        """Return R(x) for the days start..stop-1."""
        return _run(self._days, self._sums, start, stop)

    def day_reaching(self, amount: int) -> Day:
        """Return the first day x with R(x) >= amount; NEVER if there is none."""
        if amount <= 0:
            return self._first - 1
        at = bisect_left(self._sums, amount)
        return self._days[at] if at < len(self._days) else NEVER

    @property
    def _best(self) -> tuple[Sequence[int], int]:
        """The last days of 30 running in which more came in than in any before them, then how much; and how many."""
        if self._known_best is not None:
            return self._known_best, len(self._known_best) // 2
        first = self._first + WINDOW_DAYS - 1
        most = self.by(first)
        ends, best = [first], [most]
        days, sums = list(self._days), list(self._sums)
        before, gone = 0, 0  # how many days are before those 30, and what came in on them
        # No other day ends better ones: nothing came in on it, so those that end a day earlier have as much.
        for at in range(bisect_right(days, first), len(days)):
            while days[before] <= days[at] - WINDOW_DAYS:
                gone = sums[before]
                before += 1
            if sums[at] - gone > most:
                most = sums[at] - gone
                ends.append(days[at])
                best.append(most)
        self._known_best = _held(ends + best)
        return self._known_best, len(ends)

    @property
    def best_from(self) -> Day:
        """The first day with a `best_before` above 0; NEVER if there is none."""
        best, count = self._best
        return next((best[at] + 1 for at in range(count) if best[count + at]), NEVER)

    def best_before(self, day: Day) -> int:
        """Return the most that came in over 30 days running, of the year and before `day`; 0 if there are none."""
        best, count = self._best
        at = bisect_left(best, day, 0, count)
        return best[count + at - 1] if at else 0

    def newest_before(self, day: Day) -> int:
        """Return what came in over the last 30 days before `day`; 0 where they are not all of the year."""
        start = day - WINDOW_DAYS
        return self.by(day - 1) - self.by(start - 1) if start >= self._first else 0

    def best_run(self, start: Day, stop: Day) -> list[int]:
        """Return `best_before` of the days start..stop-1."""
        best, count = self._best
        return _run(best[:count], best[count:], start - 1, stop - 1)


def _parts(sums: Sequence[int], at: int) -> Iterable[int]:
    """Return what each sum from a place on adds to the one before it."""
    return map(sub, sums[at:], [sums[at - 1] if at else 0, *sums[at:-1]])


def _whole(sums: Sequence[int], at: int, parts: Iterable[int]) -> list[int]:
    """Return the sums that parts come to on top of the sum before a place."""
    return list(accumulate(parts, initial=sums[at - 1] if at else 0))[1:]


def _held(amounts: list[int]) -> MutableSequence[int]:
    """Return amounts as they are kept, for there are many: a list only where one is past 64 bits."""
    try:
        return array("q", amounts)
    except OverflowError:
        return amounts


def _run(days: Sequence[Day], values: Sequence[int], start: Day, stop: Day) -> list[int]:
    """Return, for the days start..stop-1, the value of the last of some days that has come by then; 0 before them."""
    at, after = bisect_right(days, start), bisect_left(days, stop)
    value = values[at - 1] if at else 0
    if at >= after:
        return [value] * (stop - start)
    starts = [start, *days[at:after]]
    stops = [*days[at:after], stop]
    return list(chain.from_iterable(map(repeat, [value, *values[at:after]], map(sub, stops, starts))))
