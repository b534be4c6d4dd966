"""The money that came in: the unreversed remittances of one group and plan year, and the curves R(x) of them.

Lives here: per-day sums kept as money comes and goes, booking of foreign money, R(x), the best 30 days. Not here:
which remittances are unreversed (ledger.py), and what R is judged against (judgements.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import accumulate
from operator import sub
from typing import TYPE_CHECKING, NamedTuple

from streams.core.money import round_half_even
from streams.core.years import NEVER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from streams.core.events import Day
    from streams.core.rates import Rates
    from streams.core.years import PlanYear

WINDOW_DAYS = 30


class Purse(NamedTuple):
    """Which money: of one currency, without a levy or earmarked for one."""

    currency: str
    levy_id: str | None


class Entry(NamedTuple):
    """One remittance."""

    day: Day
    amount_minor: int
    purse: Purse


class AccountMoney(ABC):
    """The unreversed remittances of one group and plan year, as sums by day; where the single ones are is open."""

    def __init__(self) -> None:
        self._sums: dict[Purse, dict[Day, int]] = {}
        self._counts: dict[Day, int] = {}
        # Foreign money is booked one by one; the sums of a day are kept until the day or the rates change.
        self._booked: dict[tuple[Purse, str], tuple[object, dict[Day, int | None]]] = {}
        self._curves: dict[tuple[str | None, str], tuple[object, Curve]] = {}  # until money or the rates change
        #: Grows with each remittance that comes or goes.
        self.version = 0
        self._changes: list[tuple[int, Day]] = []  # (version after it, its day), less what a later, earlier day hides

    @abstractmethod
    def entries(self, day: Day | None = None, purse: Purse | None = None) -> list[tuple[bytes, Entry]]:
        """Return (event_id, remittance) of all of them, or those of a day or a kind, by day and event_id."""

    def __len__(self) -> int:
        return sum(self._counts.values())

    def count(self, purse: Purse, day: Day, amount_minor: int, how_many: int = 1) -> None:
        """Count remittances of a day of the year, which come to an amount."""
        sums = self._sums.setdefault(purse, {})
        sums[day] = sums.get(day, 0) + amount_minor
        self._counts[day] = self._counts.get(day, 0) + how_many
        self._changed(purse, day)

    def discount(self, entry: Entry) -> None:
        """Count a remittance no longer."""
        self._counts[entry.day] -= 1
        if not self._counts[entry.day]:
            del self._counts[entry.day]
        sums = self._sums[entry.purse]
        sums[entry.day] -= entry.amount_minor
        if not sums[entry.day]:  # amounts are positive: nothing is left of that day
            del sums[entry.day]
        if not sums:
            del self._sums[entry.purse]
        self._changed(entry.purse, entry.day)

    def changed_from(self, version: int) -> Day:
        """Return the first day on which money came or went since a version; NEVER if there is none."""
        at = bisect_right(self._changes, (version, NEVER))
        return self._changes[at][1] if at < len(self._changes) else NEVER

    def _changed(self, purse: Purse, day: Day) -> None:
        self.version += 1
        while self._changes and self._changes[-1][1] >= day:
            self._changes.pop()
        self._changes.append((self.version, day))
        for key in [key for key in self._curves if key[0] == purse.levy_id]:
            del self._curves[key]
        for (booked, _), (_, days) in self._booked.items():
            if booked == purse:
                days.pop(day, None)

    def paid_days(self) -> list[Day]:
        """Return, ascending, the days with any remittance."""
        return sorted(self._counts)

    def count_by(self, day: Day) -> int:
        """Return how many remittances have a day <= `day`."""
        return sum(count for on, count in self._counts.items() if on <= day)

    def of_day(self, day: Day) -> list[tuple[bytes, Purse]]:
        """Return (event_id, kind of money) of a day's remittances, by event_id."""
        return [(event_id, entry.purse) for event_id, entry in self.entries(day=day)] if day in self._counts else []

    def purses(self) -> list[Purse]:
        """Return which kinds of money there are."""
        return list(self._sums)

    def day_sums(self, purse: Purse) -> dict[Day, int]:
        """Return the sums of one kind of money, by day, in minor units of its own currency."""
        return self._sums.get(purse, {})

    def booked(self, purse: Purse, currency: str, rates: Rates) -> Mapping[Day, int | None]:
        """Return the sums of one kind of money, by day, each remittance booked at its own day's rate.

        Minor units of `currency`; None for the days without a rate ("Arithmetic": R(d)).
        """
        if purse.currency == currency:
            return self.day_sums(purse)
        version, days = self._booked.get((purse, currency), (None, {}))
        if version is not rates.version:
            days = {}
            self._booked[purse, currency] = rates.version, days
        missing = self.day_sums(purse).keys() - days.keys()
        if missing:
            self._book(purse, currency, missing, days, rates)
        return days

    def curve(self, levy_id: str | None, currency: str, year: PlanYear, rates: Rates) -> Curve:
        """Return R(x) of the base account (levy_id None) or of a levy's, booked in a currency."""
        version, curve = self._curves.get((levy_id, currency), (None, None))
        if curve is None or version is not rates.version:
            curve = Curve(year, self._in(levy_id, currency, rates))
            self._curves[levy_id, currency] = rates.version, curve
        return curve

    def _in(self, levy_id: str | None, currency: str, rates: Rates) -> Iterator[tuple[Day, int]]:
        for purse in self._sums:
            if purse.levy_id == levy_id:
                for day, amount in self.booked(purse, currency, rates).items():
                    if amount is not None:
                        yield day, amount

    def _book(
        self, purse: Purse, currency: str, missing: Collection[Day], days: dict[Day, int | None], rates: Rates
    ) -> None:
        """Book the remittances of the missing days, each rounded by itself."""
        for day in missing:
            days[day] = None if rates.minor_rate(purse.currency, currency, day) is None else 0
        one = next(iter(missing)) if len(missing) == 1 else None
        for _, entry in self.entries(day=one, purse=purse):
            sofar = days[entry.day]
            if entry.day in missing and sofar is not None:
                rate = rates.minor_rate(purse.currency, currency, entry.day)
                assert rate is not None
                days[entry.day] = sofar + round_half_even(entry.amount_minor * rate.numerator, rate.denominator)


class HeldMoney(AccountMoney):
    """The same with every remittance in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[bytes, Entry] = {}

    def entries(self, day: Day | None = None, purse: Purse | None = None) -> list[tuple[bytes, Entry]]:
        """Return (event_id, remittance) of all of them, or those of a day or a kind, by day and event_id."""
        found = [
            (event_id, entry)
            for event_id, entry in self._entries.items()
            if day in {None, entry.day} and purse in {None, entry.purse}
        ]
        return sorted(found, key=lambda row: (row[1].day, row[0]))

    def add(self, event_id: bytes, day: Day, amount_minor: int, currency: str, levy_id: str | None) -> None:
        """Count a remittance of the year, which is not counted yet."""
        self._entries[event_id] = Entry(day, amount_minor, Purse(currency, levy_id))
        self.count(Purse(currency, levy_id), day, amount_minor)

    def remove(self, event_id: bytes) -> Entry:
        """Take a remittance out that is counted (KeyError if it is not), and return it: a reversal names it."""
        entry = self._entries.pop(event_id)
        self.discount(entry)
        return entry


class Curve:
    """R(x) of one account in one currency: what had come in by the end of each day, in minor units."""

    def __init__(self, year: PlanYear, sums: Iterator[tuple[Day, int]]) -> None:
        """Take (day, minor units) of days in the year."""
        self._first = year.first
        daily = [0] * (year.days + 2)
        for day, amount in sums:
            daily[day - year.first + 1] += amount
        self.sums = list(accumulate(daily))  # sums[i] is R of the day before the year's i-th (from 0)

    def by(self, day: Day) -> int:
        """Return R(day); 0 before the year, all of the year after it."""
        return self.sums[min(max(day - self._first + 1, 0), len(self.sums) - 1)]

    def before_run(self, start: Day, stop: Day) -> list[int]:
        """Return R(x - 1) for the days start..stop-1 of the year, or the first after it."""
        return self.sums[start - self._first : stop - self._first]

    def by_run(self, start: Day, stop: Day) -> list[int]:
        """Return R(x) for the days start..stop-1 of the year, or the first after it."""
        return self.sums[start - self._first + 1 : stop - self._first + 1]

    def day_reaching(self, amount: int) -> Day:
        """Return the first day x with R(x) >= amount; a day after the year's end if there is none."""
        return self._first + bisect_left(self.sums, amount) - 1

    @cached_property
    def _best(self) -> list[int]:
        """By i, the most that came in over 30 days running within the year's first 30 + i days."""
        return list(accumulate(map(sub, self.sums[WINDOW_DAYS:], self.sums), max))

    def best_before(self, day: Day) -> int:
        """Return the most that came in over 30 days running, of the year and before `day`; 0 if there are none."""
        at = day - self._first - WINDOW_DAYS
        return self._best[at] if at >= 0 else 0

    def best_run(self, start: Day, stop: Day) -> list[int]:
        """Return `best_before` of the days start..stop-1."""
        at = start - self._first - WINDOW_DAYS
        return [0] * min(-at, stop - start) + self._best[max(at, 0) : max(at + stop - start, 0)]
