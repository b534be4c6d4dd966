"""The money that came in: the unreversed remittances of one group and plan year.

Lives here: sums by day kept as money comes and goes, booking of foreign money, which money is in which curve R(x).
Not here: which remittances are unreversed (ledger.py), and what R is judged against (judgements.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from streams.core.changes import Changes
from streams.core.curve import Curve, Sums
from streams.core.money import round_half_even
from streams.core.years import NEVER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from streams.core.curve import DaySum
    from streams.core.events import Day
    from streams.core.headroom import Headroom
    from streams.core.history import Episode, Known
    from streams.core.rates import Rates
    from streams.core.years import PlanYear


class Purse(NamedTuple):
    """Which money: of one currency, without a levy or earmarked for one."""

    currency: str
    levy_id: str | None


_Sums = tuple[tuple[Purse, Sums], ...]


class _HeldCurve(NamedTuple):
    """R(x) of an account, and of what it was made."""

    currency: str
    rates: object  # their version
    curve: Curve


class Entry(NamedTuple):
    """One remittance."""

    day: Day
    amount_minor: int
    purse: Purse


class AccountMoney(ABC):
    """The unreversed remittances of one group and plan year, as sums by day; where the single ones are is open."""

    __slots__ = (
        "_base_curve", "_booked", "_changes", "_earmarked", "_lessened", "_levy_curves", "_sums",
        "headroom", "known", "told", "told_by", "version",
    )  # fmt: skip

    def __init__(self) -> None:
        self._sums: _Sums = ()  # of what is not earmarked
        self._earmarked: dict[str, _Sums] | None = None  # by levy_id; most groups have none
        # Foreign money is booked one by one; the sums of a day are kept until the day or the rates change.
        self._booked: dict[Purse, dict[str, tuple[object, dict[Day, int | None]]]] | None = None
        # Each until its money or the rates change.
        self._base_curve: _HeldCurve | None = None
        self._levy_curves: dict[str, _HeldCurve] | None = None
        #: Grows whenever remittances come or one goes.
        self.version = 0
        self._changes: Changes | None = None  # since it was looked at first
        self._lessened = 0  # the version after the last remittance that went
        #: What the last evaluation of the account found; it goes where the money goes.
        self.known: Known | None = None
        #: How much may come in before an episode that is open may move, where anybody asked.
        self.headroom: Headroom | None = None
        #: The episodes that were told, and who told them.
        self.told: tuple[Episode, ...] | None = None
        self.told_by: object = None

    @abstractmethod
    def entries(self, day: Day | None = None, purse: Purse | None = None) -> list[tuple[bytes, Entry]]:
        """Return (event_id, remittance) of all of them, or those of a day or a kind, by day and event_id."""

    def __len__(self) -> int:
        return self.count_by(NEVER)

    def begin(self, purse: Purse, days: Sequence[Day], amounts: Iterable[int], counts: Iterable[int]) -> None:
        """Count all that there is of a kind of money, by ascending day, before anybody has looked."""
        self._put(purse.levy_id, (*self._of(purse.levy_id), (purse, Sums(days, amounts, counts))))

    def count(self, purse: Purse, came: Sequence[DaySum]) -> None:
        """Count remittances of ascending days of the year."""
        held = self._find(purse)
        if held is None:
            held = Sums()
            self._put(purse.levy_id, (*self._of(purse.levy_id), (purse, held)))
        held.add_all(came)
        self._changed(purse, [day for day, _, _ in came])

    def discount(self, entry: Entry) -> None:
        """Count a remittance no longer."""
        held = self._find(entry.purse)
        assert held is not None
        held.add(entry.day, -entry.amount_minor, -1)
        if not held.days:
            self._put(entry.purse.levy_id, tuple(x for x in self._of(entry.purse.levy_id) if x[1] is not held))
        self._changed(entry.purse, [entry.day])
        self._lessened = self.version
        self.headroom = None

    def _of(self, levy_id: str | None) -> _Sums:
        if levy_id is None:
            return self._sums
        return self._earmarked.get(levy_id, ()) if self._earmarked else ()

    def _all(self) -> Iterator[Sums]:
        for _, sums in self._sums:
            yield sums
        for earmarked in (self._earmarked or {}).values():
            for _, sums in earmarked:
                yield sums

    def _put(self, levy_id: str | None, sums: _Sums) -> None:
        if levy_id is None:
            self._sums = sums
            return
        if self._earmarked is None:
            self._earmarked = {}
        if sums:
            self._earmarked[levy_id] = sums
        else:
            del self._earmarked[levy_id]

    def _find(self, purse: Purse) -> Sums | None:
        for one, sums in self._of(purse.levy_id):
            if one == purse:
                return sums
        return None

    def changed_from(self, version: int) -> Day:
        """Return the first day on which money came or went since a version; NEVER if there is none."""
        return NEVER if self._changes is None else self._changes.since(version)

    def may_move_episodes(self) -> bool:
        """Tell whether what came in since `known` may move an episode, if the day and the decrees are still those.

        False is certain. More money opens nothing, unless it is the first and the days after it are judged already;
        it moves what is open only past its headroom. What is not known of the account is taken to move.
        """
        known = self.known
        if known is None or self._lessened > known.money:
            return True
        if self.version == known.money:
            return False
        since = self.changed_from(known.money)
        is_late = since < known.day
        if is_late and (since <= known.last_moved or not any(sums.by(since - 1) for _, sums in self._sums)):
            return True
        if not known.open:
            return False
        room = self.headroom
        if room is None or room.is_stale(known) or since < room.day:
            return True
        return room.is_passed((purse.currency, sums.by(room.day)) for purse, sums in self._sums)

    def settle(self) -> None:
        """Forget when what is here came: nobody has looked yet."""
        self._changes = None

    def _changed(self, purse: Purse, days: Sequence[Day]) -> None:
        """Note that something came or went on ascending days."""
        self.version += 1
        if self._changes is None:
            self._changes = Changes()
        self._changes.add(self.version, days[0])
        self._keep_curve(purse.levy_id, None)
        if self.headroom is not None and days[0] < self.headroom.day:
            self.headroom = None
        if self._booked is not None:
            for _, booked in self._booked.get(purse, {}).values():
                for day in days:
                    booked.pop(day, None)

    def paid_days(self) -> Sequence[Day]:
        """Return, ascending, the days with any remittance."""
        held = list(self._all())
        return held[0].days if len(held) == 1 else sorted(set(chain.from_iterable(sums.days for sums in held)))

    def count_by(self, day: Day) -> int:
        """Return how many remittances have a day <= `day`."""
        return sum(sums.count_by(day) for sums in self._all())

    def of_day(self, day: Day) -> list[tuple[bytes, Purse]]:
        """Return (event_id, kind of money) of a day's remittances, by event_id."""
        if self.count_by(day) == self.count_by(day - 1):
            return []
        return [(event_id, entry.purse) for event_id, entry in self.entries(day=day)]

    def purses(self, levy_id: str | None) -> list[Purse]:
        """Return which kinds of money there are without a levy (levy_id None), or earmarked for one."""
        return [purse for purse, _ in self._of(levy_id)]

    def earmarks(self) -> Collection[str]:
        """Return the levies for which money is earmarked."""
        return self._earmarked or ()

    def first_day(self, purse: Purse) -> Day:
        """Return the first day with one kind of money; NEVER if there is none."""
        held = self._find(purse)
        return NEVER if held is None else held.days[0]

    def day_sums(self, purse: Purse) -> dict[Day, int]:
        """Return the sums of one kind of money, by day, in minor units of its own currency."""
        held = self._find(purse)
        return {} if held is None else dict(held.by_day())

    def booked(self, purse: Purse, currency: str, rates: Rates) -> Mapping[Day, int | None]:
        """Return the sums of one kind of money, by day, each remittance booked at its own day's rate.

        Minor units of `currency`; None for the days without a rate ("Arithmetic": R(d)).
        """
        if purse.currency == currency:
            return self.day_sums(purse)
        if self._booked is None:
            self._booked = {}
        booked = self._booked.setdefault(purse, {})
        version, days = booked.get(currency, (None, {}))
        if version is not rates.version:
            days = {}
            booked[currency] = rates.version, days
        held = self._find(purse)
        missing = set() if held is None else set(held.days) - days.keys()
        if missing:
            self._book(purse, currency, missing, days, rates)
        return days

    def curve(self, levy_id: str | None, currency: str, year: PlanYear, rates: Rates) -> Curve:
        """Return R(x) of the base account (levy_id None) or of a levy's, booked in a currency."""
        held = self._base_curve if levy_id is None else (self._levy_curves or {}).get(levy_id)
        if held is None or held.currency != currency or held.rates is not rates.version:
            held = _HeldCurve(currency, rates.version, Curve(year.first, self._in(levy_id, currency, rates)))
            self._keep_curve(levy_id, held)
        return held.curve

    def _keep_curve(self, levy_id: str | None, held: _HeldCurve | None) -> None:
        if levy_id is None:
            self._base_curve = held
        elif held is not None:
            self._levy_curves = self._levy_curves or {}
            self._levy_curves[levy_id] = held
        elif self._levy_curves:
            self._levy_curves.pop(levy_id, None)

    def _in(self, levy_id: str | None, currency: str, rates: Rates) -> Sums:
        mine = self._of(levy_id)
        if len(mine) == 1 and mine[0][0].currency == currency:
            return mine[0][1]
        total = Sums()
        for purse, _ in mine:
            for day, amount in self.booked(purse, currency, rates).items():
                if amount:
                    total.add(day, amount)
        return total

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

    __slots__ = ("_entries",)

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
        self.count(Purse(currency, levy_id), [(day, amount_minor, 1)])

    def remove(self, event_id: bytes) -> Entry:
        """Take a remittance out that is counted (KeyError if it is not), and return it: a reversal names it."""
        entry = self._entries.pop(event_id)
        self.discount(entry)
        return entry
