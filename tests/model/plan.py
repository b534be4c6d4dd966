"""What is asked of a group in a year under the decrees in force on one day, day by day."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from tests.model.known import ONE_DAY, Known, days_of

if TYPE_CHECKING:
    from tests.model.messages import Policy

CHANGING = {"target_adjusted", "headcount_changed", "suspended", "resumed", "group_closed"}
DEFAULTS = {
    "warning_below": Fraction("0.90"),
    "critical_below": Fraction("0.75"),
    "margin": Fraction("0.05"),
    "slack_days": 0,
    "for_days": 1,
    "grace_days": 30,
    "levy_grace_days": 7,
    "unreachable_factor": Fraction("2.0"),
    "unreachable_grace_days": 90,
    "silent_days": 35,
}


@dataclass(frozen=True, eq=False)
class Account:
    """What is due on each day of the year, for the base target or for one levy."""

    levy_id: str | None
    currency: str
    due: tuple[Fraction, ...]
    judged_from: date
    end: date
    lifted_from: date | None = None
    purpose: str | None = None

    @cached_property
    def _sums(self) -> list[Fraction]:
        return list(accumulate(self.due, initial=Fraction()))

    @property
    def total(self) -> Fraction:
        """T: what is due in the whole year."""
        return self._sums[-1]

    def expected(self, day: date) -> Fraction:
        """E: what was due by the start of this day."""
        passed = (day - date(self.end.year, 1, 1)).days
        return self._sums[min(max(passed, 0), len(self.due))]

    @cached_property
    def due_days(self) -> list[date]:
        """Days on which something is due, not before the account was known."""
        days = days_of(self.end.year)
        return [day for day, due in zip(days, self.due, strict=True) if due > 0 and day >= self.judged_from]

    def lifted(self, day: date) -> bool:
        """Whether the levy is lifted on or before this day."""
        return self.lifted_from is not None and self.lifted_from <= day


class Plan:
    """Everything decreed about one group and year, by those decrees."""

    def __init__(self, known: Known, group_id: str, year: int, decrees: tuple[Policy, ...]) -> None:
        self.known, self.group_id, self.year, self.decrees = known, group_id, year, decrees
        self.days = days_of(year)
        self._of: dict[tuple[str, ...], list[Policy]] = {}
        self._thresholds: dict[date, dict] = {}
        openings = [p for p in decrees if p.type == "group_opened" and p.says["group_id"] == group_id]
        self.region = max(openings, key=lambda p: p.by_issue).says["region"] if openings else None
        targets = sorted(self.of("target_set"), key=lambda p: p.by_issue)
        self.first_target = targets[0] if targets else None
        self.target = targets[-1] if targets else None

    def covers(self, scope: dict) -> bool:
        """Whether the group is in a scope."""
        if "region" in scope:
            return scope["region"] == self.region
        return scope.get("group_id", self.group_id) == self.group_id

    def touches(self, policy: Policy) -> bool:
        """Whether a policy names or covers the group, and this year where it has one."""
        says = policy.says
        year = says["from_day"].year if policy.type == "levy_imposed" else says.get("plan_year", self.year)
        if year != self.year:
            return False
        return self.covers(says["scope"]) if "scope" in says else says.get("group_id") == self.group_id

    def of(self, *types: str) -> list[Policy]:
        """List the decrees of these types that touch the account."""
        if types not in self._of:
            self._of[types] = [p for p in self.decrees if p.type in types and self.touches(p)]
        return self._of[types]

    def active(self, day: date) -> bool:
        """Whether the group is open on this day, and no suspension covers it."""
        moves = [p for p in self.of("group_opened", "group_closed") if p.own_day <= day]
        newest = max(moves, key=lambda p: p.rank) if moves else None
        opened = newest.type == "group_opened" if newest else not self.of("group_opened")
        return opened and not self._suspended(day)

    def _suspended(self, day: date) -> bool:
        for s in self.of("suspended"):
            if not s.says["from_day"] <= day <= s.says.get("until_day", date.max):
                continue
            resumptions = [p for p in self.of("resumed") if p.says["resumes"] == s.policy_id]
            if not any(p.says["effective_on"] <= day for p in resumptions):
                return True
        return False

    def headcount(self, day: date) -> int:
        """Workers on this day; 1 where nobody said."""
        said = [p for p in self.of("group_opened", "headcount_changed") if p.own_day <= day]
        return max(said, key=lambda p: p.rank).says["headcount"] if said else 1

    @cached_property
    def active_days(self) -> set[date]:
        """All active days of the year."""
        return {day for day in self.days if self.active(day)}

    def days_left(self, day: date) -> int:
        """Count the active days of the year from this day on."""
        return sum(1 for other in self.active_days if other >= day)

    @staticmethod
    def weight(target: Policy, day: date) -> Fraction | int:
        """w: 1 for linear, the month's weight over its days for monthly."""
        pace = target.says["pace"]
        if pace["kind"] == "linear":
            return 1
        return pace["weights"][day.month - 1] / monthrange(day.year, day.month)[1]

    def schedule(self, target: Policy) -> tuple[Fraction, ...]:
        """Spread the target: t for every day of the year under this target_set."""
        weights = {day: self.weight(target, day) for day in self.days}
        a_weight = target.says["amount"] / sum(weights.values())
        per_worker = target.says["basis"] == "per_worker"
        factors, deltas = [], []
        for p in self.of("target_adjusted"):
            covered = {d for d in self.days if p.says["applies"] == "whole_period" or d >= p.says["effective_on"]}
            if "factor" in p.says:
                factors.append((covered, p.says["factor"]))
                continue
            covered_weight = sum(weights[day] for day in covered)
            rate = self.known.rate(
                p.says["currency"], target.says["currency"], min(p.issued_on, p.says["effective_on"])
            )
            if covered_weight and rate is not None:
                deltas.append((covered, p.says["delta"] * rate / covered_weight))
        due = []
        for day in self.days:
            share = Fraction()
            if day in self.active_days:
                share = a_weight * weights[day] * (self.headcount(day) if per_worker else 1)
                for covered, factor in factors:
                    share *= factor if day in covered else 1
                for covered, per_weight in deltas:
                    share += per_weight * weights[day] if day in covered else 0
            due.append(max(Fraction(), share))
        return tuple(due)

    @cached_property
    def base(self) -> Account | None:
        """The base account, if there is a target."""
        if self.target is None:
            return None
        judged_from = max(self.days[0], self.first_target.issued_on)
        due = self.schedule(self.target)
        return Account(None, self.target.says["currency"], due, judged_from, self.days[-1])

    @cached_property
    def original(self) -> Account | None:
        """The plan as it was first set, in the currency of the target that holds; None without a target or a rate."""
        if self.target is None:
            return None
        first, currency = self.first_target, self.target.says["currency"]
        rate = self.known.rate(first.says["currency"], currency, self.target.issued_on)
        if rate is None:
            return None
        then = [p for p in self.known.in_force(first.issued_on) if p.type in CHANGING]
        decrees = tuple([p for p in self.decrees if p.type not in CHANGING] + then)
        due = Plan(self.known, self.group_id, self.year, decrees).schedule(first)
        return Account(None, currency, tuple(t * rate for t in due), self.days[0], self.days[-1])

    @cached_property
    def levies(self) -> dict[str, Account]:
        """The levies that hold for the group and year, by levy_id."""
        held = {p.says["levy_id"]: p for p in sorted(self.of("levy_imposed"), key=lambda p: p.by_issue)}
        return {levy_id: self._levy(held[levy_id]) for levy_id in sorted(held)}

    def _levy(self, imposed: Policy) -> Account:
        says = imposed.says
        liftings = [p for p in self.decrees if p.type == "levy_lifted" and p.says["levy_id"] == says["levy_id"]]
        last = max(liftings, key=lambda p: p.by_issue, default=None)
        lifted_from = last.says["effective_on"] if last and last.by_issue > imposed.by_issue else None
        per_day = says["amount"] / ((says["due_day"] - says["from_day"]).days + 1)
        due = [
            per_day * (self.headcount(day) if says["basis"] == "per_worker" else 1)
            if says["from_day"] <= day <= says["due_day"]
            and day in self.active_days
            and not (lifted_from and lifted_from <= day)
            else Fraction()
            for day in self.days
        ]
        judged_from = max(says["from_day"], imposed.issued_on)
        return Account(
            says["levy_id"], says["currency"], tuple(due), judged_from, says["due_day"], lifted_from, says["purpose"]
        )

    def account(self, levy_id: str | None) -> Account | None:
        """Find the base account, or a levy's; None where it doesn't hold."""
        return self.base if levy_id is None else self.levies.get(levy_id)

    def thresholds(self, day: date) -> dict:
        """Each threshold by itself: the newest rule that names it, or the default."""
        if day not in self._thresholds:
            self._thresholds[day] = self._thresholds_on(day)
        return self._thresholds[day]

    def _thresholds_on(self, day: date) -> dict:
        rules = sorted((p for p in self.of("alert_rules_set") if p.own_day <= day), key=lambda p: p.rank)
        found = dict(DEFAULTS)
        for rule in rules:
            found.update({name: rule.says[name] for name in DEFAULTS if name in rule.says})
        found["critical_below"] = min(found["critical_below"], found["warning_below"])
        return found


class Year:
    """The plans of one group and year as the days go by."""

    def __init__(self, known: Known, group_id: str, year: int) -> None:
        self.known, self.group_id, self.year = known, group_id, year
        self.last_day = date(year, 12, 31)
        self.day_after = self.last_day + ONE_DAY
        self._plans: dict[tuple, Plan] = {}  # by the decrees in force
        self._plan_on: dict[date, Plan] = {}
        self.walked: dict[date, list] = {}  # what the walk to a day found

    def plan(self, day: date) -> Plan:
        """Find the plan under the decrees in force on a day; the day after the year has those of its last day."""
        if day not in self._plan_on:
            decrees = self.known.in_force(min(day, self.last_day))
            if decrees not in self._plans:
                self._plans[decrees] = Plan(self.known, self.group_id, self.year, decrees)
            self._plan_on[day] = self._plans[decrees]
        return self._plan_on[day]

    def received(self, account: Account, until: date) -> Fraction:
        """R of an account in its currency."""
        return self.known.purse(self.group_id, self.year, account.levy_id, account.currency).received(until)

    def best(self, account: Account, before: date) -> Fraction:
        """Find the best 30 days of an account that ended before this day."""
        return self.known.purse(self.group_id, self.year, account.levy_id, account.currency).best(before)

    def levy_ids(self) -> list[str]:
        """Every levy that was ever imposed on anybody for this year."""
        imposed = [p for p in self.known.decrees if p.type == "levy_imposed"]
        return sorted({p.says["levy_id"] for p in imposed if p.says["from_day"].year == self.year})

    def remittances(self):
        """All unreversed money of the group and year."""
        return [r for r in self.known.remittances if r.group_id == self.group_id and r.day.year == self.year]
