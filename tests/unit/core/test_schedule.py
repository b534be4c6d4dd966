"""t(x), E(x) and T of schedules, held against DESIGN's formula day by day."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import pytest

from streams.core import events
from streams.core.decrees import Decrees
from streams.core.rank import covers, rank
from streams.core.years import NEVER, month_starts
from tests.unit.core.making import (
    DIGITS,
    GROUP,
    HERE,
    book_of,
    day,
    delta,
    factor,
    levy,
    opened,
    policy,
    random_policies,
    rate,
    seeds,
    suspended,
    target,
)

if TYPE_CHECKING:
    from streams.core.book import Book
    from streams.core.schedule import Schedule

FIRST, AFTER = day("2026-01-01"), day("2027-01-01")
YEAR = range(FIRST, AFTER)


def per_day(schedule: Schedule) -> list[Fraction]:
    """Return t(x) of each day, from differences of E."""
    sums = [Fraction(schedule.expected(x), schedule.denominator) for x in range(FIRST, AFTER + 1)]
    return [after - before for before, after in pairwise(sums)]


def plain_active(decrees: Decrees, x: int) -> bool:
    """Return active(x) as it is written."""
    turns = [(rank(p), True) for p in decrees.openings if p.opened_on <= x]
    turns += [(rank(p), False) for p in decrees.closings if p.closed_on <= x]
    if not (max(turns)[1] if turns else not decrees.openings):
        return False
    for suspension in decrees.suspensions:
        off = [r for r in decrees.resumptions if r.resumes == suspension.policy_id and r.effective_on <= x]
        if suspension.from_day <= x and (suspension.until_day is None or x <= suspension.until_day) and not off:
            return False
    return True


def plain_headcount(decrees: Decrees, x: int) -> int:
    """Return h(x) as it is written."""
    known = [(rank(p), p.headcount) for p in decrees.openings if p.opened_on <= x]
    known += [(rank(p), p.headcount) for p in decrees.headcounts if p.effective_on <= x]
    return max(known)[1] if known else 1


def plain_weights(weights: tuple[Fraction, ...] | None) -> list[Fraction]:
    """Return w(x) of each day as it is written."""
    if weights is None:
        return [Fraction(1)] * 365
    starts = month_starts(2026)
    days: list[Fraction] = []
    for month, weight in enumerate(weights):
        length = starts[month + 1] - starts[month]
        days += [weight / length] * length
    return days


def plain_schedule(book: Book, decrees: Decrees, plan: events.TargetSet) -> list[Fraction]:
    """Return t(x) of each day as it is written."""
    w = plain_weights(plan.weights)
    whole, left = sum(w), list(accumulate(w[::-1]))[::-1]
    days: list[Fraction] = []
    for x in YEAR:
        total = plan.amount_minor * w[x - FIRST] / whole
        total *= plain_headcount(decrees, x) if plan.per_worker else 1
        extra = Fraction(0)
        for adjusted in decrees.adjustments:
            since = max(FIRST, adjusted.effective_on) if adjusted.remaining else FIRST
            if x < since:
                continue
            if adjusted.factor is not None:
                total *= adjusted.factor
                continue
            on = min(adjusted.issued_day, adjusted.effective_on)
            rate_then = book.rates.minor_rate(adjusted.currency, plan.currency, on)
            covered = left[since - FIRST] if since < AFTER else 0
            if rate_then is not None and covered:
                extra += adjusted.delta_minor * rate_then * w[x - FIRST] / covered
        days.append(max(Fraction(0), total + extra) if plain_active(decrees, x) else Fraction(0))
    return days


@pytest.mark.parametrize("seed", seeds(25))
def test_a_schedule_is_the_formula_day_by_day(seed: int) -> None:
    """Pieces over a common denominator say, for every day, exactly what DESIGN's formula says."""
    rng = random.Random(seed)
    book = book_of(
        target(weights=rng.choice([None, (Fraction(1), Fraction(0), *[Fraction(2, 7)] * 10)])),
        *random_policies(rng, rng.randrange(1, 25)),
    )
    for x in (day("2025-12-20"), day("2026-07-01"), AFTER):
        regime = book.timeline(GROUP, 2026).regime_on(x)
        if regime.base is None:
            continue
        decrees = regime.decrees
        schedule = regime.base.schedule
        assert per_day(schedule) == plain_schedule(book, decrees, decrees.target)
        assert schedule.total == schedule.expected(AFTER)
        run = schedule.expected_run(FIRST - 5, AFTER + 1)
        assert run == [schedule.expected(y) for y in range(FIRST - 5, AFTER + 1)]
        due = [y for y, amount in zip(YEAR, per_day(schedule), strict=True) if amount]
        for since in (FIRST - 3, *rng.sample(YEAR, 5), AFTER):
            later = [y for y in due if y >= since]
            for count in (1, 2, rng.randint(3, 366)):
                found = later[count - 1] if count <= len(later) else NEVER
                assert schedule.nth_due_day(since, count) == found


@pytest.mark.parametrize("seed", seeds(15))
def test_the_original_plan_is_the_first_target_with_what_was_decreed_by_then(seed: int) -> None:
    """T0 takes the openings of now, and everything else as it stood on the first target's issue day."""
    rng = random.Random(seed)
    book = book_of(target(), target("2026-03-01", 50_000_00), *random_policies(rng, 20))
    timeline = book.timeline(GROUP, 2026)
    regime = timeline.regime_on(day("2026-12-31"))
    decrees, first = regime.decrees, regime.decrees.first_target
    if regime.original is None:
        return
    then = Decrees(timeline.docket(), min(first.issued_day, AFTER - 1))
    then.openings = decrees.openings
    then.adjustments, then.suspensions, then.resumptions = (
        [
            p
            for p in timeline.known()
            if isinstance(p, kind)
            and covers(p.scope, GROUP, decrees.region)
            and p.issued_day <= first.issued_day < book.revoked_on(p.policy_id)
        ]
        for kind in (events.TargetAdjusted, events.Suspended, events.Resumed)
    )
    assert per_day(regime.original.schedule) == plain_schedule(book, then, first)


def total_text(book: Book, x: str) -> str:
    """Return T and its currency on a day."""
    claim = book.timeline(GROUP, 2026).regime_on(day(x)).base
    return f"{Fraction(claim.schedule.total, claim.schedule.denominator)} {claim.currency}"


def test_a_factor_for_the_whole_period_covers_days_before_its_issue() -> None:
    """A cut over the whole period lowers what was due before it, once it is decreed."""
    book = book_of(target(), factor("2026-07-01", "0.85"))
    assert total_text(book, "2026-06-30") == "36500000 USD"
    assert total_text(book, "2026-07-01") == "31025000 USD"


def test_a_delta_is_not_scaled_by_factors_or_headcount() -> None:
    """A delta adds what it says, whatever the factors and the headcount."""
    book = book_of(
        opened(headcount=3), target(per_worker=True), factor("2026-01-01", "0.5"), delta("2026-01-01", 365_00)
    )
    assert total_text(book, "2026-02-01") == f"{36500000 * 3 // 2 + 36500} USD"


def test_a_delta_below_zero_cannot_make_a_day_negative() -> None:
    """Where a cut by an amount exceeds what is due, nothing is due."""
    assert total_text(book_of(target(amount=100), delta("2026-01-01", -900)), "2026-02-01") == "0 USD"


def test_a_delta_that_covers_no_weight_has_no_effect() -> None:
    """December without weight takes no top-up."""
    weights = (*[Fraction(1)] * 11, Fraction(0))
    book = book_of(target(weights=weights), delta("2026-02-01", 100, remaining=True, effective="2026-12-01"))
    assert total_text(book, "2026-03-01") == "36500000 USD"


def test_a_foreign_delta_counts_once_there_is_a_rate_of_its_day() -> None:
    """A delta in yen waits for a rate of the earlier of its issue day and its own day."""
    yen = delta("2026-02-01", 1000, effective="2026-03-01", currency="JPY")
    late = book_of(target(), yen, rate("2026-02-02", "JPY", "USD", "0.01"))
    assert total_text(late, "2026-04-01") == "36500000 USD"
    in_time = book_of(target(), yen, rate("2026-02-01", "USD", "JPY", "100", issued="2026-09-01"))
    assert total_text(in_time, "2026-02-01") == "36501000 USD"


def test_what_falls_on_inactive_days_is_not_moved() -> None:
    """A suspension of 31 days takes 31 days' worth off T."""
    book = book_of(target(), suspended("2026-01-01", "2026-03-01", "2026-03-31"))
    assert total_text(book, "2026-01-01") == f"{36500000 - 31 * 100000} USD"


def test_a_resumption_takes_the_rest_of_a_suspension_off_for_whom_it_covers() -> None:
    """From the effective day of a resumption on, the group is active again."""
    stop = suspended("2026-01-01", "2026-03-01")
    again = policy(events.Resumed, "2026-01-01", resumes=stop.policy_id, scope=HERE, effective_on=day("03-11"))
    assert total_text(book_of(target(), stop, again), "2026-01-01") == f"{36500000 - 10 * 100000} USD"


def test_the_target_that_holds_is_the_one_issued_last_whatever_comes_first() -> None:
    """Order of arrival decides nothing; order of issue does."""
    one, two = target("2025-12-01", 100), target("2026-02-01", 200)
    assert {total_text(book_of(*order), "2026-03-01") for order in ([one, two], [two, one])} == {"200 USD"}


def test_a_levy_is_spread_over_its_days_until_it_is_lifted() -> None:
    """A levy of 10 days at 1.00 a day that is lifted after 4 days asks for 4.00."""
    lift = policy(events.LevyLifted, "2026-03-01", levy_id="rail", effective_on=day("03-05"))
    book = book_of(target(), levy("2026-02-01", "2026-03-01", "2026-03-10", 10_00), lift)
    claims = [book.timeline(GROUP, 2026).regime_on(day(x)).levies["rail"] for x in ("2026-02-28", "2026-03-01")]
    assert [Fraction(c.schedule.total, c.schedule.denominator) for c in claims] == [1000, 400]


def test_nothing_divides_by_zero() -> None:
    """A target of nothing, by a factor of 0 and a headcount of 0, in months without weight, is a T of 0."""
    weights = (Fraction(0), *[Fraction(1)] * 11)
    book = book_of(opened(headcount=1), target(amount=0, per_worker=True, weights=weights), factor("2026-01-01", "0"))
    assert total_text(book, "2026-01-01") == "0 USD"
    assert set(DIGITS) >= {"USD"}


def test_nobody_waits_for_no_due_days() -> None:
    """A grace of 0 days is over before the year begins, whenever the first due day is."""
    plan = target(weights=(Fraction(0), *[Fraction(1)] * 11))
    claim = book_of(plan).timeline(GROUP, 2026).regime_on(FIRST).base
    assert claim is not None
    assert claim.schedule.nth_due_day(FIRST, 0) < FIRST
    assert claim.schedule.nth_due_day(FIRST, 1) == day("02-01")


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_cut_of_more_than_a_huge_target_leaves_nothing_due(more: int) -> None:
    """Amounts that a floating point number can't tell apart are told apart."""
    cut = -(2**60 + 101)
    book = book_of(target(amount=-cut + more), delta("2025-12-02", cut))
    claim = book.timeline(GROUP, 2026).regime_on(FIRST).base
    assert claim is not None
    assert claim.schedule.total == max(0, more) * claim.schedule.denominator


def test_a_cut_for_the_group_alone_is_in_its_first_plan() -> None:
    """What was decreed for the group by the day of its first target is in the plan as it was first set."""
    book = book_of(opened(), factor("2025-11-01", "0.5", scope=HERE, effective="2026-01-01"), target())
    regime = book.timeline(GROUP, 2026).regime_on(FIRST)
    assert regime.original is not None
    assert regime.original.schedule.total == 182_500_00 * regime.original.schedule.denominator


def test_a_due_day_alone_between_two_changes_is_counted() -> None:
    """A day with something due between two days off is a due day like any other."""
    off = [suspended("2025-12-01", "2026-01-01", "2026-01-04"), suspended("2025-12-01", "2026-01-06", "2026-01-08")]
    claim = book_of(target(), *off).timeline(GROUP, 2026).regime_on(FIRST).base
    assert claim is not None
    assert [claim.schedule.nth_due_day(FIRST, count) for count in (1, 2)] == [day("01-05"), day("01-09")]


def test_a_group_is_away_until_the_last_of_its_suspensions_ends() -> None:
    """Two that begin on one day are two: the end of the shorter brings nobody back."""
    shorter, longer = suspended("2025-12-01", "2026-02-01", "2026-02-10"), suspended("2025-12-01", "2026-02-01")
    activity = book_of(target(), shorter, longer).timeline(GROUP, 2026).regime_on(FIRST).activity
    assert [activity.on(day(text)) for text in ("01-31", "02-01", "02-11", "12-31")] == [True, False, False, False]
