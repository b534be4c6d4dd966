"""The census: how the groups of this worker stand, and what policies there are, as sums that are always up to date.

A group that is evaluated is taken out of the sums as it was and put in as it is, so that a scrape adds up nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.events import DAY_US, ExchangeRateSet, Revoked
from streams.core.years import DAWN, NEVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.core.book import Book
    from streams.core.events import Day, Policy

REGIONS = 50  # with series of their own: those with the most groups
OTHER_REGIONS = "_other"  # no region's name begins like this
ATTAINMENTS = (0.1, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.1, 1.25, 1.5, 2.0)
_NO_RATIO = -1
_MONEY = ("unconverted", "unassigned")

Status = dict[str, Any]  # a quota-status value
Waiting = tuple[tuple[str, str, Decimal], ...]  # (unconverted or unassigned, currency, how much)


class _Standing(NamedTuple):
    """What is counted of a group; groups that stand alike share one."""

    level: str | None  # None: no account of the running plan year
    region: str
    attainment: int  # the first of ATTAINMENTS that isn't below it
    episodes: tuple[tuple[str, str], ...]  # kind and severity of each that is open, of all years


_NOWHERE = _Standing(None, "", _NO_RATIO, ())


class Census:
    """How the groups at home in this worker's partitions stand."""

    def __init__(self, per_group: int = 0) -> None:
        """Keep what each of the first `per_group` groups has, too."""
        self._standings: dict[int, dict[str, _Standing]] = {}  # by home partition
        self._waiting: dict[int, dict[str, Waiting]] = {}  # only where there is any
        self._ahead: dict[int, dict[str, int]] = {}  # only where there is any
        self._shared: dict[_Standing, _Standing] = {}
        self._levels: Counter[tuple[str, str]] = Counter()
        self._attainments = [0] * (len(ATTAINMENTS) + 1)
        self._money: Counter[tuple[str, str]] = Counter()
        self.per_group = per_group
        self._groups: dict[str, tuple[str, str | None]] = {}  # level and attainment
        self.episodes: Counter[tuple[str, str]] = Counter()
        self.remittances_ahead = 0

    def note(
        self, partition: int, group_id: str, statuses: Mapping[int, Status], plan_year: int, ahead: int = 0
    ) -> None:
        """Take how a group stands now: its statuses by year, the running one, its remittances of days to come."""
        running = statuses.get(plan_year)
        standing = _standing_of(statuses, running)
        standing = self._shared.setdefault(standing, standing)
        at_home = self._standings.setdefault(partition, {})
        before = at_home.get(group_id, _NOWHERE)
        if standing is not before:
            self._count(before, -1)
            self._count(standing, +1)
            at_home[group_id] = standing
        self._note_waiting(partition, group_id, _waiting_of(statuses))
        self._note_ahead(partition, group_id, ahead)
        if self.per_group:
            self._note_group(group_id, running)

    def forget(self, partition: int) -> None:
        """Count the groups of a home partition no longer: another worker does."""
        for standing in self._standings.pop(partition, {}).values():
            self._count(standing, -1)
        for waiting in self._waiting.pop(partition, {}).values():
            self._count_money(waiting, -1)
        self.remittances_ahead -= sum(self._ahead.pop(partition, {}).values())
        mine = {group_id for at_home in self._standings.values() for group_id in at_home} if self._groups else set()
        self._groups = {group_id: shown for group_id, shown in self._groups.items() if group_id in mine}

    def _count(self, standing: _Standing, sign: int) -> None:
        if standing.level is not None:
            _add(self._levels, (standing.level, standing.region), sign)
        if standing.attainment != _NO_RATIO:
            self._attainments[standing.attainment] += sign
        for episode in standing.episodes:
            _add(self.episodes, episode, sign)

    def _count_money(self, waiting: Waiting, sign: int) -> None:
        for what, currency, amount in waiting:
            _add(self._money, (what, currency), sign * amount)

    def _note_waiting(self, partition: int, group_id: str, waiting: Waiting) -> None:
        held = self._waiting.setdefault(partition, {})
        before = held.pop(group_id, ())
        if before:
            self._count_money(before, -1)
        if waiting:
            self._count_money(waiting, +1)
            held[group_id] = waiting

    def _note_ahead(self, partition: int, group_id: str, ahead: int) -> None:
        held = self._ahead.setdefault(partition, {})
        self.remittances_ahead += ahead - held.pop(group_id, 0)
        if ahead:
            held[group_id] = ahead

    def _note_group(self, group_id: str, running: Status | None) -> None:
        if running is None:
            self._groups.pop(group_id, None)
        elif group_id in self._groups or len(self._groups) < self.per_group:
            self._groups[group_id] = running["level"], running["attainment_to_date"]

    # --- what the metrics show ---

    def groups(self) -> dict[tuple[str, str], int]:
        """Return how many groups there are by level and region; the smaller of many regions as one."""
        by_region: Counter[str] = Counter()
        for (_, region), count in self._levels.items():
            by_region[region] += count
        named = {region for region, _ in by_region.most_common(REGIONS)}
        found: Counter[tuple[str, str]] = Counter()
        for (level, region), count in self._levels.items():
            found[level, region if region in named else OTHER_REGIONS] += count
        return found

    def at_attainment(self) -> dict[tuple[str, ...], float]:
        """Return how many groups are at each attainment or below it, as histograms are shown."""
        bounds = [*map(str, ATTAINMENTS), "+Inf"]
        counts = 0
        found: dict[tuple[str, ...], float] = {}
        for bound, count in zip(bounds, self._attainments, strict=True):
            counts += count
            found[bound,] = float(counts)
        return found

    def money(self, what: str) -> dict[tuple[str, ...], float]:
        """Return the `unconverted` or the `unassigned` money, by currency."""
        return {(currency,): float(amount) for (of, currency), amount in self._money.items() if of == what}

    def of_each_group(self) -> dict[str, tuple[str, str | None]]:
        """Return the level and the attainment of each of the first groups."""
        return self._groups

    def left_out(self) -> int:
        """Return how many groups there are beyond those."""
        return self._levels.total() - len(self._groups)


def _standing_of(statuses: Mapping[int, Status], running: Status | None) -> _Standing:
    episodes = tuple(
        (episode["kind"], episode["severity"]) for status in statuses.values() for episode in status["open_episodes"]
    )
    if running is None:
        return _Standing(None, "", _NO_RATIO, episodes)
    ratio = running["attainment_to_date"]
    attainment = _NO_RATIO if ratio is None else bisect_left(ATTAINMENTS, float(ratio))
    return _Standing(running["level"], running["region"] or "", attainment, episodes)


def _waiting_of(statuses: Mapping[int, Status]) -> Waiting:
    found: list[tuple[str, str, Decimal]] = []
    for status in statuses.values():
        for what in _MONEY:
            if status[what]:
                found += [(what, currency, Decimal(amount)) for currency, amount in status[what].items()]
    return tuple(found)


def _add(counts: Counter[Any], key: tuple[str, str], number: Any) -> None:
    counts[key] += number
    if not counts[key]:
        del counts[key]


class PolicyCensus:
    """What policies there are."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._day: Day = DAWN  # the day that the counts speak of
        self._in_force: Counter[str] = Counter()
        self._to_come: defaultdict[Day, Counter[str]] = defaultdict(Counter)
        self.late = 0
        self.latest_seconds = 0.0
        self.early = 0

    def add(self, policy: Policy, arrived_ms: int) -> None:
        """Take a policy that the book holds now, and when it arrived by its record's timestamp."""
        self._shift(policy, DAWN, +1)
        if not isinstance(policy, Revoked):
            self._end(policy, self._book.revoked_on(policy.policy_id), NEVER)
        named = self._book.policy(policy.revokes) if isinstance(policy, Revoked) else None
        if named is not None and not isinstance(named, Revoked):
            others = (r.issued_day for r in self._book.revocations(named.policy_id) if r is not policy)
            self._end(named, policy.issued_day, min(others, default=NEVER))
        if not isinstance(policy, ExchangeRateSet):
            self._note_arrival(policy, arrived_ms)

    def _end(self, policy: Policy, day: Day, before: Day) -> None:
        """Let a policy end on a day on which it is revoked, where it was to end `before` (NEVER: not at all)."""
        if day < before:
            self._shift(policy, day, -1)
            if before != NEVER:
                self._shift(policy, before, +1)

    def _note_arrival(self, policy: Policy, arrived_ms: int) -> None:
        if arrived_ms <= 0:  # a producer's library that gives no timestamps
            return
        late_us = arrived_ms * 1000 - policy.issued_at_us
        if late_us > DAY_US:
            self.late += 1
            self.latest_seconds = max(self.latest_seconds, late_us / 1_000_000)
        elif late_us < -DAY_US:
            self.early += 1

    def _shift(self, policy: Policy, day: Day, number: int) -> None:
        """Count a policy from a day on, and not before its own: a decree's issue; a rate holds once it is known."""
        day = DAWN if isinstance(policy, ExchangeRateSet) else max(day, policy.issued_day)
        counts = self._in_force if day <= self._day else self._to_come[day]
        counts[_wire_name(type(policy).__name__)] += number

    def in_force(self, day: Day) -> dict[str, int]:
        """Return how many policies of each type are in force on a day; it doesn't go back."""
        if day > self._day:
            self._day = day
            for due in [due for due in self._to_come if due <= day]:
                self._in_force.update(self._to_come.pop(due))
        return {kind: count for kind, count in self._in_force.items() if count}


@cache
def _wire_name(kind: str) -> str:
    """Return the name on the wire of a type of policy, given that of its class."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()
