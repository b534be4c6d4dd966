"""How much money an account takes before an episode that is open may move: most remittances move none.

Lives here: that amount. Not here: what moves it, and how (judgements.py); what has come in (takings.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.core.curve import WINDOW_DAYS
from streams.core.decrees import active_days
from streams.core.judgements import MIN_DAYS_LEFT, RESOLVED_TENTHS
from streams.core.rules import CRITICAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.core.curve import Curve
    from streams.core.events import Day
    from streams.core.history import Episode, Known
    from streams.core.plan import Claim
    from streams.core.thresholds import Thresholds
    from streams.core.years import Steps


class Headroom(NamedTuple):
    """What R(day) may come to before an open episode of the base account may close or ease on that day."""

    day: Day
    policies: int  # the book's version
    open: tuple[Episode, ...]
    currency: str
    below_minor: int  # 0: none at all

    def is_stale(self, known: Known) -> bool:
        """Tell whether it is of another day, of other decrees or of other episodes; money of days before ends it."""
        return (self.day, self.policies, self.open) != (known.day, known.policies, known.open)

    def is_passed(self, paid: Iterable[tuple[str, int]]) -> bool:
        """Tell whether an open episode may have moved; `paid`: (currency, R(day)) of money that is not earmarked."""
        return not self.below_minor or any(
            currency != self.currency or amount >= self.below_minor for currency, amount in paid
        )


def no_headroom(known: Known) -> Headroom:
    """Return that of an account in which anything may move an episode."""
    return Headroom(known.day, known.policies, known.open, "", 0)


def headroom_of(known: Known, claim: Claim, activity: Steps[bool], thresholds: Thresholds, curve: Curve) -> Headroom:
    """Return the headroom of a base account on the day that is known, of which all the rest is."""
    if any(episode.levy_id is not None for episode in known.open):
        return no_headroom(known)
    left = max(MIN_DAYS_LEFT, active_days(activity, known.day, claim.end + 1))
    below = min(_below(episode, known.day, claim, thresholds, curve, left) for episode in known.open)
    return Headroom(known.day, known.policies, known.open, claim.currency, max(below, 0))


def _below(episode: Episode, day: Day, claim: Claim, thresholds: Thresholds, curve: Curve, left: int) -> int:
    """Return the least R(day) with which an episode may close or ease ("Alerts")."""
    schedule = claim.schedule
    if episode.kind == "behind_pace":
        ratio = min(thresholds.recovered, thresholds.eased if episode.severity == CRITICAL else thresholds.recovered)
        expected = schedule.expected(day - thresholds.slack_days)
        return -(-ratio.numerator * expected // (ratio.denominator * schedule.denominator))
    if episode.kind == "unreachable":
        # What comes counts twice where the last 30 days become the best: it is missing no more, and more comes in.
        factor, paid = thresholds.unreachable_factor, curve.by(day)
        per_money = WINDOW_DAYS * factor.denominator * 10 * schedule.denominator
        per_best = RESOLVED_TENTHS * factor.numerator * schedule.denominator * left
        missing = WINDOW_DAYS * factor.denominator * 10 * schedule.total - paid * per_money
        by_the_best = (missing - per_best * curve.best_before(day + 1), per_money)
        by_the_last = (missing - per_best * curve.newest_before(day + 1), per_money + per_best)
        return paid + min(-(-short // per) for short, per in (by_the_best, by_the_last))
    return 0  # any money ends a silence; money that ends what was missed is of a day that is past
