"""Figures of more digits than Python reads or writes as an int: every question about them has an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from streams.questions.explanation import explain
from streams.questions.knowledge import AccountKey
from streams.questions.tree import tree_value
from streams.questions.what_if import what_if
from streams.questions.year_chart import year_chart
from streams.questions.year_csv import csv_text
from streams.questions.year_page import page_text
from streams.questions.year_report import year_report
from streams.web.board import Board
from tests.unit.core.making import GROUP, day, factor, opened, target
from tests.unit.questions.histories import known

if TYPE_CHECKING:
    from streams.questions.knowledge import Knowledge

TODAY, OVER = day("2026-07-01"), day("2027-01-01")
LEAST_DIGITS = 4_400


@pytest.fixture(scope="module")
def endless() -> Knowledge:
    """Return a group whose target 500 factors of 999999999.999999999 have raised."""
    rises = [factor("2026-02-01", "999999999.999999999", remaining=True, effective="2026-02-01") for _ in range(500)]
    return known([opened(), target(), *rises], {GROUP: [("2026-03-01", 5_00)]})


def test_it_is_explained(endless: Knowledge) -> None:
    """`explain --json` writes exact figures, whole or as a fraction."""
    explained = json.dumps(tree_value(explain(endless, AccountKey(GROUP, 2026), TODAY)))
    assert len(explained) > LEAST_DIGITS


def test_a_supposition_sums_it(endless: Knowledge) -> None:
    """What-if adds the figures up, before and after."""
    found = what_if(endless, [factor("2026-07-01", "0.5")], TODAY)
    assert len(found["overall"][0]["before"]["adjusted_target"]) > LEAST_DIGITS


def test_the_year_is_reported_in_every_form(endless: Knowledge) -> None:
    """Sums in CSV, and a page whose charts end at their edges."""
    report = year_report(endless, 2026, OVER)
    assert len(report["overall"][0]["adjusted_target"]) > LEAST_DIGITS
    assert len(csv_text(report)) > LEAST_DIGITS
    page = page_text(report)
    assert "nan" not in page
    assert "inf," not in page


def test_the_pages_of_the_operators_have_it(endless: Knowledge) -> None:
    """One such group ended the page for everybody."""
    status = endless.account(AccountKey(GROUP, 2026), TODAY).status
    board = Board()
    board.status(f"{GROUP}/2026", json.dumps(status).encode(), "2026-07-01T12:00:00.000Z")
    (sums,) = board.totals()["overall"]
    assert len(sums["adjusted_target"]) > LEAST_DIGITS
    assert year_chart(endless.view(AccountKey(GROUP, 2026)), TODAY)
