"""Every table of scenarios in this folder, played forwards and backwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.playing import Scenario, play, scenarios_in, seen

TABLES = [
    pytest.param(scenario, id=f"{path.stem}: {scenario.title}")
    for path in sorted(Path(__file__).parent.glob("*.txt"))
    for scenario in scenarios_in(path)
]


@pytest.mark.parametrize("scenario", TABLES)
def test_a_scenario_ends_as_its_table_says(scenario: Scenario) -> None:
    """The transitions, and the fields of the status that the table names, are those of the table."""
    account = play(scenario)
    if scenario.transitions or scenario.watched:
        assert seen(scenario, account) == scenario.transitions
    for name, expected in scenario.fields:
        value = account.status[name]
        assert (value if isinstance(value, str) else json.dumps(value)) == expected, name


@pytest.mark.parametrize("scenario", TABLES)
def test_a_scenario_ends_the_same_whatever_the_order_of_arrival(scenario: Scenario) -> None:
    """The same events backwards end in the same status and episodes."""
    assert play(scenario, backwards=True) == play(scenario)
