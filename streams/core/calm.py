"""Where nothing can happen: comparisons of a whole run of days at once, so that most walks need not be walked.

What came in and what is due only grow, so one comparison of the most with the least answers for all days between.
Each function answers for the days of some grounds; True is certain, False says only: walk. Lives here: those
comparisons, all exact. Not here: what each day is judged to be (judgements.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.core.curve import WINDOW_DAYS
from streams.core.judgements import (
    MIN_DAYS_LEFT,
    RESOLVED_TENTHS,
    alive_after_end,
    alive_in_year,
    alive_while_due,
    days_left,
    last_before,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from streams.core.events import Day
    from streams.core.judgements import Ground

    Alive = Callable[[Ground], list[tuple[Day, Day]]]


def _all_alive(grounds: Sequence[Ground], alive: Alive) -> bool:
    """Tell whether an open episode can stay open all along."""
    return all(alive(ground) == [(ground.start, ground.stop)] for ground in grounds)


def _least_and_most(ground: Ground) -> tuple[int, int]:
    """Return Es of the first and the last day, times the denominator."""
    slack, schedule = ground.thresholds.slack_days, ground.claim.schedule
    return schedule.expected(ground.start - slack), schedule.expected(ground.stop - 1 - slack)


def _never_below(ground: Ground, ratio: Fraction, most: int) -> bool:
    """Tell whether R(x-1) / Es(x) < ratio on none of the days."""
    paid = ground.curve.by(ground.start - 1) * ground.claim.schedule.denominator
    return paid * ratio.denominator >= ratio.numerator * most


def _never_reaching(ground: Ground, ratio: Fraction, least: int) -> bool:
    """Tell whether R(x) / Es(x) >= ratio on none of the days."""
    paid = ground.curve.by(ground.stop - 1) * ground.claim.schedule.denominator
    return paid * ratio.denominator < ratio.numerator * least


def pace_is_calm(grounds: Sequence[Ground], severity: str | None) -> bool:
    """No behind kind opens; or none that is open (with a severity) closes, lapses or changes."""
    if severity is None:
        return all(
            ground.start > ground.claim.end
            or _never_below(ground, ground.thresholds.warning_below, _least_and_most(ground)[1])
            for ground in grounds
        )
    for ground in grounds:
        least, most = _least_and_most(ground)
        thresholds = ground.thresholds
        if not _never_reaching(ground, thresholds.recovered, least):
            return False
        if severity == "critical":
            if not _never_reaching(ground, thresholds.eased, least):
                return False
        elif not _never_below(ground, thresholds.critical, most):
            return False
    return _all_alive(grounds, alive_while_due)


def reach_is_calm(grounds: Sequence[Ground], severity: str | None) -> bool:
    """`unreachable` does not open; or does not close or lapse."""
    for ground in grounds:
        start, stop, schedule, curve = ground.start, ground.stop, ground.claim.schedule, ground.curve
        factor = ground.thresholds.unreachable_factor
        total, denominator = schedule.total, schedule.denominator
        if severity is None:
            grace = schedule.nth_due_day(ground.claim.judged_from, ground.thresholds.unreachable_grace_days)
            if grace + 1 >= stop:
                continue
            missing = (total - curve.by(start - 1) * denominator) * WINDOW_DAYS * factor.denominator
            per_best = factor.numerator * denominator * max(MIN_DAYS_LEFT, days_left(ground, stop - 1))
            # The last 30 days are most often good enough, and the best of all take long to find.
            if (
                missing > per_best * curve.newest_before(start)
                and missing > per_best * curve.best_before(start)
                and curve.best_before(stop - 1)
            ):
                return False
        else:
            missing = (total - curve.by(stop - 1) * denominator) * WINDOW_DAYS * factor.denominator * 10
            left = max(MIN_DAYS_LEFT, days_left(ground, start))
            if missing <= RESOLVED_TENTHS * factor.numerator * denominator * curve.best_before(stop) * left:
                return False
    return severity is None or _all_alive(grounds, alive_in_year)


def silence_is_calm(grounds: Sequence[Ground], severity: str | None) -> bool:
    """`silent` does not open; or does not close or lapse."""
    for ground in grounds:
        last = last_before(ground.paid_days, ground.start)
        if severity is None:
            since = max(ground.claim.judged_from, last + 1)
            silent_from = ground.claim.schedule.nth_due_day(since, ground.thresholds.silent_days) + 1
            if silent_from < ground.stop and ground.day_met >= ground.start:
                return False
        elif last_before(ground.paid_days, ground.stop) != last or ground.day_met < ground.stop:
            return False
    return severity is None or _all_alive(grounds, alive_in_year)


def end_is_calm(grounds: Sequence[Ground], severity: str | None) -> bool:
    """`missed` does not open, as before the account's end; or does not close or lapse."""
    if severity is None:
        return all(
            ground.stop <= ground.claim.end + 1
            or ground.claim.lifted_from <= ground.start
            or ground.day_met < ground.start
            for ground in grounds
        )
    return _all_alive(grounds, alive_after_end) and all(ground.day_met >= ground.stop for ground in grounds)
