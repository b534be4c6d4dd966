"""The table of how groups stand: who is in it, in which order, and how figures look."""

from __future__ import annotations

from typing import Any

from streams.cli.status import amount, behind_since, choose, footer, levies_behind, percent, table


def a_status(group: str, attainment: str | None, **other: Any) -> dict[str, Any]:
    """Return what of a status the table needs."""
    return {
        "group_id": group,
        "region": "dandong",
        "plan_year": 2026,
        "as_of": "2026-12-15",
        "currency": "USD",
        "level": "ok",
        "attainment_to_date": attainment,
        "expected_to_date": "1000.00",
        "remitted_to_date": "900.00",
        "shortfall": "100.00",
        "policy_effect": "0.00",
        "remittance_effect": "-100.00",
        "open_episodes": [],
        "levies": [],
    } | other


def names(statuses: list[dict[str, Any]]) -> list[str]:
    """Return the groups in order."""
    return [one["group_id"] for one in statuses]


def test_those_furthest_behind_come_first_and_those_without_a_target_last() -> None:
    """Equal attainment goes by the money that is missing."""
    statuses = [
        a_status("none", None, shortfall=None),
        a_status("ahead", "1.2000", shortfall="0.00"),
        a_status("behind", "0.5000"),
        a_status("behind-by-more", "0.5000", shortfall="900.00"),
    ]
    assert names(choose(statuses, None, None, set())) == ["behind-by-more", "behind", "ahead", "none"]


def test_the_newest_plan_year_is_shown_unless_another_is_asked_for() -> None:
    """Years do not mix in one table."""
    statuses = [a_status("old", "0.1000", plan_year=2025), a_status("new", "0.9000")]
    assert names(choose(statuses, None, None, set())) == ["new"]
    assert names(choose(statuses, 2025, None, set())) == ["old"]


def test_a_year_that_is_yet_to_come_is_not_shown_instead_of_the_one_that_goes_on() -> None:
    """Else next year's targets, set in November, would hide how everybody stands."""
    statuses = [a_status("now", "0.9000"), a_status("next", None, plan_year=2027)]
    assert names(choose(statuses, None, None, set())) == ["now"]
    assert names(choose(statuses, 2027, None, set())) == ["next"]
    assert names(choose(statuses[1:], None, None, set())) == ["next"]
    closed = [a_status("closed", "0.9000", as_of="2027-01-01")]
    assert names(choose(closed, None, None, set())) == ["closed"]


def test_a_levy_that_is_behind_is_seen_beside_an_account_that_is_met() -> None:
    """A levy does not enter into the account's level."""
    levies = [{"levy_id": "railway", "level": "missed"}, {"levy_id": "road", "level": "met"}]
    assert levies_behind(a_status("a", "1.1000", level="met", levies=levies)) == "railway missed"
    paid, unpaid = a_status("a", "1.1000"), a_status("b", "1.1000", levies=levies)
    assert len(table([unpaid], 200).columns) == len(table([paid], 200).columns) + 1


def test_regions_and_levels_narrow_the_table() -> None:
    """Both together narrow it further."""
    statuses = [
        a_status("a", "0.1000", level="critical"),
        a_status("b", "0.2000", level="critical", region="dalian"),
        a_status("c", "0.3000", level="warning"),
        a_status("d", "0.4000"),
    ]
    assert names(choose(statuses, None, "dandong", {"critical", "warning"})) == ["a", "c"]


def test_since_is_the_oldest_open_episode_of_the_account_itself() -> None:
    """A levy's episode does not say since when the account is behind."""
    episodes = [
        {"levy_id": "railway", "opened_on": "2026-01-01"},
        {"levy_id": None, "opened_on": "2026-05-02"},
        {"levy_id": None, "opened_on": "2026-03-01"},
    ]
    assert behind_since(a_status("a", "0.5000", open_episodes=episodes)) == "2026-03-01"
    assert behind_since(a_status("a", "0.5000")) is None


def test_figures_are_shown_as_people_write_them() -> None:
    """No figure loses a digit, and none is made up where there is none."""
    assert amount("1234567.80") == "1,234,567.80"
    assert amount("-0.05") == "-0.05"
    assert amount(None) == "-"
    assert percent("0.8287") == "82.9%"
    assert percent(None) == "-"


def test_a_currency_column_is_there_only_where_currencies_differ() -> None:
    """Where all have one the last line names it."""
    dollars = [a_status("a", "0.5000")]
    both = [*dollars, a_status("b", "0.6000", currency="RUB")]
    assert len(table(dollars, 200).columns) + 1 == len(table(both, 200).columns)
    assert ", in USD," in footer(dollars)
    assert "in USD" not in footer(both)


def test_a_narrow_terminal_gets_fewer_columns() -> None:
    """What is left out follows from what stays."""
    assert len(table([a_status("a", "0.5000")], 80).columns) < len(table([a_status("a", "0.5000")], 120).columns)
