"""The examples have every way in which a policy can contradict itself, each with the field that is at fault.

That each is refused so is held by test_codec.py; that a worker then goes on, by tests/integration/test_bad_input.py.
"""

from __future__ import annotations

import pytest

from streams.core.thresholds import FIELDS
from tests.unit.schemas.examples import cases

# (type: why, the field that its dead letter names)
CONTRADICTIONS = [
    ("target_set: plan_year: 1999", "plan_year"),
    ("target_set: plan_year: 2100", "plan_year"),
    ("target_adjusted: plan_year: 1999", "plan_year"),
    ("target_adjusted: plan_year: 2100", "plan_year"),
    ("target_set: pace: all 0", "pace"),
    ("levy_imposed: due before it begins", "due_day"),
    ("levy_imposed: due in another year", "due_day"),
    ("target_adjusted: both factor and delta", "factor"),
    ("target_adjusted: neither factor nor delta", "factor"),
    ("target_set: amount: 19 digits before the point", "amount"),
    ("levy_imposed: amount: 19 digits before the point", "amount"),
    ("target_adjusted: delta: 19 digits", "delta"),
    ("remittance: amount: 19 digits before the point", "amount"),
    ("suspended: ends before it begins", "until_day"),
    ("exchange_rate_set: rate: 0", "rate"),
    ("exchange_rate_set: to itself", "per"),
]
INVALID = {case.name: case for case in cases("invalid")}


@pytest.mark.parametrize(("name", "field"), CONTRADICTIONS)
def test_a_contradiction_is_among_the_examples(name: str, field: str) -> None:
    """Each way is an example that is refused as breaking the rules, with its field."""
    assert (INVALID[name].reason, INVALID[name].field) == ("schema", field)


@pytest.mark.parametrize("threshold", FIELDS)
def test_every_threshold_out_of_its_range_is_among_the_examples(threshold: str) -> None:
    """Below and, where it has an upper bound, above."""
    tried = [name.rsplit(": ", 1)[1].strip('"') for name in INVALID if f"alert_rules_set: {threshold}: " in name]
    assert {"0", "-1", "-0.1"} & set(tried)
    if threshold not in {"critical_below", "unreachable_factor"}:
        assert {"1.000000001", "0.500000001", "367"} & set(tried)
