"""A group's year as a chart needs it, day by day: what was expected under each set of policies, what came in.

A plan is what was expected of the whole year under the policies in force from one day on, until others changed it; so
two neighbours show what was expected before and after a policy. Lives here: the series. Not here: how they look.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.events import ExchangeRateSet, Revoked
from streams.core.figures import outlook_of
from streams.core.money import decimal_text, round_half_even
from streams.core.rank import covers, own_day
from streams.core.years import NEVER, day_text
from streams.questions.policy_words import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.core.events import Day, Policy
    from streams.core.schedule import Schedule
    from streams.core.view import AccountView


class Plan(NamedTuple):
    """What was expected of the year from one day on, until the next plan."""

    since: Day
    currency: str
    schedule: Schedule

    def same(self, other: Plan) -> bool:
        """Tell whether two plans expect the same on every day."""
        mine, others = self.schedule, other.schedule
        return (self.currency, mine.starts, mine.units, mine.denominator) == (
            other.currency,
            others.starts,
            others.units,
            others.denominator,
        )


def year_chart(view: AccountView, day_reached: Day) -> dict[str, Any]:
    """Return the series of a group and plan year up to the day reached.

    `days` are the year's days and the first after it. `expected` of a plan is what is due by the start of each;
    `expected_then` is that of the plan that was in force on each day up to d; `remitted` is what had come in by the
    end of each. Amounts are texts, in `currency`; without a target there are no series.
    """
    year, d = view.year, view.year.reached(day_reached)
    plans = _plans(view, d)
    base = view.timeline.regime_on(d).base
    chart: dict[str, Any] = {
        "group_id": view.group_id,
        "plan_year": year.year,
        "as_of": day_text(d),
        "currency": None if base is None else base.currency,
        "first_day": day_text(year.first),
        "days": year.days + 1,
        "policies": _policies(view, d, plans),
    }
    if base is None:
        return chart | {"plans": [], "expected_then": [], "remitted": [], "projected": None, "original": None}
    digits = view.book.minor_digits[base.currency]
    curve = view.curve(None, base.currency)
    reached = max(0, d - year.first + 1)  # days to d, with d
    remitted = [decimal_text(curve.by(year.first + at), digits) for at in range(reached)]
    own = [plan for plan in plans if plan.currency == base.currency]
    shown = [_plan_value(view, plan, digits) for plan in own]
    return chart | {
        "plans": shown,
        "expected_then": _then(view, own, reached, digits),
        "remitted": remitted,
        "projected": _projected(view, d, digits),
        "original": _original(view, d, digits),
    }


def _plans(view: AccountView, d: Day) -> list[Plan]:
    """Return the plans to d, each different from the one before."""
    plans: list[Plan] = []
    until = view.year.decree_day(d)
    for stretch in view.timeline.stretches(None):
        if stretch.start > until and plans:
            break
        plan = Plan(stretch.start, stretch.claim.currency, stretch.claim.schedule)
        if not plans or not plan.same(plans[-1]):
            plans.append(plan)
    return plans


def _due(schedule: Schedule, days: range) -> list[int]:
    run = schedule.expected_run(days.start, days.stop)
    return [round_half_even(units, schedule.denominator) for units in run]


def _whole(view: AccountView) -> range:
    return range(view.year.first, view.year.after + 1)


def _plan_value(view: AccountView, plan: Plan, digits: int) -> dict[str, Any]:
    expected = _due(plan.schedule, _whole(view))
    return {
        "since": day_text(plan.since),
        "target": decimal_text(expected[-1], digits),
        "expected": [decimal_text(minor, digits) for minor in expected],
    }


def _then(view: AccountView, plans: Sequence[Plan], reached: int, digits: int) -> list[str | None]:
    """Return, for each day to d, what was due by its start under the plan of that day; None without a plan."""
    then: list[str | None] = [None] * reached
    for at, plan in enumerate(plans):
        stop = plans[at + 1].since if at + 1 < len(plans) else view.year.first + reached
        days = range(plan.since, min(stop, view.year.first + reached))
        for day, minor in zip(days, _due(plan.schedule, days), strict=True):
            then[day - view.year.first] = decimal_text(minor, digits)
    return then


def _projected(view: AccountView, d: Day, digits: int) -> str | None:
    regime = view.timeline.regime_on(d)
    if regime.base is None or d >= view.year.after:
        return None
    outlook = outlook_of(view, regime, regime.base, view.curve(None, regime.base.currency), d)
    return decimal_text(outlook.projected_total, digits)


def _original(view: AccountView, d: Day, digits: int) -> list[str] | None:
    """Return the plan as it was first set, in the account's currency; None while there is no rate for it."""
    original = view.timeline.regime_on(d).original
    if original is None:
        return None
    plan, rate = original
    run = plan.expected_run(view.year.first, view.year.after + 1)
    scale = plan.denominator * rate.denominator
    return [decimal_text(round_half_even(units * rate.numerator, scale), digits) for units in run]


# --- policies -------------------------------------------------------------------------------------------------------


def _policies(view: AccountView, d: Day, plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """Return the decrees issued to d that touch the account, as flags, and what each day's decrees changed."""
    known = sorted((p for p in view.timeline.known() if _touches(view, p, d)), key=lambda p: p.issued_at_us)
    revocations = [r for p in known for r in view.book.revocations(p.policy_id) if r.issued_day <= d]
    flags: list[dict[str, Any]] = []
    all_known = sorted([*known, *revocations], key=lambda p: (p.issued_at_us, p.policy_id))
    for day, issued in groupby(all_known, key=lambda policy: policy.issued_day):
        change = _change(view, plans, day)
        flags += [_flag(view, policy) | change for policy in issued]
    return flags


def _touches(view: AccountView, policy: Policy, d: Day) -> bool:
    if policy.issued_day > d or isinstance(policy, ExchangeRateSet | Revoked):
        return False
    scope = getattr(policy, "scope", None)
    return scope is None or covers(scope, view.group_id, view.timeline.regime_on(d).decrees.region)


def _flag(view: AccountView, policy: Policy) -> dict[str, Any]:
    revoked = view.book.revoked_on(policy.policy_id)
    own = None if isinstance(policy, Revoked) else own_day(policy)
    return {
        "policy_id": policy.policy_id,
        "issued_on": day_text(policy.issued_day),
        "own_day": None if own is None else day_text(own),
        "revoked_on": None if revoked == NEVER else day_text(revoked),
        "words": _words(view, policy),
    }


def _words(view: AccountView, policy: Policy) -> str:
    if isinstance(policy, Revoked):
        named = view.book.policy(policy.revokes)
        what = "" if named is None else f" {words_of(named, view.book.minor_digits)}"
        return f"revoked:{what}, on {day_text(policy.issued_day)}" + (f" ({policy.reason})" if policy.reason else "")
    return words_of(policy, view.book.minor_digits)


def _change(view: AccountView, plans: Sequence[Plan], day: Day) -> dict[str, Any]:
    """Return what was expected of the year, and by that day, before and after a day's decrees; nulls if the same."""
    none: dict[str, Any] = {
        "target_before": None, "target_after": None, "expected_before": None, "expected_after": None,
    }  # fmt: skip
    at = next((at for at, plan in enumerate(plans) if plan.since == max(day, view.year.first)), None)
    if not at or plans[at].currency != plans[at - 1].currency or day < view.year.first:
        return none
    digits = view.book.minor_digits[plans[at].currency]
    for name, plan in (("before", plans[at - 1]), ("after", plans[at])):
        (expected,) = _due(plan.schedule, range(day, day + 1))
        total = round_half_even(plan.schedule.total, plan.schedule.denominator)
        none |= {f"target_{name}": decimal_text(total, digits), f"expected_{name}": decimal_text(expected, digits)}
    return none
