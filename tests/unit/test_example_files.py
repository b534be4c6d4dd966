"""The files in examples/ are valid, and say what README and the design say of them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from streams.questions.knowledge import Knowledge
from streams.questions.what_if import what_if
from tests.property.core import Core, event_of

EXAMPLES = Path(__file__).parents[2] / "examples"


def told(name: str) -> Core:
    """Return what a worker would know of an example."""
    return Core(json.loads(line) for line in (EXAMPLES / name).read_text(encoding="utf-8").splitlines())


BEFORE = {"adjusted_target": "365000.00", "expected_to_date": "180000.00", "policy_effect": "0.00"}
AFTER = {
    "adjusted_target": "310250.00",
    "expected_to_date": "153850.00",
    "attainment_to_date": "0.9750",
    "level": "ok",
}
EFFECTS = {"policy_effect": "27150.00", "remittance_effect": "-31000.00"}


@pytest.mark.parametrize(("on", "figures"), [("2026-06-30", BEFORE), ("2026-07-01", AFTER | EFFECTS)])
def test_the_worked_example_is_the_design_s(on: str, figures: dict[str, str]) -> None:
    """Whoever publishes the file sees the figures that README promises."""
    (status,) = told("worked-example.jsonl").statuses(date.fromisoformat(on)).values()
    assert figures.items() <= status.items()


def test_the_cut_can_be_supposed_of_the_worked_example() -> None:
    """The file for what-if changes the target by another 15 %."""
    core = told("worked-example.jsonl")
    supposed = [event_of(json.loads((EXAMPLES / "cut-by-15-percent.jsonl").read_text(encoding="utf-8")))]
    found = what_if(Knowledge(core.book, core.ledgers), supposed, date(2026, 7, 1).toordinal())
    (row,) = found["groups"]
    assert (row["before"]["adjusted_target"], row["after"]["adjusted_target"]) == ("310250.00", "263712.50")
