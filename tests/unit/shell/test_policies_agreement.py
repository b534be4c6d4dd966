"""The fast way of policies and the models: whatever the fast way says yes to, the models read the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.currencies import MINOR_DIGITS
from streams.core.events import Policy
from streams.shell import codec, codec_fast_policies
from streams.shell.bad_record import LARGEST_VALUE_BYTES
from tests.unit.schemas.examples import cases
from tests.unit.shell.near import AMOUNTS, NAMES, SETTINGS, UUIDS, WRONG, messages, near, no_key_twice, times

TIMES = times() | near("2026-03-05T09:30:00+09:00", "2026-03-05T09:30:00.5Z")
DAYS = near("2026-03-05", "2026-02-29", "2028-02-29", "1999-12-31", "2099-12-31", "2100-01-01", "2026-13-01")
HEADCOUNTS = st.sampled_from([0, 1, 40, -1, 40.0, True, 999_999_999, 1_000_000_000, 10**30])
WEIGHTS = near("0", "0.0", "-0", "-1", "1", "0.083333333", "1234567890", "0.0123456789")
PACES = st.one_of(
    st.just({"kind": "linear"}),
    st.builds(lambda weights: {"kind": "monthly", "weights": weights}, st.lists(WEIGHTS, min_size=11, max_size=13)),
    st.builds(lambda one: {"kind": "monthly", "weights": [one] * 12}, WEIGHTS | WRONG),
    st.builds(lambda kind, more: {"kind": kind} | more, near("linear"), st.sampled_from([{}, {"weights": []}])),
)
HEAD = {
    "policy_id": UUIDS,
    "issued_at": TIMES,
    "reason": st.none() | st.text(max_size=9) | st.sampled_from(["x" * 200, "x" * 201, "𐍈" * 200, "𐍈" * 201]),
    "group_id": NAMES,
}
FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "group_opened": HEAD | {"region": NAMES, "opened_on": DAYS, "headcount": HEADCOUNTS},
    "group_closed": HEAD | {"closed_on": DAYS},
    "headcount_changed": HEAD | {"headcount": HEADCOUNTS, "effective_on": DAYS},
    "target_set": HEAD
    | {
        "plan_year": st.sampled_from([1999, 2000, 2026, 2099, 2100, 2026.0, "2026"]),
        "amount": AMOUNTS,
        "currency": st.sampled_from(sorted(MINOR_DIGITS)) | near("USD", "XAU", "JPY"),
        "basis": st.sampled_from(["fixed", "per_worker", "each"]),
        "pace": PACES,
    },
}
GOOD = {
    "policy_id": "0f1c2a10-0000-4000-8000-00000000000a",
    "issued_at": "2026-03-05T09:30:00+09:00",
    "reason": None,
    "group_id": "dandong-07",
    "region": "north",
    "opened_on": "2026-03-05",
    "closed_on": "2026-09-05",
    "effective_on": "2026-06-01",
    "headcount": 40,
    "plan_year": 2026,
    "amount": "1250.00",
    "currency": "USD",
    "basis": "fixed",
    "pace": {"kind": "linear"},
}
MESSAGES = messages(FIELDS, GOOD, ["scope", "amount", "x", "weights"])


def judged(value: bytes) -> Any:
    """Return what the models make of a policy; None where they refuse it."""
    try:
        return codec.judge("policy-changes", value)
    except codec.BadRecord:
        return None


@given(MESSAGES)
@SETTINGS
def test_the_fast_way_agrees_with_the_models(value: bytes) -> None:
    """The fast way reads what the models read, and nothing that they refuse."""
    found = codec_fast_policies.decode(value)
    assert found is None or found == judged(value)


@given(MESSAGES, st.data())
@SETTINGS
def test_they_agree_on_damaged_bytes(value: bytes, data: st.DataObject) -> None:
    """A byte or two turned over or put in changes nothing about that."""
    at = data.draw(st.integers(0, len(value)))
    damaged = value[:at] + data.draw(st.binary(max_size=2)) + value[at + data.draw(st.integers(0, 2)) :]
    found = codec_fast_policies.decode(damaged)
    assert found is None or found == judged(damaged)


@given(MESSAGES)
@SETTINGS
def test_the_fast_way_is_not_narrower_than_it_has_to_be(value: bytes) -> None:
    """What the models accept the fast way accepts too, but where a key comes twice, and but for a 0 below 0."""
    slow = judged(value)
    if slow is not None and no_key_twice(value) and b'"-0' not in value:
        assert codec_fast_policies.decode(value) == slow


@pytest.mark.parametrize("case", [c for c in cases("valid") + cases("invalid") if c.topic == "policy-changes"])
def test_they_agree_on_every_example(case: Any) -> None:
    """Every example of the contracts is read the same, or left to the models."""
    found = codec_fast_policies.decode(case.value)
    assert found is None or found == judged(case.value)


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_what_is_usual_goes_the_fast_way(kind: str) -> None:
    """Each of the four types is read without the models."""
    usual = next(c for c in cases("valid") if c.value and f'"type":"{kind}"'.encode() in c.value.replace(b" ", b""))
    assert isinstance(codec_fast_policies.decode(usual.value), Policy)


@pytest.mark.parametrize("value", [None, b"", b"x" * (LARGEST_VALUE_BYTES + 1)])
def test_no_message_is_left_to_the_models(value: bytes | None) -> None:
    """They say what is wrong with it."""
    assert codec_fast_policies.decode(value) is None
