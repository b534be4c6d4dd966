"""The fast ways and the models: whatever a fast way says yes to, the models read the same, alone or among others.

There are two, with the module in C and without it; each test holds either against the models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.currencies import MINOR_DIGITS
from streams.shell import codec, codec_fast, native
from streams.shell.bad_record import LARGEST_VALUE_BYTES
from streams.shell.blocks import Block
from streams.shell.envelopes import BATCHED_MODE, STRUCTURED_MODE
from tests.unit.shell.batches import body
from tests.unit.shell.near import AMOUNTS, NAMES, SETTINGS, TEXTS, UUIDS, messages, near, no_key_twice, times


def by_columns(values: Sequence[bytes | None]) -> codec_fast.Sure:
    """Decode without the module in C."""
    with mock.patch.object(native, "columns", None):
        return codec_fast.decode(values)


def in_c(values: Sequence[bytes | None]) -> codec_fast.Sure:
    """Decode with the module in C, and by columns what it leaves."""
    assert native.columns is not None
    return codec_fast.decode(values)


def as_block(values: Sequence[bytes | None]) -> codec_fast.Sure:
    """Decode records that were kept as the bytes that they came in."""
    assert native.columns is not None
    data = body([(n, None, value, []) for n, value in enumerate(values)])
    spans = native.columns.spans(data, len(values), 0, 0)
    return codec_fast.decode_block(Block.of(data, spans, 0))


Way = Callable[[Sequence[bytes | None]], codec_fast.Sure]
needs_c = pytest.mark.skipif(native.columns is None, reason="no C here")
WAYS = [by_columns, pytest.param(in_c, marks=needs_c), pytest.param(as_block, marks=needs_c)]
both_ways = pytest.mark.parametrize("way", WAYS)


FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "remittance": {
        "event_id": UUIDS,
        "group_id": NAMES,
        "amount": AMOUNTS,
        "currency": st.sampled_from(sorted(MINOR_DIGITS)) | near("USD", "XAU", "JPY"),
        "occurred_at": times() | near("2026-03-05T09:30:00+09:00", "2026-03-05T09:30:00.5Z"),
        "channel": st.sampled_from(["bank_transfer", "cash", "goods", "other"]) | near("cash"),
        "levy_id": st.none() | NAMES,
        "reference": TEXTS,
    },
    "reversal": {
        "event_id": UUIDS,
        "group_id": NAMES,
        "reverses": UUIDS,
        "occurred_at": times() | near("2026-03-05T09:30:00+09:00", "2026-03-05T09:30:00.5Z"),
        "reason": TEXTS,
    },
}
GOOD = {
    "schema_version": 1,
    "event_id": "0f1c2a10-0000-4000-8000-00000000000a",
    "group_id": "dandong-07",
    "amount": "1250.00",
    "currency": "USD",
    "occurred_at": "2026-03-05T09:30:00+09:00",
    "channel": "cash",
    "levy_id": None,
    "reference": None,
    "reverses": "0f1c2a10-0000-4000-8000-00000000000b",
    "reason": None,
}


def records() -> st.SearchStrategy[bytes]:
    """Return remittances, reversals, and what nearly is one."""
    return messages(FIELDS, GOOD, ["reason", "amount", "x", "reverses"])


def judged(value: bytes) -> Any:
    """Return what the models make of a record; None where they refuse it."""
    try:
        return codec.judge("remittances", value)
    except codec.BadRecord:
        return None


def fast(way: Way, value: bytes) -> Any:
    """Return what a fast way makes of a record; None where it is not sure."""
    return next(way([value]).events.single(), None)


@both_ways
@given(records())
@SETTINGS
def test_the_fast_way_agrees_with_the_models(way: Way, value: bytes) -> None:
    """The fast way reads what the models read, to the last bit of the digest, and nothing that they refuse."""
    found = fast(way, value)
    if found is not None:
        slow = judged(value)
        assert found == slow
        assert type(found) is type(slow)


@both_ways
@given(records(), st.data())
@SETTINGS
def test_they_agree_on_damaged_bytes(way: Way, value: bytes, data: st.DataObject) -> None:
    """A byte or two turned over or put in changes nothing about that."""
    at = data.draw(st.integers(0, len(value)))
    damaged = value[:at] + data.draw(st.binary(max_size=2)) + value[at + data.draw(st.integers(0, 2)) :]
    found = fast(way, damaged)
    assert found is None or found == judged(damaged)


@both_ways
@given(records())
@SETTINGS
def test_the_fast_way_is_not_narrower_than_it_has_to_be(way: Way, value: bytes) -> None:
    """What the models accept the fast way accepts too, but where a key comes twice: no honest producer is slow."""
    if no_key_twice(value) and judged(value) is not None:
        assert fast(way, value) is not None


class Came(NamedTuple):
    """A record of `remittances`."""

    value: bytes | None
    headers: list[tuple[str, bytes | None]]


@st.composite
def came(draw: st.DrawFn) -> Came:
    """Draw records: mostly good ones of many producers, plain or in an envelope; bad ones among them."""
    if draw(st.integers(0, 9)) == 0:
        return Came(draw(st.none() | st.just(b"") | st.just(b"x" * (LARGEST_VALUE_BYTES + 1)) | records()), [])
    kind = draw(st.sampled_from(["remittance", "remittance", "remittance", "reversal"]))
    fields = {name: GOOD[name] for name in FIELDS[kind]}
    fields["event_id"] = f"0f1c2a10-0000-4000-8000-00000000{draw(st.integers(0, 9999)):04}"
    fields["group_id"] = draw(st.sampled_from(["a", "dandong-07", "rason.2", "x" * 64]))
    fields["occurred_at"] = draw(st.sampled_from(["2026-03-05T09:30:00Z", "2026-12-31T23:59:59.5-01:00"]) | times())
    if kind == "remittance":
        fields["amount"] = draw(st.sampled_from(["1.00", "1250.5", "7", "9" * 18 + ".99"]))
        fields["currency"] = draw(st.sampled_from(["USD", "CNY", "KWD"]))
        fields["levy_id"] = draw(st.sampled_from([None, "rail", "port"]))
    value = json.dumps({"schema_version": 1, "type": kind} | fields).encode()
    match draw(st.sampled_from(["plain", "plain", "plain", "registry", "event"])):
        case "registry":
            return Came(b"\0\0\0\0\7" + value, [])
        case "event":
            return Came(b'{"specversion":"1.0","data":' + value + b"}", [("content-type", STRUCTURED_MODE)])
        case _:
            headers = st.sampled_from([[], [("content-type", STRUCTURED_MODE)], [("content-type", BATCHED_MODE)]])
            return Came(value, draw(headers))


def alone(value: bytes | None, headers: Any) -> Any:
    """Return what a record says, or what is wrong with it."""
    try:
        return codec.decode("remittances", value, headers)
    except codec.BadRecord as error:
        return error.reason, error.detail


@pytest.mark.parametrize("columns", [None, native.columns])
@given(st.lists(came(), max_size=40))
@SETTINGS
def test_among_others_each_record_says_the_same(columns: Any, taken: list[Came]) -> None:
    """What a record says, and what is wrong with it, does not depend on the records that came with it."""
    with mock.patch.object(native, "columns", columns):
        rows, events, bad = codec.decode_remittances(taken)
    refused = {row: (error.reason, error.detail) for row, error in bad}
    found = dict(zip(rows.tolist(), events.single(), strict=True))
    assert list(found) == sorted(found)
    for row, (value, headers) in enumerate(taken):
        assert alone(value, headers) == (refused[row] if row in refused else found[row])
    assert len(refused) + len(found) == len(taken)


@both_ways
def test_one_in_doubt_keeps_few_others_from_the_fast_way(way: Way) -> None:
    """Among a thousand records, one that only the models can judge takes no more than its neighbours along."""
    good = json.dumps(
        {name: GOOD[name] for name in FIELDS["remittance"]} | {"schema_version": 1, "type": "remittance"}
    )
    odd = good.replace("1250.00", "0.00")
    rows = way([(odd if n == 501 else good).encode() for n in range(1_000)]).rows.tolist()
    assert 501 not in rows
    assert len(rows) >= 1_000 - codec_fast._SEARCHED
