"""How much money an account takes before an episode that is open may move: most remittances move none.

Lives here: that amount. Not here: what moves it, and how (judgements.py); what has come in (takings.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.core.curve import WINDOW_DAYS
from streams.core.judgements import MIN_DAYS_LEFT, RESOLVED_TENTHS
from streams.core.plan import active_days
from streams.core.rules import CRITICAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.core.curve import Curve, Sums
    from streams.core.events import Day
    from streams.core.history import Episode, Known
    from streams.core.plan import Claim
    from streams.core.takings import Purse
    from streams.core.thresholds import Thresholds
    from streams.core.view import AccountView


class Headroom(NamedTuple):
    """What R(day) may come to before an open episode of the base account may close or ease on that day."""

    day: Day
    policies: int  # the book's version
    currency: str
    below_minor: int

    def is_stale(self, known: Known) -> bool:
        """Tell whether it is of another day or of other decrees."""
        return (self.day, self.policies) != (known.day, known.policies)

    def is_passed(self, known: Known, since: Day, sums: Iterable[tuple[Purse, Sums]]) -> bool:
        """Tell whether money that is not earmarked, and came on days from `since` on, may move an open episode."""
        if self.is_stale(known) or since < self.day:
            return True
        return any(purse.currency != self.currency or held.by(self.day) >= self.below_minor for purse, held in sums)


def headroom_of(view: AccountView, known: Known) -> Headroom:
    """Return the headroom on the day that is known."""
    day = known.day
    regime, thresholds = view.timeline.regime_on(day), view.timeline.thresholds_on(day)
    claim = regime.base
    if claim is None or any(episode.levy_id is not None for episode in known.open):
        return Headroom(day, known.policies, "", 0)
    curve = view.curve(None, claim.currency)
    left = max(MIN_DAYS_LEFT, active_days(regime.activity, day, claim.end + 1))
    below = min(_below(episode, day, claim, thresholds, curve, left) for episode in known.open)
    return Headroom(day, known.policies, claim.currency, below)


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
