"""The figures of an account on a day, rounded once from exact ones; differences are between shown figures.

Lives here: the formulas of "Arithmetic" from T to projected_total. Not here: alerts, and how messages are laid out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.core.money import decimal_text, ratio_text, round_half_even

if TYPE_CHECKING:
    from streams.core.curve import Curve
    from streams.core.events import Day
    from streams.core.plan import Claim
    from streams.core.timeline import Original, Regime
    from streams.core.view import AccountView

TRAILING_DAYS = 30


class Figures(NamedTuple):
    """What is shown of one account on one day, in minor units of its currency; None where there is none."""

    currency: str
    decimals: int
    adjusted_target: int  # T
    expected: int  # E
    remitted: int  # R
    original_target: int | None  # T0
    original_expected: int | None  # E0
    attainment_to_date: str | None  # R / E
    attainment_of_target: str | None  # R / T

    @property
    def shortfall(self) -> int:
        """max(0, E - R)."""
        return max(0, self.expected - self.remitted)

    @property
    def surplus(self) -> int:
        """max(0, R - E)."""
        return max(0, self.remitted - self.expected)

    @property
    def policy_effect(self) -> int | None:
        """E0 - E: what policies took off what was due."""
        return None if self.original_expected is None else self.original_expected - self.expected

    @property
    def remittance_effect(self) -> int | None:
        """R - E0: what came in beyond the plan as it was first set."""
        return None if self.original_expected is None else self.remitted - self.original_expected

    def text(self, amount: int | None) -> str | None:
        """Return an amount as a decimal string with the currency's decimals."""
        return None if amount is None else decimal_text(amount, self.decimals)


def figures_of(view: AccountView, claim: Claim, original: Original | None, day: Day, remitted: int) -> Figures:
    """Return the figures of a claim on a day, with `remitted` minor units as R; `original` only of a base account."""
    schedule = claim.schedule
    expected, unit = schedule.expected(day), schedule.denominator
    first_total = first_expected = None
    if original is not None:
        rate, plan = original.rate, original.schedule
        scale = plan.denominator * rate.denominator
        first_total = round_half_even(plan.total * rate.numerator, scale)
        first_expected = round_half_even(plan.expected(day) * rate.numerator, scale)
    paid = remitted * unit
    return Figures(
        claim.currency, view.book.minor_digits[claim.currency],
        round_half_even(schedule.total, unit), round_half_even(expected, unit), remitted, first_total, first_expected,
        ratio_text(paid, expected), ratio_text(paid, schedule.total),
    )  # fmt: skip


class Outlook(NamedTuple):
    """What it takes, and what it comes to if it goes on like this; minor units (a day), None where divided by 0."""

    required_daily_rate: int | None
    trailing_daily_rate: int
    projected_total: int


def outlook_of(view: AccountView, regime: Regime, claim: Claim, curve: Curve, day: Day) -> Outlook:
    """Return the daily rates and the projection of a base account on a day."""
    schedule = claim.schedule
    days_left = regime.days_left(day)
    paid, paid_before = curve.by(day), curve.by(day - 1)
    missing = max(0, schedule.total - paid * schedule.denominator)
    required = round_half_even(missing, schedule.denominator * days_left) if days_left else None
    days = min(TRAILING_DAYS, max(0, day - view.year.first))
    if not days:
        return Outlook(required, 0, max(paid, paid_before))
    trailing = paid_before - curve.by(day - 1 - days)
    going_on = round_half_even(paid_before * days + trailing * days_left, days)
    return Outlook(required, round_half_even(trailing, days), max(paid, going_on))
