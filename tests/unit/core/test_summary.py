"""The sentence of an alert says who, what, how much and why, in words that need no docs."""

from __future__ import annotations

from typing import Any

import pytest

from streams.core.rules import KINDS, LAPSED, OPENED, RESOLVED, RETARGETED, RETRACTED
from streams.core.summary import summary_of

WORKED = {
    "group_id": "dandong-07", "plan_year": 2026, "kind": "behind_pace", "levy_id": None, "transition": "opened",
    "severity": "warning", "on_day": "2026-07-01", "threshold": "0.9000", "remitted": "150000.00",
    "expected": "181000.00", "shortfall": "31000.00", "adjusted_target": "365000.00", "policy_effect": "0.00",
    "currency": "USD",
}  # fmt: skip
CUT = {"expected": "153850.00", "shortfall": "3850.00", "adjusted_target": "310250.00", "policy_effect": "27150.00"}
LEVY = {"levy_id": "railway", "policy_effect": None, "expected": "2000.00", "adjusted_target": "6000.00"}
NO_FIGURES = dict.fromkeys(("remitted", "expected", "shortfall", "adjusted_target", "policy_effect", "currency"))


UNCHANGED = "policies changed nothing of what was due"
READS = [
    pytest.param({}, f"dandong-07 is 31,000.00 USD (17 %) behind its 2026 pace, as of 2026-07-01; {UNCHANGED}."),
    pytest.param(
        {"transition": "resolved", **CUT},
        "dandong-07 is no longer behind its 2026 pace as of 2026-07-01: 150,000.00 came in of the 153,850.00 USD due "
        "by then; policies since the first plan took 27,150.00 USD off what was due.",
    ),
    pytest.param(
        {"transition": "escalated", "policy_effect": "-500.00"},
        "dandong-07 is 31,000.00 USD (17 %) behind its 2026 pace, which is critical as of 2026-07-01; policies since "
        "the first plan added 500.00 USD to what was due.",
    ),
    pytest.param(
        {"kind": "levy_behind", **LEVY, "remitted": "500.00", "shortfall": "1500.00"},
        "dandong-07 is 1,500.00 USD (75 %) behind with the levy railway of 2026, as of 2026-07-01.",
    ),
    pytest.param(
        {"kind": "missed", **LEVY, "remitted": "5000.00"},
        "dandong-07 missed the levy railway of 2026: 5,000.00 came in of 6,000.00 USD; 1,000.00 USD (17 %) "
        "are missing.",
    ),
    pytest.param(
        {"kind": "silent", "threshold": "35"},
        "dandong-07 has sent nothing on the last 35 days that had something due, as of 2026-07-01; 215,000.00 USD "
        "(59 %) are missing.",
    ),
    pytest.param(
        {"kind": "unreachable", "threshold": "1018.48"},
        "dandong-07 would have to send more than 1,018.48 USD a day to reach its 2026 target, beyond what its best "
        f"30 days suggest, as of 2026-07-01; 215,000.00 USD (59 %) are missing; {UNCHANGED}.",
    ),
    pytest.param(
        {"transition": "lapsed", **NO_FIGURES},
        "dandong-07 was behind its 2026 pace; the alert ended on 2026-07-01, when it no longer applied.",
    ),
    pytest.param(
        {"transition": "retracted"},
        "dandong-07 was not behind its 2026 pace on 2026-07-01 after all, by what is known now.",
    ),
]


@pytest.mark.parametrize(("changed", "sentence"), READS)
def test_a_sentence_reads_well(changed: dict[str, Any], sentence: str) -> None:
    """Without it an alert would have to be looked up in the docs."""
    assert summary_of(WORKED | changed) == sentence


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.name}, levy {kind.of_levy}")
def test_every_transition_of_every_kind_has_a_sentence(kind: Any) -> None:
    """Else an alert could not be told, for want of words."""
    wanted = {OPENED, RESOLVED, LAPSED, RETRACTED} | ({RETARGETED} if kind.retargets else set())
    assert set(kind.sentences) >= wanted
    assert len(kind.sentences) - len(wanted) == (2 if kind.critical else 0)
    for transition in kind.sentences:
        alert = WORKED | {"kind": kind.name, "transition": transition, "levy_id": "rail" if kind.of_levy else None}
        assert "{" not in summary_of(alert)
        assert summary_of(alert | {"expected": "0.00", "adjusted_target": "0.00"}).endswith(".")
        if transition in {LAPSED, RETRACTED}:  # nothing may be asked any more
            assert summary_of(alert | NO_FIGURES).endswith(".")
