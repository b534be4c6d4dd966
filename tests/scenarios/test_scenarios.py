"""Every table of scenarios in this folder, played forwards and backwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.playing import Scenario, differences, play, scenarios_in

TABLES = [
    pytest.param(scenario, id=f"{path.stem}: {scenario.title}")
    for path in sorted(Path(__file__).parent.glob("*.txt"))
    for scenario in scenarios_in(path)
]


@pytest.mark.parametrize("scenario", TABLES)
def test_a_scenario_ends_as_its_table_says(scenario: Scenario) -> None:
    """The transitions, and the fields of the statuses that the table names, are those of the table."""
    assert differences(scenario) == []


@pytest.mark.parametrize("scenario", TABLES)
def test_a_scenario_ends_the_same_whatever_the_order_of_arrival(scenario: Scenario) -> None:
    """The same events backwards end in the same statuses and episodes (I1)."""
    assert play(scenario, backwards=True) == play(scenario)
