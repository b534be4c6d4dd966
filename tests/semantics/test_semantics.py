"""docs/semantics.md says what the code does: its examples are played, its tables and its drawing are made from it."""

from __future__ import annotations

import json
import re

import pytest

from streams.core.thresholds import DEFAULTS, FIELDS
from streams.shell.codec import BadRecord, decode
from tests.scenarios.playing import Scenario, differences
from tests.semantics import page
from tests.unit.schemas.examples import plain

TEXT = page.text()
SCENARIOS = [pytest.param(scenario, id=scenario.title) for scenario in page.scenarios(TEXT)]
MADE_OF = ("`warning`", "`critical`", "`ok`", "`met`", "`missed`", "`inactive`", "`no_target`", "`lifted`")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_example_ends_as_the_page_says(scenario: Scenario) -> None:
    """The core gives the very transitions and figures that the page shows."""
    assert differences(scenario) == []


def test_every_example_is_played() -> None:
    """No block of the page is anything but a scenario that shows something, or a formula."""
    assert {language for language, _ in page.blocks(TEXT)} == {"scenario", "text"}
    for scenario in page.scenarios(TEXT):
        assert scenario.until
        assert any(look.fields or look.transitions or look.watched for look in scenario.looks), scenario.title


def test_every_surprise_has_its_example() -> None:
    """Each heading under "What may surprise you" has a scenario of its own."""
    surprises = TEXT.split("## What may surprise you", 1)[1]
    sections = re.split(r"^### ", surprises, flags=re.MULTILINE)[1:]
    assert len(sections) >= 8
    assert [section.splitlines()[0] for section in sections if "```scenario" not in section] == []


def test_the_tables_are_those_of_the_code() -> None:
    """The alert table and the thresholds are as the core has them; `python -m tests.semantics.page` renews them."""
    assert page.with_made_parts(TEXT) == TEXT
    assert all(f"<!-- made: {name} -->" in TEXT for name in page.PARTS)


def test_the_drawing_is_of_the_core() -> None:
    """The drawn year is what the core gives for the page's scenario; `python -m tests.semantics.page` renews it."""
    assert page.DRAWING.read_text(encoding="utf-8") == page.drawing(TEXT)
    assert page.DRAWING.name in TEXT


def taken(name: str, value: str | int) -> bool:
    """Tell whether alert_rules_set takes a threshold."""
    message = {key: v for key, v in plain()["alert_rules_set"].items() if key not in FIELDS} | {name: value}
    try:
        decode("policy-changes", json.dumps(message).encode())
    except BadRecord:
        return False
    return True


@pytest.mark.parametrize("name", FIELDS)
def test_the_ranges_are_those_of_the_wire(name: str) -> None:
    """The bounds that the page names are taken, and what lies just beyond is not."""
    low, high = page.RANGES[name]
    if isinstance(getattr(DEFAULTS, name), int):
        assert [taken(name, n) for n in (int(low) - 1, int(low), int(high), int(high) + 1)] == [
            False,
            True,
            True,
            False,
        ]
        return
    assert [taken(name, n) for n in ("-0.000000001", "0", "0.000000001")] == [False, low == "0", True]
    beyond = "1.000000001" if high == "1" else "0.500000001"
    assert [taken(name, n) for n in ("0.5", beyond, "999999999")] == [True, high == "any", high == "any"]


@pytest.mark.parametrize("word", MADE_OF)
def test_every_level_is_explained(word: str) -> None:
    """The page says of each level when it holds."""
    assert f"| {word} |" in TEXT
