"""The forecast: settled cases, what it is drawn from, and that it keeps its word on simulated groups."""

from __future__ import annotations

import random
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from benchmarks.forecast_calibration import WAYS, simulate
from streams.questions.forecast import draw, forecast, past_weeks
from streams.questions.knowledge import AccountKey
from tests.unit.core.making import GROUP, day, factor, suspended, target
from tests.unit.questions.histories import known

KEY = AccountKey(GROUP, 2026)


def weekly(first: str, weeks: int, amount: int) -> list[tuple[Any, ...]]:
    """Return one payment a week."""
    return [(str(date.fromisoformat(first) + timedelta(days=7 * week)), amount) for week in range(weeks)]


def of(money: list[tuple[Any, ...]], on: str, *policies: Any, seed: int = 1) -> dict[str, Any]:
    """Return the forecast of a group with a target of 365,000.00 USD."""
    return forecast(known([target("2025-12-01"), *policies], {GROUP: money}), KEY, day(on), random.Random(seed), 500)


def test_one_who_pays_evenly_enough_meets_and_one_who_pays_half_misses() -> None:
    """Weeks that are all alike leave nothing open."""
    assert of(weekly("2026-01-01", 26, 7_100_00), "2026-07-02")["probability_to_miss"] == 0.0
    assert of(weekly("2026-01-01", 26, 3_500_00), "2026-07-02")["probability_to_miss"] == 1.0


def test_what_is_settled_needs_no_dice() -> None:
    """A target that is met, a year that is over, no target."""
    met = of([("2026-01-05", 365_000_00)], "2026-02-10")
    assert (met["probability_to_miss"], met["why"]) == (0.0, "the target is met")
    over = of(weekly("2026-01-01", 10, 1_00), "2027-03-01")
    assert (over["probability_to_miss"], over["why"], over["days_left"]) == (1.0, "no active day is left", 0)
    none = forecast(known([], {GROUP: [("2026-01-05", 1_00)]}), KEY, day("2026-02-10"), random.Random(1))
    assert (none["probability_to_miss"], none["why"]) == (None, "no target")


def test_too_few_weeks_are_no_ground_for_a_forecast() -> None:
    """It says so instead of a number."""
    early = of(weekly("2026-01-01", 3, 7_000_00), "2026-01-25")
    assert (early["probability_to_miss"], early["weeks_known"]) == (None, 3)
    assert early["why"] == "fewer than 4 past weeks are known"


def test_the_same_seed_gives_the_same_forecast() -> None:
    """And another seed another one, where there is something to draw."""
    money = [(when, 4_600_00 + at * 191_17) for at, (when, _) in enumerate(weekly("2026-01-01", 26, 1))]
    first, again, other = (of(money, "2026-07-02", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert 0.0 < first["probability_to_miss"] < 1.0
    assert first["total_at"] != other["total_at"]


def test_weeks_before_new_year_count_and_weeks_off_do_not() -> None:
    """Seven days each, backwards from the day; one with a day of suspension is left out."""
    claimed = known(
        [target("2025-12-01"), suspended("2026-01-01", "2026-01-20", "2026-01-20")],
        {GROUP: [*weekly("2025-12-04", 4, 1_00), *weekly("2026-01-01", 5, 2_00)]},
    )
    view = claimed.view(KEY)
    regime = view.timeline.regime_on(day("2026-02-05"))
    assert regime.base is not None
    weeks = past_weeks(claimed, KEY, regime.base, day("2026-02-05"))
    assert weeks[:8] == [2_00, 2_00, 2_00, 2_00, 1_00, 1_00, 1_00, 1_00]  # the week of 15 January is not there
    assert set(weeks[8:]) == {0}
    assert len(weeks) == 52  # and no more


def test_a_cut_makes_a_miss_less_likely() -> None:
    """The target is the one that is decreed by now."""
    money = [*weekly("2026-01-01", 13, 4_000_00), *weekly("2026-04-02", 13, 8_000_00)]
    as_it_is, cut = of(money, "2026-07-02"), of(money, "2026-07-02", factor("2026-06-01", "0.85"))
    assert cut["probability_to_miss"] < as_it_is["probability_to_miss"]


def test_part_of_a_week_takes_its_part_of_the_money() -> None:
    """Ten days of weeks of 700 bring 1000."""
    drawn = draw(0, Fraction(1_001), [700, 700, 700, 700], 10, random.Random(1), 100)
    assert (drawn.miss, set(drawn.totals.values())) == (Fraction(1), {1_000})
    assert draw(0, Fraction(1_000), [700] * 4, 10, random.Random(1), 100).miss == 0


def test_it_keeps_its_word_on_simulated_groups() -> None:
    """Of 450 simulated groups, about as many miss as were expected to, below and above one half."""
    dice = random.Random(11)
    results = [found for at in range(450) if (found := simulate(dice, WAYS[at % 3], 200)) is not None]
    assert len(results) > 300
    for low, high in ((0.0, 0.5), (0.5, 1.01)):
        within = [result for result in results if low <= result[0] < high]
        expected = sum(said for said, _ in within) / len(within)
        missed = sum(missed for _, missed in within) / len(within)
        assert abs(missed - expected) < 0.1
