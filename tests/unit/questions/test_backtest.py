"""Other thresholds over the log: that they hold everywhere they should, and what the measures count."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from streams.core.events import Scope
from streams.questions.backtest import backtest, in_place_of
from streams.questions.knowledge import AccountKey
from tests.unit.core.making import GROUP, day, opened, rules, target
from tests.unit.questions.histories import known, random_knowledge, synthetic_knowledge

if TYPE_CHECKING:
    from streams.questions.knowledge import Knowledge

OVER = day("2027-01-01")


def signal(found: dict[str, Any], side: str, name: str = "any") -> dict[str, Any]:
    """Return the measures of a signal."""
    return next(row for row in found[side]["signals"] if row["signal"] == name)


def kind(found: dict[str, Any], side: str, name: str) -> dict[str, Any]:
    """Return the measures of a kind of episode."""
    return next((row for row in found[side]["episodes"] if row["kind"] == name), {"episodes": 0})


def thresholds(knowledge: Knowledge, on: int) -> Any:
    """Return the thresholds of the group on a day."""
    return knowledge.view(AccountKey(GROUP, 2026)).timeline.thresholds_on(on)


@pytest.mark.parametrize("seed", range(40))
def test_the_thresholds_given_hold_on_every_day_and_the_others_stay(seed: int) -> None:
    """Whatever rules the log has, of whichever day, time and scope, revoked or not."""
    knowledge = random_knowledge(seed)
    supposed = knowledge.with_policies(
        in_place_of(knowledge, rules("2026-01-01", warning_below="0.55", grace_days=17))
    )
    for on in range(day("2026-01-01"), day("2027-01-02"), 7):
        before, after = thresholds(knowledge, on), thresholds(supposed, on)
        assert after == before._replace(warning_below=Fraction(55, 100), grace_days=17)


@pytest.mark.parametrize("seed", range(20))
def test_thresholds_for_others_change_nothing_here(seed: int) -> None:
    """A scope that does not cover the group leaves its thresholds as the log has them."""
    knowledge = random_knowledge(seed)
    elsewhere = rules("2026-01-01", warning_below="0.55", scope=Scope(group_id="nobody"))
    supposed = knowledge.with_policies(in_place_of(knowledge, elsewhere))
    for on in range(day("2026-01-01"), day("2027-01-02"), 7):
        assert thresholds(supposed, on) == thresholds(knowledge, on)


def test_the_rules_of_today_measured_against_themselves_differ_in_nothing() -> None:
    """A threshold as it is by default, where no rule names it, changes no measure."""
    found = backtest(synthetic_knowledge(), rules("2026-01-01", warning_below="0.90"), OVER)
    assert found["today"] == found["other"]


def two_groups() -> Knowledge:
    """Return one group that pays evenly and meets its target, and one that stops at the end of June and misses it."""
    groups = {"met": range(1, 13), "missed": range(1, 7)}
    policies = [
        made(group_id=group_id)
        for group_id in groups
        for made in (lambda **who: opened("2025-12-01", **who), lambda **who: target("2025-12-01", **who))
    ]
    money = {
        group_id: [(f"2026-{month:02d}-01", 31_000_00) for month in months] for group_id, months in groups.items()
    }
    return known(policies, money)


def test_precision_recall_and_lead_of_a_made_history() -> None:
    """One of two misses; it falls behind 90 % of its pace on 25 July, and is caught that many days before the end."""
    found = backtest(two_groups(), rules("2026-01-01", warning_below="0.50", critical_below="0.10"), OVER)
    assert (found["accounts"], found["accounts_judged"]) == (4, 2)  # of 2027 both have an account that is not over
    today = signal(found, "today", "behind_pace")
    # 6 x 31,000 = 186,000 is under 90 % of what was due first after 206.66 days: of 207, on 27 July.
    assert (today["judged"], today["missed"], today["warned"], today["caught"]) == (2, 1, 1, 1)
    assert (today["precision"], today["recall"]) == ("1.0000", "1.0000")
    assert today["median_lead_days"] == OVER - day("2026-07-27")
    assert today["caught_days_before"] == {"30": 1, "60": 1, "90": 1, "180": 0}
    other = signal(found, "other", "behind_pace")
    assert (other["warned"], other["caught"], other["precision"], other["recall"]) == (0, 0, None, "0.0000")


def test_episodes_are_counted_with_their_length() -> None:
    """From opening to closing; one that lapses with the year ends there."""
    found = backtest(two_groups(), rules("2026-01-01", silent_days=366), OVER)
    behind = kind(found, "today", "behind_pace")
    assert (behind["episodes"], behind["lapsed"], behind["open"]) == (1, 1, 0)
    assert behind["longest_days"] == behind["total_days"] == OVER - day("2026-07-27")
    assert kind(found, "today", "silent")["episodes"] == 1
    assert kind(found, "other", "silent")["episodes"] == 0
    assert kind(found, "other", "missed")["episodes"] == kind(found, "today", "missed")["episodes"] == 1


def test_a_year_that_is_not_over_is_not_judged() -> None:
    """Its episodes count, but nobody knows yet who misses."""
    found = backtest(two_groups(), rules("2026-01-01", warning_below="0.8"), day("2026-12-31"))
    assert found["accounts_judged"] == 0
    assert signal(found, "today")["precision"] is None
    assert kind(found, "today", "behind_pace")["open"] == 1


def test_lower_thresholds_warn_of_fewer() -> None:
    """In the made-up year too, and all that is caught is among what was warned of."""
    found = backtest(synthetic_knowledge(groups=12), rules("2026-01-01", warning_below="0.6"), OVER)
    for name in ("behind_pace", "any"):
        today, other = (signal(found, side, name) for side in ("today", "other"))
        assert other["warned"] <= today["warned"]
        assert today["caught"] <= min(today["warned"], today["missed"])
