"""Whatever bytes come in, the codec gives an event or a BadRecord, and nothing else ever happens."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.outputs import Reason
from streams.core import events
from streams.shell import codec
from tests.unit.schemas.examples import cases

READABLE = [case.value for case in cases("valid") if case.value]
VALUES = [case.value for case in cases("valid") + cases("invalid") if case.value]
TOPICS = st.sampled_from(["remittances", "policy-changes"])

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["XAU", "1", "all"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw an example with bytes cut out, put in, or turned over."""
    value = bytearray(draw(st.sampled_from(VALUES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(value)))
        end = min(len(value), at + draw(st.integers(0, 12)))
        value[at:end] = draw(
            st.binary(max_size=4) | st.sampled_from([b"9" * 5000, b"[" * 300, b'"', b"\\ud800", b"NaN", b"-"])
        )
    return bytes(value)


@st.composite
def refilled(draw: st.DrawFn) -> bytes:
    """Draw a message of a known type with any JSON in some of its fields."""
    value = json.loads(draw(st.sampled_from(READABLE)))
    for field in draw(st.lists(st.sampled_from([*value, "factor", "delta", "x"]), min_size=1, max_size=3)):
        value[field] = draw(json_values)
    return json.dumps(value).encode()


def outcome(topic: codec.Topic, value: bytes) -> object:
    """Decode; anything but an event or a BadRecord fails the test."""
    try:
        return codec.decode(topic, value)
    except codec.BadRecord as bad:
        told = bad.reason, bad.detail
    assert told[0] in Reason.__args__
    assert told[1]
    return told


@given(TOPICS, st.binary(max_size=200) | mutated() | refilled() | json_values.map(lambda v: json.dumps(v).encode()))
@settings(max_examples=500, deadline=None)
def test_any_bytes(topic: codec.Topic, value: bytes) -> None:
    """Random bytes, random JSON and damaged messages end in an event or a reason, the same each time."""
    result = outcome(topic, value)
    assert isinstance(result, events.Remittance | events.Reversal | events.Policy | tuple)
    assert result == outcome(topic, value)


def test_every_byte_of_a_message_may_be_wrong() -> None:
    """One byte turned over or cut off, at every place of a message, does no harm."""
    for case in [case for case in cases("valid") if case.name.endswith("as it usually is")]:
        assert case.value is not None
        for at in range(len(case.value)):
            for byte in (0x00, 0x22, 0x5C, 0x7B, 0xFF):
                outcome(case.topic, case.value[:at] + bytes([byte]) + case.value[at + 1 :])
            outcome(case.topic, case.value[:at])


def test_nesting_of_any_depth_in_any_place() -> None:
    """Nesting is refused by its depth alone, however deep the stack already is."""
    for depth in (10, 199, 201, 1000, 30000):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            nested = (opening * depth + "1" + closing * depth)[:60000]
            for place in ('{"schema_version":%s}', '{"schema_version":1,"type":"target_set","scope":%s}', "%s"):
                outcome("policy-changes", (place % nested).encode())

    def deeper(levels: int) -> object:
        return deeper(levels - 1) if levels else outcome("remittances", b'{"a":' + b"[" * 150 + b"]" * 150 + b"}")

    assert deeper(0) == deeper(700) == ("unknown_version", "schema_version: missing; the number 1 is wanted")
