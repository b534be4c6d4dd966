"""How likely an account is to miss its target by the year's end, from the group's own past weeks and nothing else.

The method, a Bayesian bootstrap:

1. The past is cut into weeks of seven days, backwards from the day before the day reached, through this plan year
   and (if the group sent anything for it) the one before, 52 at most; a week in which the group was inactive on any
   day is left out. A week's money is that of the base account, booked in the account's currency.
2. Each draw first gives the past weeks random shares (Dirichlet: so the draws differ as much as so few weeks leave
   open what a usual week is), then draws the weeks that are left from them by these shares. A part of a week at the
   end takes its part of a week's money; inactive days to come bring nothing.
3. The draw misses if what had come in before the day reached and what was drawn is less than T, as decreed by now.

The probability is the part of the draws that miss. Dice come from outside, seeded, so that it can be repeated.
The method knows no season and no trend but those in the past weeks. Whether it keeps its word: docs/forecast.md.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.money import decimal_text, round_half_even
from streams.core.years import day_text
from streams.questions.knowledge import AccountKey

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from streams.core.events import Day
    from streams.core.plan import Claim
    from streams.questions.knowledge import Knowledge

DRAWS = 2_000
FEWEST_WEEKS = 4  # from fewer nobody can say what a usual week is
MOST_WEEKS = 52
WEEK_DAYS = 7
QUANTILES = (10, 50, 90)


class Drawn(NamedTuple):
    """What the draws came to: which part of them misses, and the year's total at some quantiles (percent: minor)."""

    miss: Fraction
    totals: dict[int, int]


def draw(
    so_far: int, target: Fraction, weeks: Sequence[int], days_left: int, rng: random.Random, draws: int = DRAWS
) -> Drawn:
    """Return what draws from past weeks come to, all in minor units."""
    whole, rest = divmod(days_left, WEEK_DAYS)
    totals = []
    for _ in range(draws):
        shares = list(accumulate(rng.expovariate(1.0) for _ in weeks))
        drawn = rng.choices(weeks, cum_weights=shares, k=whole + 1)
        totals.append(so_far + sum(drawn[:whole]) + drawn[whole] * rest // WEEK_DAYS)
    totals.sort()
    missing = sum(total < target for total in totals)
    return Drawn(Fraction(missing, draws), {q: totals[min(draws - 1, draws * q // 100)] for q in QUANTILES})


def forecast(
    knowledge: Knowledge, key: AccountKey, day_reached: Day, rng: random.Random, draws: int = DRAWS
) -> dict[str, Any]:
    """Return the forecast of one account on the day reached; `probability_to_miss` is null where `why` says why."""
    view = knowledge.view(key)
    d = view.year.reached(day_reached)
    regime = view.timeline.regime_on(d)
    claim = regime.base
    head: dict[str, Any] = {
        "group_id": key.group_id,
        "region": regime.decrees.region,
        "plan_year": key.plan_year,
        "as_of": day_text(d),
        "currency": None if claim is None else claim.currency,
        "probability_to_miss": None,
        "why": None,
        "adjusted_target": None,
        "remitted_to_date": None,
        "days_left": regime.days_left(d),
        "weeks_known": 0,
        "total_at": {},
    }
    if claim is None or not claim.schedule.total:
        return head | {"why": "no target"}
    so_far = view.curve(None, claim.currency).by(d)
    target = Fraction(claim.schedule.total, claim.schedule.denominator)
    decimals = view.book.minor_digits[claim.currency]
    days_left: int = head["days_left"]
    weeks = past_weeks(knowledge, key, claim, d)
    head |= {
        "adjusted_target": decimal_text(round_half_even(target.numerator, target.denominator), decimals),
        "remitted_to_date": decimal_text(so_far, decimals),
        "weeks_known": len(weeks),
    }
    if so_far >= target or not days_left:
        settled = "the target is met" if so_far >= target else "no active day is left"
        return head | {"probability_to_miss": 0.0 if so_far >= target else 1.0, "why": settled}
    if len(weeks) < FEWEST_WEEKS:
        return head | {"why": f"fewer than {FEWEST_WEEKS} past weeks are known"}
    # The day reached is one of the days left, so draws go on from the day before it; what came in today is a floor.
    drawn = draw(view.curve(None, claim.currency).by(d - 1), target, weeks, days_left, rng, draws)
    totals = {str(percent): decimal_text(max(so_far, total), decimals) for percent, total in drawn.totals.items()}
    return head | {"probability_to_miss": float(drawn.miss), "total_at": totals}


def past_weeks(knowledge: Knowledge, key: AccountKey, claim: Claim, d: Day) -> list[int]:
    """Return the money of the complete past weeks before d, the newest first ("The method", 1)."""
    view = knowledge.view(key)
    active = view.timeline.regime_on(d).activity
    before = AccountKey(key.group_id, key.plan_year - 1)
    earlier = knowledge.view(before)
    first = earlier.year.first if earlier.paid_days else view.year.first
    this_year, last_year = view.curve(None, claim.currency), earlier.curve(None, claim.currency)
    weeks: list[int] = []
    stop = d
    while stop - WEEK_DAYS >= first and len(weeks) < MOST_WEEKS:
        start = stop - WEEK_DAYS
        if all(active.on(day) for day in range(start, stop)):
            money = this_year.by(stop - 1) - this_year.by(start - 1)
            weeks.append(money + last_year.by(stop - 1) - last_year.by(start - 1))
        stop = start
    return weeks
