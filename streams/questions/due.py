"""What was due, by ranges of equal days, each with the policies behind it.

The parts are worked out anew from the decrees in force, by the formulas as they stand in "Arithmetic", and not from
the core's schedule: the tree's check holds the two against each other. Lives here: t(x) in words and parts.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from streams.core.events import GroupOpened, HeadcountChanged, LevyImposed
from streams.core.money import decimal_text, grouped, round_half_even
from streams.core.rank import own_day, rank
from streams.core.schedule import day_weights
from streams.core.years import NEVER, day_text, plan_year
from streams.questions.tree import EXACTLY, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.core.decrees import Decrees
    from streams.core.events import Day, Policy, TargetSet
    from streams.core.schedule import Schedule
    from streams.core.timeline import Timeline


class Share(NamedTuple):
    """What one thing adds to one day."""

    label: str
    a_day: Fraction
    policies: tuple[str, ...]


class Plan(NamedTuple):
    """What is asked under some decrees: the core's schedule, and what the parts are worked out from."""

    schedule: Schedule
    decrees: Decrees
    timeline: Timeline
    asked: TargetSet | LevyImposed
    currency: str
    rate: Fraction = Fraction(1)  # of the currency in which the schedule is shown


def ranges(plan: Plan, start: Day, stop: Day, digits: Mapping[str, int]) -> tuple[Node, ...]:
    """Return what was due on the days start..stop-1, one node for each range of days that are alike."""
    unit, decimals = plan.currency, digits[plan.currency]
    nodes = []
    for first, after, shares in _alike(plan, start, stop, digits):
        days = after - first
        exact = Fraction(plan.schedule.expected(after) - plan.schedule.expected(first), plan.schedule.denominator)
        exact *= plan.rate
        parts = tuple(
            Node(share.label, _text(share.a_day * plan.rate * days, decimals), unit, share.a_day * plan.rate * days,
                 policies=share.policies)
            for share in shares
        )  # fmt: skip
        label = f"{day_text(first)} to {day_text(after - 1)}" if days > 1 else day_text(first)
        note = f"{days:,} {'day' if days == 1 else 'days'} x {grouped(_text(exact / days, decimals))} a day"
        nodes.append(Node(label, _text(exact, decimals), unit, exact, EXACTLY, note, parts=parts))
    return tuple(nodes)


def _text(exact: Fraction, decimals: int) -> str:
    return decimal_text(round_half_even(exact.numerator, exact.denominator), decimals)


def _alike(plan: Plan, start: Day, stop: Day, digits: Mapping[str, int]) -> Iterator[tuple[Day, Day, list[Share]]]:
    """Yield (first day, day after the last, shares), neighbours joined where all shares are the same."""
    held: tuple[Day, Day, list[Share]] | None = None
    for first, after in zip(plan.schedule.starts, plan.schedule.stops, strict=True):
        begin, end = max(first, start), min(after, stop)
        if begin >= end:
            continue
        shares = _shares(plan, begin, digits)
        if held is not None and held[2] == shares:
            held = (held[0], end, shares)
            continue
        if held is not None:
            yield held
        held = (begin, end, shares)
    if held is not None:
        yield held


def _shares(plan: Plan, day: Day, digits: Mapping[str, int]) -> list[Share]:
    inactive = _why_inactive(plan.decrees, day)
    if inactive is not None:
        return [inactive]
    if isinstance(plan.asked, LevyImposed):
        return [_levy_share(plan, plan.asked, day, digits)]
    return _target_shares(plan, plan.asked, day, digits)


def _why_inactive(decrees: Decrees, day: Day) -> Share | None:
    """Return why the group is inactive on a day, under decrees; None if it is active."""
    if decrees.activity().on(day):
        return None
    deciding: list[Policy] = [*decrees.openings, *decrees.closings]
    newest = max((policy for policy in deciding if own_day(policy) <= day), key=rank, default=None)
    if newest is not None and not isinstance(newest, GroupOpened):
        return Share("inactive: closed", Fraction(0), (newest.policy_id,))
    if newest is None and decrees.openings:
        return Share("inactive: not opened yet", Fraction(0), (decrees.openings[0].policy_id,))
    shut = (p for p in decrees.suspensions if p.from_day <= day <= (NEVER if p.until_day is None else p.until_day))
    over = {resumed.resumes for resumed in decrees.resumptions if resumed.effective_on <= day}
    covering = tuple(policy.policy_id for policy in shut if policy.policy_id not in over)
    return Share("inactive: suspended", Fraction(0), covering)


def heads_on(decrees: Decrees, day: Day) -> tuple[int, tuple[str, ...]]:
    """Return h(x) and the policy that says so."""
    said: list[GroupOpened | HeadcountChanged] = [*decrees.openings, *decrees.headcounts]
    deciding = [policy for policy in said if own_day(policy) <= day]
    newest = max(deciding, key=rank, default=None)
    return (1, ()) if newest is None else (newest.headcount, (newest.policy_id,))


def _levy_share(plan: Plan, levy: LevyImposed, day: Day, digits: Mapping[str, int]) -> Share:
    lifted_from = plan.decrees.lifted_from(levy)
    if day >= lifted_from:
        lifts = tuple(lift.policy_id for lift in plan.decrees.lifts if lift.levy_id == levy.levy_id)
        return Share("lifted", Fraction(0), lifts)
    if not levy.from_day <= day <= levy.due_day:
        return Share("outside the levy's days", Fraction(0), (levy.policy_id,))
    heads, deciding = heads_on(plan.decrees, day) if levy.per_worker else (1, ())
    days = levy.due_day + 1 - levy.from_day
    amount = grouped(decimal_text(levy.amount_minor, digits[levy.currency]))
    label = f"levy {amount} / {days} days" + (f" x {heads:,} heads" if levy.per_worker else "")
    return Share(label, Fraction(levy.amount_minor * heads, days), (levy.policy_id, *deciding))


def _target_shares(plan: Plan, target: TargetSet, day: Day, digits: Mapping[str, int]) -> list[Share]:
    year = plan_year(target.plan_year)
    weights = day_weights(target.weights, target.plan_year)
    weight = weights.on(day)
    whole = sum(w * (end - begin) for begin, end, w in weights.pieces(year.first, year.after))
    a_day = Fraction(target.amount_minor * weight, whole)
    policies = [target.policy_id]
    label = f"target {grouped(decimal_text(target.amount_minor, digits[target.currency]))}"
    label += f" x {Fraction(weight, whole)}"
    if target.per_worker:
        heads, deciding = heads_on(plan.decrees, day)
        a_day *= heads
        label += f" x {heads:,} heads"
        policies += deciding
    deltas: list[Share] = []
    for policy in plan.decrees.adjustments:
        since = max(policy.effective_on, year.first) if policy.remaining else year.first
        if policy.factor is not None and since <= day:
            a_day *= policy.factor
            label += f" x {float(policy.factor):g}"
            policies.append(policy.policy_id)
        elif policy.delta_minor is not None and policy.currency is not None:
            covered = sum(w * (end - begin) for begin, end, w in weights.pieces(since, max(since, year.after)))
            on = min(policy.issued_day, policy.effective_on)
            rate = plan.timeline.rate(policy.currency, target.currency, on)
            if since <= day and covered and rate is not None:
                amount = grouped(decimal_text(policy.delta_minor, digits[policy.currency]))
                share = policy.delta_minor * rate * Fraction(weight, covered)
                said = f"delta {amount} {policy.currency} x {Fraction(weight, covered)}"
                deltas.append(Share(said, share, (policy.policy_id,)))
    shares = [Share(label, a_day, tuple(policies)), *deltas]
    below = sum((share.a_day for share in shares), start=Fraction(0))
    return [*shares, Share("no day is below zero", -below, ())] if below < 0 else shares
