"""The year's report: totals reconcile to the cent, currencies stay apart, the page needs nothing from elsewhere."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from streams.questions.amounts import SUMMED
from streams.questions.year_csv import csv_text
from streams.questions.year_page import page_text
from streams.questions.year_report import LEVY_SUMMED, year_report
from tests.unit.core.making import day, levy, opened, target
from tests.unit.questions.histories import days_to_look_at, known, random_knowledge, synthetic_knowledge

OVER = day("2027-01-01")


def cents(text: str | None) -> int:
    """Return an amount in its smallest unit; nothing is 0."""
    return int((text or "0").replace(".", ""))


def assert_reconciles(report: dict[str, Any]) -> None:
    """Sum of groups = sum of regions = overall, for every figure and currency; so with levies."""
    for rows, fields, by in (
        (report, SUMMED, ("currency",)),
        (report["levies"], LEVY_SUMMED, ("levy_id", "currency")),
    ):
        for overall in rows["overall"]:
            mine = [
                [row for row in rows[level] if all(row[k] == overall[k] for k in by)]
                for level in ("groups", "regions")
            ]
            for field in fields:
                sums = [sum(cents(row[field]) for row in found) for found in mine]
                assert sums == [cents(overall[field])] * 2, field
            assert (
                sum(row["in_full"] for row in mine[0]) == sum(row["in_full"] for row in mine[1]) == overall["in_full"]
            )
            assert len(mine[0]) == sum(row["groups"] for row in mine[1]) == overall["groups"]
        named = {tuple(row[k] for k in by) for row in rows["groups"]}
        assert named == {tuple(row[k] for k in by) for row in rows["overall"]}


@pytest.mark.parametrize("on", ["2026-01-01", "2026-06-30", "2026-12-31", "2027-01-01", "2027-05-01"])
def test_the_made_up_year_reconciles(on: str) -> None:
    """On every day on which the report could be asked for."""
    report = year_report(synthetic_knowledge(groups=12), 2026, day(on))
    assert_reconciles(report)
    assert report["closed"] == (on >= "2027")


@pytest.mark.parametrize("seed", range(60))
def test_random_years_reconcile(seed: int) -> None:
    """With targets in several currencies, levies, rates that are missing, closings."""
    knowledge = random_knowledge(seed)
    for on in days_to_look_at(seed):
        report = year_report(knowledge, 2026, on)
        assert_reconciles(report)
        page_text(report)
        csv_text(report)


def test_effects_add_up_in_totals_too() -> None:
    """policy_effect + remittance_effect = R - E, of each total whose groups all have a first plan."""
    report = year_report(synthetic_knowledge(groups=12), 2026, OVER)
    for row in [*report["regions"], *report["overall"]]:
        assert row["without_effects"] == 0
        effects = cents(row["policy_effect"]) + cents(row["remittance_effect"])
        assert effects == cents(row["remitted_to_date"]) - cents(row["expected_to_date"])


def two_currencies() -> dict[str, Any]:
    """Return the report of a group in dollars, one in yen (no decimals) and one without a target."""
    rail = levy("2026-02-01", "2026-03-01", "2026-03-10", 100_00)
    policies = [
        opened("2025-12-01", group_id="a", region="north"),
        target("2025-12-01", 1_000_00, group_id="a"),
        opened("2025-12-01", group_id="b", region="north"),
        target("2025-12-01", 50_000, group_id="b", currency="JPY"),
        opened("2025-12-01", group_id="c", region="south"),
        rail,
    ]
    money = {
        "a": [("2026-02-01", 1_000_00), ("2026-03-01", 100_00, "USD", "rail")],
        "b": [("2026-02-01", 20_000, "JPY")],
        "c": [("2026-02-01", 7_00)],
    }
    return year_report(known(policies, money), 2026, OVER)


def test_currencies_are_never_added_up() -> None:
    """Each has totals of its own, with its own decimals; a group without a target is named and its money shown."""
    report = two_currencies()
    overall = {row["currency"]: row for row in report["overall"]}
    assert (overall["USD"]["remitted_to_date"], overall["USD"]["in_full"]) == ("1000.00", 1)
    assert (overall["JPY"]["remitted_to_date"], overall["JPY"]["attainment_of_target"]) == ("20000", "0.4000")
    assert report["without_target"] == ["c"]
    assert report["waiting"]["unconverted"] == {"USD": "7.00"}
    (rail,) = report["levies"]["overall"]
    assert (rail["groups"], rail["in_full"], rail["remitted_to_date"], rail["shortfall"]) == (
        3,
        1,
        "100.00",
        "200.00",
    )
    assert_reconciles(report)


def test_the_csv_has_every_row_and_adds_up() -> None:
    """A spreadsheet that adds the groups of a currency finds the total."""
    report = two_currencies()
    rows = list(csv.DictReader(io.StringIO(csv_text(report))))
    kinds = [row["row"] for row in rows]
    assert kinds.count("group") == 2
    assert kinds.count("overall") == 2
    assert kinds.count("levy group") == 3
    remitted = sum(
        cents(row["remitted_to_date"]) for row in rows if row["row"] == "group" and row["currency"] == "USD"
    )
    assert remitted == cents(
        next(r for r in rows if r["row"] == "overall" and r["currency"] == "USD")["remitted_to_date"]
    )


class _Tags(HTMLParser):
    """Notes every tag, and fails on one that is closed out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002  the parser's signature
        self.seen.append(tag)
        if tag not in {"meta", "line", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"line", "rect"} or (self.open and self.open[-1] == tag):
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_from_elsewhere() -> None:
    """No script, no link, no address; charts are inline; every tag is closed; it has rules for print."""
    page = page_text(year_report(synthetic_knowledge(groups=12), 2026, OVER))
    tags = _Tags()
    tags.feed(page.replace("<!doctype html>", ""))
    assert tags.open == []
    assert tags.seen.count("svg") == 3
    assert not {"script", "link", "img", "iframe"} & set(tags.seen)
    assert not re.search(r"https?:|url\(|@import", page)
    assert "@media print" in page
    assert "@page" in page


def test_names_cannot_break_the_page() -> None:
    """What comes from messages is escaped."""
    report = two_currencies()
    report["groups"][0]["group_id"] = "<b>&"
    assert "<b>&" not in page_text(report).replace('<div class="tile"><b>', "")
    assert "&lt;b&gt;&amp;" in page_text(report)


def test_a_group_that_is_called_like_a_level_is_not_coloured() -> None:
    """Only the column of levels says who missed."""
    report = two_currencies()
    report["groups"][0] |= {"group_id": "missed", "level": "met"}
    page = page_text(report)
    assert '<td class="t">missed</td>' in page
    assert '<td class="t level met">met</td>' in page
