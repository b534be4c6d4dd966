"""A group's year as a chart: the same figures as its status, before and after each policy."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from streams.questions.knowledge import AccountKey, Knowledge
from streams.questions.year_chart import year_chart
from tests.unit.core.making import GROUP, day, factor, opened, target
from tests.unit.questions.histories import days_to_look_at, known, random_knowledge, synthetic_knowledge

MONEY = {GROUP: [(f"2026-{month:02d}-01", 25_000_00) for month in range(1, 7)]}


def chart_of(knowledge: Knowledge, on: str | int, group_id: str = GROUP, year: int = 2026) -> dict[str, Any]:
    """Return the chart of an account on a day."""
    return year_chart(knowledge.view(AccountKey(group_id, year)), day(on) if isinstance(on, str) else on)


def at(text: str) -> int:
    """Return the place of a day of 2026 in a chart's series."""
    return (date.fromisoformat(text) - date(2026, 1, 1)).days


def test_a_cut_is_a_step_from_its_day_on() -> None:
    """The worked example: what was true in June stays, and both sides of the policy can be seen."""
    knowledge = known([opened(), target("2026-01-01"), factor("2026-07-01", "0.85")], MONEY)
    chart = chart_of(knowledge, "2026-07-10")
    assert [(plan["since"], plan["target"]) for plan in chart["plans"]] == [
        ("2026-01-01", "365000.00"), ("2026-07-01", "310250.00"),
    ]  # fmt: skip
    before, after = (plan["expected"] for plan in chart["plans"])
    assert (before[at("2026-07-01")], after[at("2026-07-01")]) == ("181000.00", "153850.00")
    assert chart["expected_then"][at("2026-06-30")] == "180000.00"
    assert chart["expected_then"][at("2026-07-01")] == "153850.00"
    assert len(chart["expected_then"]) == len(chart["remitted"]) == at("2026-07-10") + 1
    assert chart["remitted"][at("2026-06-01")] == "150000.00"
    assert chart["original"] == before
    cut = chart["policies"][-1]
    assert (cut["issued_on"], cut["target_before"], cut["target_after"]) == ("2026-07-01", "365000.00", "310250.00")
    assert (cut["expected_before"], cut["expected_after"]) == ("181000.00", "153850.00")
    assert "factor 0.85" in cut["words"]
    assert all(flag["target_before"] is None for flag in chart["policies"][:-1])


def test_what_is_decreed_later_is_not_there_yet() -> None:
    """A chart as of June knows of no cut in July."""
    knowledge = known([opened(), target("2026-01-01"), factor("2026-07-01", "0.85")], MONEY)
    chart = chart_of(knowledge, "2026-06-30")
    assert len(chart["plans"]) == 1
    assert [flag["words"].split(":")[0] for flag in chart["policies"]] == ["group_opened", "target_set"]


def test_without_a_target_there_are_no_series() -> None:
    """Money alone makes an account, but nothing to draw it against."""
    chart = chart_of(known([opened()], MONEY), "2026-07-01")
    assert (chart["currency"], chart["plans"], chart["remitted"], chart["projected"]) == (None, [], [], None)


def agrees(knowledge: Knowledge, key: AccountKey, on: int) -> None:
    """Hold a chart against the status of its day."""
    status = knowledge.account(key, on).status
    chart = chart_of(knowledge, on, key.group_id, key.plan_year)
    assert (chart["currency"], chart["as_of"]) == (status["currency"], status["as_of"])
    if status["currency"] is None:
        return
    over = chart["as_of"] == f"{key.plan_year + 1}-01-01"
    days = (date.fromisoformat(chart["as_of"]) - date(key.plan_year, 1, 1)).days
    if days < 0:
        return
    assert chart["plans"][-1]["target"] == status["adjusted_target"]
    assert chart["plans"][-1]["expected"][days] == status["expected_to_date"]
    assert chart["remitted"][-1] == status["remitted_to_date"]
    assert chart["projected"] == (None if over else status["projected_total"])
    if status["original_target"] is not None:
        assert chart["original"][-1] == status["original_target"]


@pytest.mark.parametrize("seed", range(40))
def test_it_says_what_the_status_says(seed: int) -> None:
    """On any day, under any policies: the page's chart and its figures must not disagree."""
    knowledge = random_knowledge(seed)
    for on in days_to_look_at(seed):
        for key in knowledge.keys(on):
            agrees(knowledge, key, on)


def test_it_says_what_statuses_say_of_a_whole_year() -> None:
    """Of groups as they are in the demo."""
    knowledge = synthetic_knowledge()
    for on in (date(2026, 2, 1) + timedelta(days=60 * step) for step in range(7)):
        for key in knowledge.keys(on.toordinal()):
            agrees(knowledge, key, on.toordinal())
