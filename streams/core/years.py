"""The calendar of plan years, and functions of a day that change only now and then.

Lives here: year bounds, months, `Steps`. Not here: what the steps mean (activity, headcount, weights).
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.core.events import Day

T = TypeVar("T")

DAWN: Day = 0  # before every day that a message can name
NEVER: Day = 10**8  # after every day that a message can name


class PlanYear(NamedTuple):
    """A calendar year: its number, its first day, and the first day after it."""

    year: int
    first: Day
    after: Day

    @property
    def days(self) -> int:
        """How many days the year has."""
        return self.after - self.first

    def reached(self, day: Day) -> Day:
        """Return d for a day reached: that day, or the first day after the year, whichever is earlier."""
        return min(day, self.after)

    def decree_day(self, day: Day) -> Day:
        """Return the day whose decrees are in force on `day`: a closed year keeps those of its last day."""
        return min(day, self.after - 1)


@lru_cache(maxsize=128)
def plan_year(year: int) -> PlanYear:
    """Return the bounds of a plan year."""
    return PlanYear(year, date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())


@lru_cache(maxsize=128)
def month_starts(year: int) -> tuple[Day, ...]:
    """Return the first days of the year's months, and of the January after it (13 days)."""
    return (*(date(year, month, 1).toordinal() for month in range(1, 13)), plan_year(year).after)


@lru_cache(maxsize=4096)
def year_of(day: Day) -> int:
    """Return the plan year that a day lies in."""
    return date.fromordinal(day).year


@lru_cache(maxsize=4096)
def day_text(day: Day) -> str:
    """Return a day as it stands in messages, `2026-06-01`."""
    return date.fromordinal(day).isoformat()


@lru_cache(maxsize=4096)
def day_from_text(text: str) -> Day:
    """Return the day that `day_text` wrote."""
    return date.fromisoformat(text).toordinal()


class Steps(Generic[T]):
    """A function of the day that is constant between a few days on which it changes."""

    __slots__ = ("__weakref__", "starts", "values")

    def __init__(self, before: T, changes: Mapping[Day, T]) -> None:
        """Start as `before`; from each key of `changes` on it has that value."""
        self.starts = [DAWN]
        self.values = [before]
        for day in sorted(changes):
            if changes[day] != self.values[-1]:
                self.starts.append(day)
                self.values.append(changes[day])

    @property
    def key(self) -> tuple[tuple[Day, ...], tuple[T, ...]]:
        """What equal functions share."""
        return tuple(self.starts), tuple(self.values)

    def on(self, day: Day) -> T:
        """Return the value on a day."""
        return self.values[bisect_right(self.starts, day) - 1]

    def pieces(self, start: Day, stop: Day) -> Iterator[tuple[Day, Day, T]]:
        """Yield (first day, day after the last, value) for the days start..stop-1, in order."""
        at = bisect_right(self.starts, start) - 1
        while start < stop:
            end = min(self.starts[at + 1], stop) if at + 1 < len(self.starts) else stop
            yield start, end, self.values[at]
            start, at = end, at + 1
