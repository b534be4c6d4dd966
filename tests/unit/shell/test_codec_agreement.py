"""The fast ways and the models: whatever a fast way says yes to, the models read the same, alone or among others.

There are two, with the module in C and without it; each test holds either against the models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.currencies import MINOR_DIGITS
from streams.shell import codec, codec_fast, native
from streams.shell.bad_record import LARGEST_VALUE_BYTES
from streams.shell.blocks import Block
from streams.shell.envelopes import BATCHED_MODE, STRUCTURED_MODE
from tests.unit.shell.batches import body

SETTINGS = settings(max_examples=400, deadline=None)


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


SIGNS = ["", "0", "9", "-", "+", ".", ":", "T", "t", "z", "Z", " ", "\n", "_", "A", "\u0663", "é", "\0"]


@st.composite
def near(draw: st.DrawFn, *texts: str) -> str:
    """Draw texts like these, as they are or with a few characters cut, put in or replaced."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(SIGNS)) + text[at + draw(st.integers(0, 2)) :]
    return text


@st.composite
def times(draw: st.DrawFn) -> str:
    """Draw RFC 3339 times, and what nearly is one: month 13, second 60, hour 24, years next to the range."""
    two = lambda top: f"{draw(st.integers(0, top)):02}"  # noqa: E731
    year = draw(st.sampled_from([1999, 2000, 2026, 2028, 2099, 2100]) | st.integers(2000, 2099))
    day = draw(st.sampled_from(["01-01", "12-31", "02-29", f"{two(13)}-{two(32)}"]))
    fraction = draw(st.just("") | st.from_regex(r"\A\.[0-9]{0,9}\Z"))
    offset = draw(
        st.sampled_from(["Z", "z", "+00:00", "-00:00", "+23:59", "-23:59", ""]) | st.just(f"+{two(25)}:{two(61)}")
    )
    return f"{year}-{day}{draw(st.sampled_from('Tt '))}{two(24)}:{two(60)}:{two(60)}{fraction}{offset}"


UUIDS = st.uuids().map(str) | st.uuids().map(lambda u: str(u).upper()) | near("0f1c2a10-0000-4000-8000-00000000000a")
NAMES = st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,63}\Z") | near("a", "dandong-07", "a" * 64, "a" * 65, "")
TEXTS = st.none() | st.text(max_size=66) | st.sampled_from(["x" * 64, "x" * 65, "𐍈" * 64, "𐍈" * 65])
AMOUNTS = (
    st.from_regex(r"\A[0-9]{1,19}(\.[0-9]{0,5})?\Z")
    | near("0", "0.00", "1250.00", "-1.00", "0.0001", "9" * 18 + ".99")
    | st.sampled_from(["²", "\uff11.00", "1_0", "1e2", "0x1"])
)
WRONG = st.sampled_from([None, True, False, 0, 1, 1.0, -1, 1e400, [], {}, "", "x"])
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


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Draw messages of which a field or two are drawn anew, left out, doubled, of a wrong type or unknown."""
    kind = draw(st.sampled_from(sorted(FIELDS)))
    fields = FIELDS[kind]
    pairs: list[tuple[str, Any]] = [("schema_version", 1), ("type", kind), *((name, GOOD[name]) for name in fields)]
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(sorted(fields)))
        at = next((n for n, pair in enumerate(pairs) if pair[0] == name), 0)
        match draw(
            st.sampled_from(["value", "value", "value", "value", "wrong", "drop", "again", "type", "version", "new"])
        ):
            case "value":
                pairs[at] = (name, draw(fields[name]))
            case "wrong":
                pairs[at] = (name, draw(WRONG))
            case "drop":
                del pairs[at]
            case "again":
                pairs.append((name, draw(fields[name] | WRONG)))
            case "type":
                pairs.append(("type", draw(st.sampled_from([*FIELDS, "target_set", None]))))
            case "version":
                pairs.append(("schema_version", draw(WRONG)))
            case _:
                pairs.append((draw(st.sampled_from(["reason", "amount", "x", "reverses"])), draw(WRONG)))
    pairs = draw(st.permutations(pairs)) if draw(st.booleans()) else pairs
    ascii_only = draw(st.booleans())
    members = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=ascii_only)}" for name, value in pairs)
    return ("{" + ",".join(members) + "}").encode(errors="surrogatepass")


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
    pairs = json.loads(value.decode(errors="surrogatepass"), object_pairs_hook=lambda pairs: pairs)
    once = len({name for name, _ in pairs}) == len(pairs)
    if once and judged(value) is not None:
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
