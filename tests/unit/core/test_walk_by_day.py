"""The walk that jumps, held against one that goes day by day in fractions, as DESIGN's table reads."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest

from streams.core.account import evaluate
from streams.core.view import AccountView
from tests.unit.core.making import GROUP, book_of, day, money_of, opened, random_money, random_policies, seeds, target

if TYPE_CHECKING:
    from streams.core.plan import Claim
    from streams.core.schedule import Schedule

FIRST, AFTER = day("2026-01-01"), day("2027-01-01")


class Plain:
    """One account, one kind, judged day by day."""

    def __init__(self, view: AccountView, levy_id: str | None) -> None:
        self.view, self.levy_id = view, levy_id
        self._judged: dict[int, dict[str, object]] = {}
        self._due: dict[Schedule, list[Fraction]] = {}
        self._sums: dict[Schedule, list[Fraction]] = {}
        self._windows: dict[str, list[Fraction]] = {}

    def claim(self, x: int) -> Claim | None:
        """Return what is asked on a day, under its own decrees."""
        return self.view.timeline.regime_on(x).claim(self.levy_id)

    def due(self, x: int) -> list[Fraction]:
        """Return t(x) of each day of the year, from the pieces."""
        schedule = self.claim(x).schedule
        if schedule in self._due:
            return self._due[schedule]
        days: list[Fraction] = []
        for start, stop, unit in zip(schedule.starts, schedule.stops, schedule.units, strict=True):
            days += [Fraction(unit, schedule.denominator)] * (stop - start)
        assert len(days) == AFTER - FIRST
        self._due[schedule] = days
        return days

    def passed(self, x: int) -> list[Fraction]:
        """Return what is due by the start of each day of the year, and by its end."""
        schedule = self.claim(x).schedule
        if schedule not in self._sums:
            self._sums[schedule] = list(accumulate(self.due(x), initial=Fraction(0)))
        return self._sums[schedule]

    def best(self, currency: str, x: int) -> Fraction:
        """Return the highest average of 30 days running that end before x."""
        if currency not in self._windows:
            curve = self.view.curve(self.levy_id, currency)
            windows = [curve.by(y) - curve.by(y - 30) for y in range(FIRST + 29, AFTER + 1)]
            self._windows[currency] = list(accumulate(windows, max))
        ended = x - FIRST - 30
        return Fraction(self._windows[currency][ended], 30) if ended >= 0 else Fraction(0)

    def judge(self, x: int) -> dict[str, object]:
        """Return all that the table asks of day x."""
        if x not in self._judged:
            self._judged[x] = self._judge(x)
        return self._judged[x]

    def _judge(self, x: int) -> dict[str, object]:
        claim = self.claim(x)
        if claim is None:
            return {"T": 0, "alive_late": False}
        rules = self.view.timeline.thresholds_on(x)
        due, passed_by = self.due(x), self.passed(x)
        curve = self.view.curve(self.levy_id, claim.currency)
        total = passed_by[-1]
        before, now = curve.by(x - 1), curve.by(x)
        slacked = passed_by[max(0, x - FIRST - rules.slack_days)]
        due_days = [FIRST + i for i, t in enumerate(due) if t > 0 and FIRST + i >= claim.judged_from]
        active = self.view.timeline.regime_on(x).activity
        left = sum(active.on(y) for y in range(x, AFTER))
        best, best_now = self.best(claim.currency, x), self.best(claim.currency, x + 1)
        per_day = (max(Fraction(0), total - r) / max(30, left) for r in (before, now))
        last_paid = max((y for y in self.view.paid_days if y < x), default=0)
        within = total > 0 and x <= claim.end and active.on(x) and x < claim.lifted_from
        needed, needed_now = per_day
        grace = rules.grace_days if self.levy_id is None else rules.levy_grace_days
        passed = sum(y < x for y in due_days)
        critical = min(rules.critical_below, rules.warning_below)
        return {
            "T": total,
            "alive_late": total > 0 and x > claim.end and x < claim.lifted_from,
            "alive": within,
            "alive_due": within and slacked > 0,
            "behind": slacked > 0 and passed >= grace and before < rules.warning_below * slacked,
            "critical": before < critical * slacked,
            "eased": now >= (critical + rules.margin) * slacked,
            "recovered": now >= min(1, rules.warning_below + rules.margin) * slacked,
            "for_days": rules.for_days,
            "unreachable": passed >= rules.unreachable_grace_days
            and best > 0
            and needed > rules.unreachable_factor * best,
            "reachable": needed_now <= Fraction(9, 10) * rules.unreachable_factor * best_now,
            "silent": before < total and sum(last_paid < y < x for y in due_days) >= rules.silent_days,
            "heard": x in self.view.paid_days or now >= total,
            "unmet": before < total,
            "met": now >= total,
        }


TABLE = {
    "behind_pace": ("alive_due", "behind", "recovered"),
    "levy_behind": ("alive_due", "behind", "recovered"),
    "unreachable": ("alive", "unreachable", "reachable"),
    "silent": ("alive", "silent", "heard"),
    "missed": ("alive_late", "unmet", "met"),
}


def plain_histories(plain: Plain, kind: str, d: int) -> list[list[tuple[int, str, str]]]:
    """Walk day by day."""
    alive, opens, closes = TABLE[kind]
    two_levels = kind in {"behind_pace", "levy_behind"}
    found: list[list[tuple[int, str, str]]] = []
    current: list[tuple[int, str, str]] | None = None
    run = 0
    was = None
    for x in range(FIRST, d + 1):
        judged = plain.judge(x)
        claim = plain.claim(x)
        asked = (judged["T"], claim.currency if claim else None)
        may = bool(judged.get(alive))
        run = run + 1 if may and judged[opens] else 0
        long_enough = run >= (judged["for_days"] if two_levels else 1) if may else False
        if current is not None and not may:
            current.append((x, "lapsed", current[-1][2]))
            current = None
            was = asked
            continue
        if current is not None and kind != "silent" and asked != was:
            current.append((x, "retargeted", current[-1][2]))
        was = asked
        if current is None:
            if not long_enough:
                continue
            severity = "warning" if kind == "silent" or (two_levels and not judged["critical"]) else "critical"
            current = [(x, "opened", severity)]
            found.append(current)
        elif two_levels and current[-1][2] == "warning" and judged["critical"]:
            current.append((x, "escalated", "critical"))
        if judged[closes]:
            current.append((x, "resolved", current[-1][2]))
            current = None
        elif two_levels and current[-1][2] == "critical" and judged["eased"]:
            current.append((x, "deescalated", "warning"))
    return found


@pytest.mark.parametrize("seed", seeds(20))
def test_the_walk_that_jumps_finds_what_a_walk_day_by_day_finds(seed: int) -> None:
    """For made-up policies and money, both walks agree on every transition of every kind."""
    rng = random.Random(seed)
    some = [opened(), target()] if rng.random() < 0.7 else []
    book = book_of(*some, *random_policies(rng, rng.randrange(1, 22)))
    money = money_of(*random_money(rng, rng.choice([0, 3, 40, 120])))
    d = day(rng.choice(["2026-05-20", "2026-12-31", "2027-01-01"]))
    account = evaluate(book, money, GROUP, 2026, d)
    view = AccountView(book, money, GROUP, 2026)
    _, levy_ids = view.timeline.plan.runs_and_levies(view.year.first, d)
    expected = []
    for levy_id in (None, *levy_ids):
        kinds = ["behind_pace", "unreachable", "silent", "missed"] if levy_id is None else ["levy_behind", "missed"]
        plain = Plain(view, levy_id)
        for kind in kinds:
            told = plain_histories(plain, kind, d)
            expected += [(history[0][0], kind, levy_id or "", history) for history in told]
    found = [(e.opened_on, e.kind, e.levy_id or "", [tuple(step) for step in e.history]) for e in account.episodes]
    assert found == sorted(expected)
