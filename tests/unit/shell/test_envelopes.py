"""What a message of an input topic may come in, and whose doing it says that it is."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.shell import codec, envelopes
from streams.shell.codec import BadRecord
from streams.shell.letters import Letter, reason_today
from streams.shell.topics import Names
from streams.shell.traces import HEADER, KEPT, Traces, pack_headers
from tests.unit.schemas.examples import plain

STRUCTURED = [("Content-Type", b"application/cloudevents+json; charset=UTF-8")]
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TOPICS = {name: "remittances" if "event_id" in message else "policy-changes" for name, message in plain().items()}


def envelope(data: Any, **other: Any) -> bytes:
    """Return a CloudEvent in structured mode."""
    return json.dumps(
        {"specversion": "1.0", "id": "1", "source": "/bank", "type": "remittance", "data": data} | other
    ).encode()


@pytest.mark.parametrize("name", TOPICS)
def test_every_message_may_come_in_three_ways(name: str) -> None:
    """Plain, in an envelope, behind a registry's prefix: the same event."""
    value, topic = json.dumps(plain()[name]).encode(), TOPICS[name]
    event = codec.decode(topic, value)
    assert codec.decode(topic, value, []) == event
    assert codec.decode(topic, envelope(plain()[name], datacontenttype="application/json"), STRUCTURED) == event
    assert codec.decode(topic, b"\0\0\0\0\7" + value, [("ce_id", b"1")]) == event
    assert envelopes.message(b"\0\0\0\0\7" + value, []) == value


def test_what_is_a_message_as_it_stands_needs_no_envelope() -> None:
    """A dead letter that is mended and sent again keeps its headers, and its value has no envelope any more."""
    value = json.dumps(plain()["remittance"]).encode()
    assert codec.decode("remittances", value, STRUCTURED) == codec.decode("remittances", value)
    policy = json.dumps(plain()["revoked"]).encode()
    assert envelopes.message(policy, STRUCTURED) == policy


REFUSED = [
    (envelope({}, specversion="0.3"), STRUCTURED, "schema", "specversion"),
    (envelope({}, datacontenttype="text/xml"), STRUCTURED, "schema", "datacontenttype"),
    (json.dumps({"specversion": "1.0", "data_base64": "e30="}).encode(), STRUCTURED, "schema", "data"),
    (b'{"a":1}', STRUCTURED, "schema", "specversion"),
    (b"[1]", STRUCTURED, "not_json", "value"),
    (b"\xff", STRUCTURED, "not_json", "value"),
    (b'{"s\xc6ecversion":"1.0","data":""}', STRUCTURED, "not_json", "value"),
    (b"[" * 5_000, STRUCTURED, "not_json", "value"),
    (b"", STRUCTURED, "empty", "value"),
    (None, STRUCTURED, "empty", "value"),
    (envelope("x" * (64 << 10)), STRUCTURED, "too_large", "value"),
    (envelope("text"), STRUCTURED, "not_json", "value"),
    (envelope({"schema_version": 2}), STRUCTURED, "unknown_version", "schema_version"),
    (envelope(plain()["remittance"] | {"amount": "-1"}), STRUCTURED, "schema", "amount"),
    (envelope({}), [("content-type", b"application/cloudevents-batch+json")], "schema", "content-type"),
    (envelope(plain()["remittance"]), [], "unknown_version", "schema_version"),
    (b"\0\0\0\0\7", [], "not_json", "value"),
    (b"\0\0\0\0\7[]", [], "not_json", "value"),
    (b"\0", [], "not_json", "value"),
    (b"\0" * 60_000, [], "not_json", "value"),
    (b"\0\0\0\0\7" * 2 + json.dumps(plain()["remittance"]).encode(), [], "not_json", "value"),
]


@pytest.mark.parametrize(("value", "headers", "reason", "field"), REFUSED)
def test_what_cannot_be_opened_is_refused_with_its_field(value: bytes, headers: Any, reason: str, field: str) -> None:
    """Each way in which an envelope may be wrong has a reason and a field, like any other bad input."""
    with pytest.raises(BadRecord) as caught:
        codec.decode("remittances", value, headers)
    assert (caught.value.reason, caught.value.detail.split(":")[0]) == (reason, field)


def test_a_later_version_is_told_what_to_do() -> None:
    """Somebody who reads the dead letter has to learn that the workers are what is old."""
    for version, said in [(2, "upgrade the workers"), ("1", "not the number 1"), (10**30, "not the number 1")]:
        with pytest.raises(BadRecord, match=said) as caught:
            codec.decode("remittances", json.dumps({"schema_version": version}).encode())
        assert caught.value.reason == "unknown_version"
        assert str(10**30) not in caught.value.detail


def test_a_dead_letter_is_judged_again_with_its_headers() -> None:
    """What came in an envelope that an older version could not open is usable today."""
    value = envelope(plain()["remittance"])
    headers = [[name, b64encode(said).decode()] for name, said in STRUCTURED]
    body = {"topic": "remittances", "partition": 0, "offset": 0, "reason": "unknown_version", "headers": headers,
            "value_base64": b64encode(value).decode(), "value_bytes": len(value)}  # fmt: skip
    assert reason_today(Names(), Letter(body, 0, [])) is None
    assert reason_today(Names(), Letter(body | {"headers": []}, 0, [])) == "unknown_version"


def test_a_trace_is_read_from_headers_and_envelopes() -> None:
    """Any of the three ways in which senders carry it; and nothing that is no trace context goes further."""
    said = envelopes.Trace(PARENT.encode(), b"vendor=1")
    assert envelopes.trace(b"", [("traceparent", PARENT.encode()), ("tracestate", b"vendor=1")]) == said
    assert envelopes.trace(b"", [("ce_traceparent", PARENT.encode()), ("ce_tracestate", b"vendor=1")]) == said
    assert envelopes.trace(envelope({}, traceparent=PARENT, tracestate="vendor=1"), STRUCTURED) == said
    assert said.headers() == [("traceparent", PARENT.encode()), ("tracestate", b"vendor=1")]
    assert envelopes.trace(b"", [("traceparent", PARENT.encode()), ("tracestate", b"x" * 513)]) == said._replace(
        tracestate=b""
    )
    for wrong in ("", PARENT.upper(), PARENT[:-1], "00-" + "0" * 32 + PARENT[35:], "ff" + PARENT[2:], PARENT + "\n"):
        assert envelopes.trace(b"", [("traceparent", wrong.encode())]) is None
    assert envelopes.trace(b"{", STRUCTURED) is None


HEADER_VALUES = st.binary(max_size=60) | st.sampled_from(
    [STRUCTURED[0][1], PARENT.encode(), b"application/json", None]
)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["content-type", "traceparent", "ce_tracestate", "x", "\\xff"]), HEADER_VALUES),
    max_size=4,
)
DAMAGED = st.builds(
    lambda value, at, put: value[:at] + put + value[at + len(put) :],
    st.sampled_from([envelope(plain()["remittance"], traceparent=PARENT), json.dumps(plain()["revoked"]).encode()]),
    st.integers(0, 400),
    st.binary(max_size=4) | st.sampled_from([b"\\ud800", b'"', b"\0\0\0\0\1", b"[[", b"1e999"]),
)


@given(st.none() | st.binary(max_size=60) | DAMAGED, HEADERS)
@settings(max_examples=400, deadline=None)
def test_whatever_comes_ends_in_a_message_or_a_reason(value: bytes | None, headers: Any) -> None:
    """Any bytes and headers: an event or a BadRecord, a trace or none; anything else would stop a worker."""
    for topic in ("remittances", "policy-changes"):
        with suppress(BadRecord):
            codec.decode(topic, value, headers)
    found = envelopes.trace(value, headers)
    assert found is None or len(found.traceparent) == len(PARENT)


def test_traces_are_kept_of_the_newest() -> None:
    """The last cause that has one counts; a flood of them ends in no memory without end."""
    traces = Traces()
    first, second = envelopes.Trace(b"1", b""), envelopes.Trace(b"2", b"s")
    traces.take_pack([("other", b"\xff"), (HEADER, b"\xff"), *pack_headers([("a", first), ("b", second)])])
    assert traces.of(["a", "b", "c"]) == second
    assert traces.of(["b", "a"]) == first
    assert traces.of(["c"]) is traces.of([]) is None
    assert pack_headers([]) == []
    for n in range(KEPT):
        traces.add(str(n), first)
    assert traces.of(["a", "b"]) is None
    assert traces.of([str(KEPT - 1)]) == first
