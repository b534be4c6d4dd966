"""How sure a forecast is shown to be."""

from __future__ import annotations

import pytest

from streams.cli.forecast import probability_text


@pytest.mark.parametrize(
    ("probability", "why", "text"),
    [
        (None, "no target", "-"),
        (0.0, "the target is met", "0%"),
        (1.0, "no active day is left", "100%"),
        (0.0, None, "< 1%"),
        (1.0, None, "> 99%"),
        (0.743, None, "74%"),
    ],
)
def test_only_what_is_settled_is_shown_as_sure(probability: float | None, why: str | None, text: str) -> None:
    """All of two thousand draws may miss, and the group may still make it."""
    assert probability_text({"probability_to_miss": probability, "why": why}) == text
