"""Corners that chance seldom finds, where the core has to say what the model says, day by day.

Each was a change to the model that a few hundred made-up histories let pass.
"""

from datetime import date, timedelta

import pytest

from tests.model import wire
from tests.model.naive import Model, alerts, episodes, statuses
from tests.property.core import Core

SOON = wire.rules(90, "2026-01-01", grace_days=1, levy_grace_days=3, silent_days=366)
YEAR = wire.target(amount="365.00")

CORNERS = {
    "a cut in force when the target was set, revoked since, stays in the first plan": [
        wire.adjusted(3, "2025-11-01", "2026-01-01", factor="0.5"),
        YEAR,
        wire.revoked(4, "2026-02-01", 3),
    ],
    "nobody is judged for a levy's days before it was decreed": [
        wire.opened(),
        SOON,
        wire.levy(3, "2026-02-05", "2026-02-01", "2026-02-20"),
    ],
    "of two rules the one with the later day of its own wins, though issued first": [
        YEAR,
        SOON,
        wire.remittance(1, "2026-01-01", "12.00"),
        wire.rules(4, "2026-01-20", issued="2025-12-03", warning_below="0.5"),
        wire.rules(5, "2026-01-18", issued="2025-12-04", warning_below="0.9"),
    ],
    "critical is never above warning: a warning that it would make critical stays one": [
        YEAR,
        SOON,
        wire.remittance(1, "2026-01-01", "12.00"),
        wire.rules(4, "2026-01-16", issued="2025-12-03", warning_below="0.78", critical_below="0.95"),
    ],
    "a levy that is lifted in the middle lapses what is open and opens nothing": [
        wire.opened(),
        SOON,
        wire.levy(3, "2026-01-20", "2026-02-01", "2026-02-20"),
        wire.policy(4, "levy_lifted", "2026-02-03", levy_id="rail", effective_on="2026-02-10"),
        wire.levy(5, "2026-01-20", "2026-02-01", "2026-02-20", levy_id="road"),
        wire.policy(6, "levy_lifted", "2026-02-03", levy_id="road", effective_on="2026-02-03"),
    ],
    "the same amount in another currency is another target": [
        YEAR,
        SOON,
        wire.target(3, amount="365.00", issued="2026-02-01", currency="EUR"),
    ],
    "a group that closes in the year has an account in it, one that closed before has none": [
        wire.opened(),
        wire.policy(3, "group_closed", "2026-02-01", group_id="g", closed_on="2026-02-01"),
        wire.opened(4, group="h"),
        wire.policy(5, "group_closed", "2025-12-31", group_id="h", closed_on="2025-12-31"),
        wire.opened(6, "2026-02-10", group="h"),
    ],
    "of two rates the one with the later day of its own wins, in either direction; a revoked one never was": [
        YEAR,
        wire.rate(3, "EUR", "USD", "1.5", "2026-01-10", issued="2026-01-01"),
        wire.rate(4, "USD", "EUR", "0.25", "2026-01-05", issued="2026-03-01"),
        wire.rate(5, "EUR", "USD", "9", "2026-01-11"),
        wire.revoked(6, "2026-03-01", 5),
        wire.remittance(1, "2026-01-07", "0.01", "EUR"),
        wire.remittance(2, "2026-01-12", "0.01", "EUR"),
        wire.remittance(3, "2026-01-12", "0.03", "EUR"),
    ],
    "halves go to the even cent, each remittance by itself": [
        wire.target(amount="0.05"),
        wire.rate(3, "EUR", "USD", "0.5", "2026-01-01"),
        *(wire.remittance(n, "2026-01-02", f"0.0{n}", "EUR") for n in (1, 3, 5, 7)),
    ],
    "an inactive day breaks a run, a lifted one too, a closed episode doesn't": [
        YEAR,
        wire.rules(90, "2026-01-01", grace_days=0, levy_grace_days=0, for_days=4, silent_days=366),
        wire.suspended(3, "2025-12-01", "2026-01-04", "2026-01-04"),
        wire.remittance(1, "2026-01-12", "12.00"),
        wire.levy(4, "2026-01-20", "2026-02-01", "2026-02-20"),
        wire.policy(5, "levy_lifted", "2026-02-03", levy_id="rail", effective_on="2026-02-03"),
        wire.levy(6, "2026-02-05", "2026-02-01", "2026-02-20"),
    ],
}


@pytest.mark.parametrize("name", CORNERS)
def test_core_is_the_model_in_the_corners(name):
    """On every fifth day of the first quarter, and after the year."""
    messages = CORNERS[name]
    model, core = Model(messages), Core(messages)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(0, 90, 5)]
    for day in [*days, date(2026, 12, 31), date(2027, 1, 1), date(2027, 6, 1)]:
        assert core.statuses(day) == statuses(model, day)
        assert core.episodes(day) == episodes(model, day)
    told = {alert["episode_id"]: alert for alert in core.tell({}, days[-1])}
    expected = alerts(model, days[-1])
    assert {name: {f: v for f, v in told[name].items() if f in expected[name]} for name in told} == expected
