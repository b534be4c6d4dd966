"""What alerts judge, for runs of days at once: each function answers for the days start..stop-1, a byte (0, 1) a day.

All comparisons are exact, by cross-multiplication of integers. Lives here: the conditions of the table in "Alerts".
Not here: which kind has which of them (rules.py), and what follows from day to day (walk.py).
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import repeat
from operator import lt, mul
from typing import TYPE_CHECKING, NamedTuple

from streams.core.curve import WINDOW_DAYS
from streams.core.decrees import active_days
from streams.core.years import DAWN, NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from streams.core.curve import Curve
    from streams.core.events import Day
    from streams.core.plan import Claim
    from streams.core.thresholds import Thresholds
    from streams.core.years import Steps

RUN_DAYS = 64  # that are judged one by one, where they are not all alike
OTHERWISE = bytes.maketrans(b"\0\1", b"\1\0")
MIN_DAYS_LEFT = 30  # `unreachable` never divides by fewer
RESOLVED_TENTHS = 9  # `unreachable` resolves at 0.9 of what opens it


class Ground(NamedTuple):
    """What one account is judged on in the days start..stop-1, which share decrees and thresholds."""

    start: Day
    stop: Day
    activity: Steps[bool]
    thresholds: Thresholds
    claim: Claim
    curve: Curve
    paid_days: Sequence[Day]

    @property
    def day_met(self) -> Day:
        """The first day x with R(x) >= T."""
        schedule = self.claim.schedule
        return self.curve.day_reaching(-(-schedule.total // schedule.denominator))


def _ones_within(start: Day, stop: Day, first: Day, after: Day) -> bytes:
    """Answer yes for the days first..after-1."""
    low, high = min(max(first, start), stop), min(max(after, start), stop)
    high = max(low, high)
    return b"\0" * (low - start) + b"\1" * (high - low) + b"\0" * (stop - high)


def _active_within(ground: Ground, start: Day, stop: Day) -> list[tuple[Day, Day]]:
    """Return the runs of active days, of a claim that asks for something and is not lifted, up to its end."""
    stop = min(stop, ground.claim.end + 1, ground.claim.lifted_from)
    if not ground.claim.schedule.total or start >= stop:
        return []
    return [(first, after) for first, after, active in ground.activity.pieces(start, stop) if active]


def alive_in_year(ground: Ground) -> list[tuple[Day, Day]]:
    """Return the days on which `silent` and `unreachable` may open or stay open."""
    return _active_within(ground, ground.start, ground.stop)


def alive_while_due(ground: Ground) -> list[tuple[Day, Day]]:
    """Return the days on which a behind kind may open or stay open: those, with Es(x) > 0."""
    first_due = ground.claim.schedule.nth_due_day(0, 1)
    start = max(ground.start, first_due + 1 + ground.thresholds.slack_days)
    return _active_within(ground, start, ground.stop)


def alive_after_end(ground: Ground) -> list[tuple[Day, Day]]:
    """Return the days on which `missed` may open or stay open."""
    start, stop = max(ground.start, ground.claim.end + 1), min(ground.stop, ground.claim.lifted_from)
    return [(start, stop)] if ground.claim.schedule.total and start < stop else []


def _by_halves(
    start: Day, stop: Day, decide: Callable[[Day, Day], bool | None], column: Callable[[Day, Day], bytes]
) -> bytes:
    """Answer for runs of days on which all are alike at once: `decide` says how, or None where it isn't certain."""
    if start >= stop:
        return b""
    alike = decide(start, stop)
    if alike is not None:
        return (b"\1" if alike else b"\0") * (stop - start)
    if stop - start <= RUN_DAYS:
        return column(start, stop)
    middle = (start + stop) // 2
    return _by_halves(start, middle, decide, column) + _by_halves(middle, stop, decide, column)


def _below(ground: Ground, start: Day, stop: Day, ratio: Fraction, money_before: int) -> bytes:
    """R(x - money_before) / Es(x) < ratio."""
    schedule, curve, slack = ground.claim.schedule, ground.curve, ground.thresholds.slack_days
    per_money, per_expected = schedule.denominator * ratio.denominator, ratio.numerator

    def decide(start: Day, stop: Day) -> bool | None:
        # Both only grow: the least of the one with the most of the other.
        if curve.by(start - money_before) * per_money >= schedule.expected(stop - 1 - slack) * per_expected:
            return False
        if curve.by(stop - 1 - money_before) * per_money < schedule.expected(start - slack) * per_expected:
            return True
        return None

    def column(start: Day, stop: Day) -> bytes:
        money = curve.by_run(start - money_before, stop - money_before)
        expected = schedule.expected_run(start - slack, stop - slack)
        return bytes(map(lt, map(mul, money, repeat(per_money)), map(mul, expected, repeat(per_expected))))

    return _by_halves(start, stop, decide, column)


def _behind(ground: Ground, start: Day, stop: Day, grace_days: int) -> bytes:
    claim = ground.claim
    judged = min(max(start, claim.schedule.nth_due_day(claim.judged_from, grace_days) + 1), stop)
    return b"\0" * (judged - start) + _below(ground, judged, stop, ground.thresholds.warning_below, 1)


def base_behind(ground: Ground, start: Day, stop: Day) -> bytes:
    """R(x-1) / Es(x) < warning_below, after grace_days due days."""
    return _behind(ground, start, stop, ground.thresholds.grace_days)


def levy_behind(ground: Ground, start: Day, stop: Day) -> bytes:
    """R(x-1) / Es(x) < warning_below, after levy_grace_days due days."""
    return _behind(ground, start, stop, ground.thresholds.levy_grace_days)


def far_behind(ground: Ground, start: Day, stop: Day) -> bytes:
    """R(x-1) / Es(x) < critical_below."""
    return _below(ground, start, stop, ground.thresholds.critical, 1)


def eased(ground: Ground, start: Day, stop: Day) -> bytes:
    """R(x) / Es(x) >= critical_below + margin."""
    return _below(ground, start, stop, ground.thresholds.eased, 0).translate(OTHERWISE)


def recovered(ground: Ground, start: Day, stop: Day) -> bytes:
    """R(x) / Es(x) >= min(1, warning_below + margin)."""
    return _below(ground, start, stop, ground.thresholds.recovered, 0).translate(OTHERWISE)


def days_left(ground: Ground, day: Day) -> int:
    """Return how many active days there are from a day to the account's end."""
    return active_days(ground.activity, day, ground.claim.end + 1)


def unreachable(ground: Ground, start: Day, stop: Day) -> bytes:
    """max(0, T - R(x-1)) / max(30, days_left) > unreachable_factor x best, after unreachable_grace_days due days."""
    schedule, factor = ground.claim.schedule, ground.thresholds.unreachable_factor
    grace = schedule.nth_due_day(ground.claim.judged_from, ground.thresholds.unreachable_grace_days)
    judged = min(max(start, grace + 1, ground.curve.best_from), stop)
    return b"\0" * (judged - start) + _beyond(ground, judged, stop, factor, 1)


def reachable(ground: Ground, start: Day, stop: Day) -> bytes:
    """max(0, T - R(x)) / max(30, days_left) <= 0.9 x unreachable_factor x best, the windows that end on x too."""
    factor = ground.thresholds.unreachable_factor * RESOLVED_TENTHS / 10
    return _beyond(ground, start, stop, factor, 0).translate(OTHERWISE)


def _beyond(ground: Ground, start: Day, stop: Day, factor: Fraction, money_before: int) -> bytes:
    """(T - R(x - money_before)) / max(30, days_left) > factor x best, for active days start..stop-1."""
    schedule, curve = ground.claim.schedule, ground.curve
    per_missing, per_best = WINDOW_DAYS * factor.denominator, factor.numerator * schedule.denominator
    total, per_money = schedule.total * per_missing, schedule.denominator * per_missing
    last = days_left(ground, start) + start  # with each such day one fewer is left

    def decide(start: Day, stop: Day) -> bool | None:
        # Money and best only grow, and days left get fewer.
        early, late = start - money_before, stop - 1 - money_before
        most, fewest = max(MIN_DAYS_LEFT, last - start), max(MIN_DAYS_LEFT, last - stop + 1)
        if total - curve.by(early) * per_money <= per_best * curve.best_before(early + 1) * fewest:
            return False
        if total - curve.by(late) * per_money > per_best * curve.best_before(late + 1) * most:
            return True
        return None

    def column(start: Day, stop: Day) -> bytes:
        early, late = start - money_before, stop - money_before
        rows = zip(
            curve.by_run(early, late), curve.best_run(early + 1, late + 1), range(last - start, last - stop, -1),
            strict=True,
        )  # fmt: skip
        return bytes(
            total - money * per_money > per_best * best * max(MIN_DAYS_LEFT, left) for money, best, left in rows
        )

    return _by_halves(start, stop, decide, column)


def last_before(days: Sequence[Day], day: Day) -> Day:
    """Return the last of some days that is before a day; DAWN if none is."""
    at = bisect_left(days, day)
    return days[at - 1] if at else DAWN


def silent(ground: Ground, start: Day, stop: Day) -> bytes:
    """R(x-1) < T, and silent_days due days before x and after the last day < x with any remittance."""
    judgeable = min(stop, ground.day_met + 1)
    answers = bytearray(stop - start)
    needed = ground.thresholds.silent_days
    paid = ground.paid_days
    at = bisect_left(paid, start)  # the days paid before `start` are those before `at`
    last = last_before(paid, start)
    for following in (*paid[at:], NEVER):  # pragma: no branch  the last of them ends it
        if following - last > needed:  # else there are not even so many days between them
            since = max(ground.claim.judged_from, last + 1)
            silent_from = max(start, ground.claim.schedule.nth_due_day(since, needed) + 1)
            silent_to = min(judgeable, following + 1)
            if silent_from < silent_to:
                answers[silent_from - start : silent_to - start] = b"\1" * (silent_to - silent_from)
        if following >= judgeable:
            break
        last = following
    return bytes(answers)


def heard(ground: Ground, start: Day, stop: Day) -> bytes:
    """There is any remittance on x, or R(x) >= T."""
    answers = bytearray(_ones_within(start, stop, ground.day_met, NEVER))
    for day in ground.paid_days[bisect_left(ground.paid_days, start) : bisect_left(ground.paid_days, stop)]:
        answers[day - start] = 1
    return bytes(answers)


def unmet(ground: Ground, start: Day, stop: Day) -> bytes:
    """R(x-1) < T."""
    return _ones_within(start, stop, 0, ground.day_met + 1)


def met(ground: Ground, start: Day, stop: Day) -> bytes:
    """R(x) >= T."""
    return _ones_within(start, stop, ground.day_met, NEVER)
