"""What must hold for any bytes at all: one function for each way in, which raises where it doesn't.

The first byte of an input says which of them it is for, so that one corpus serves all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from schemas.outputs import DeadLetter, Reason
from streams.core.events import Policy, Remittance, Reversal
from streams.shell import codec, envelopes, packs
from streams.shell.dead_letters import dead_letter
from streams.shell.header_names import _LenientBatch
from streams.shell.packs import Part
from streams.shell.versions import UnreadableStateError
from tests.unit.schemas.examples import cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.shell.envelopes import Headers

_DEEP_BYTES = 60_000


def remittances(value: bytes) -> None:
    """Hold a record of `remittances` to: an event that both decoders agree on and packs carry, or a dead letter."""
    event = decoded("remittances", value, [])
    if event is not None:
        assert isinstance(event, Remittance | Reversal)
        part = Part("remittances", 0, 1, [(0, event)])
        assert packs.decode(packs.encode(part.columns())) == [part]


def policy_changes(value: bytes) -> None:
    """Hold a record of `policy-changes` to: a policy, or a dead letter."""
    event = decoded("policy-changes", value, [])
    assert event is None or isinstance(event, Policy)


def cloud_events(value: bytes) -> None:
    """Hold a record that says it is a CloudEvent to: what its data says, or a dead letter."""
    said: Headers = [("content-type", envelopes.STRUCTURED_MODE)]
    decoded("remittances", value, said)
    decoded("policy-changes", value, said)
    trace = envelopes.trace(value, said)
    assert trace is None or trace == envelopes.trace(None, trace.headers())


def decoded(topic: codec.Topic, value: bytes, of: Headers) -> Any:
    """Return what a record says, None where it became a dead letter as its schema has it."""
    try:
        event = codec.decode(topic, value, of)
    except codec.BadRecord as refused:
        reason, detail, unforeseen = refused.reason, refused.detail, refused.__cause__
    else:
        assert event == codec.judge(topic, _message(topic, value, of))
        if topic == "remittances":
            rows, events, _ = codec.decode_remittances([_Record(value, of)])
            assert (rows.tolist(), [*events.single()]) == ([0], [event])
        return event
    if topic == "remittances":
        assert not codec.decode_remittances([_Record(value, of)]).rows.size
    assert unforeseen is None
    assert reason in Reason.__args__  # type: ignore[attr-defined]
    assert detail
    letter(value, [], reason, detail)
    return None


class _Record(NamedTuple):
    value: bytes
    headers: Headers


def _message(topic: codec.Topic, value: bytes, of: Headers) -> bytes | None:
    """Return what is judged: a message as it stands needs no envelope, whatever its headers say."""
    try:
        codec.judge(topic, value)
    except codec.BadRecord:
        return envelopes.message(value, of)
    return value


def letter(value: bytes | None, headers: list[tuple[str, bytes | None]], reason: str, detail: str) -> None:
    """Hold a dead letter to its schema, as JSON that any reader takes."""
    body = dead_letter("remittances", 0, 7, 0, value, value, headers, reason, detail)
    text = json.dumps(body).encode()
    assert DeadLetter.model_validate_json(text).value_bytes == (None if value is None else len(value))


def pack(value: bytes) -> None:
    """Hold a record of the home log to: a pack, or one sentence why not."""
    try:
        found = packs.decode(value)
    except UnreadableStateError:
        return
    assert all(isinstance(part, Part) for part in found)


class _AnyBytes(str):
    """A header name that a producer of another language may send."""

    __slots__ = ("on_the_wire",)
    on_the_wire: bytes

    def encode(self, *_: object) -> bytes:
        """Give the bytes that go over the wire."""
        return self.on_the_wire


def headers(value: bytes) -> None:
    """Hold a record with any header name and value to: read as it is, and fit for a dead letter."""
    name, content = _AnyBytes("x"), value[len(value) // 2 :]
    name.on_the_wire = value[: len(value) // 2]
    builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 1 << 20)
    builder.append(0, 0, b"key", b"value", [(name, content), (name, None)])
    batch = _LenientBatch(bytearray(builder.build()))
    batch.validate_crc()
    (record,) = batch
    read = name.on_the_wire.decode("utf-8", "backslashreplace")
    assert list(record.headers) == [(read, content), (read, None)]
    letter(None, list(record.headers), "empty", "value: none")


TARGETS: tuple[Callable[[bytes], None], ...] = (
    remittances,
    policy_changes,
    pack,
    headers,
    cloud_events,
)


def one(data: bytes) -> None:
    """Hold one input to what must hold."""
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


def seeds() -> list[bytes]:
    """Return the inputs to begin with: every example of the schemas, plain and enveloped, packs, and deep nesting."""
    found, entries = [], []
    for case in cases("valid") + cases("invalid"):
        value = case.value or b""
        way_in = bytes([("remittances", "policy-changes").index(case.topic)])
        found += [way_in + value, way_in + b"\0\0\0\0\7" + value]
        found.append(b'\x04{"specversion":"1.0","data":' + value + b"}")
        if case.reason is None and case.topic == "remittances":
            entries.append((len(entries), codec.decode("remittances", value)))
    found += [b"\x02" + packs.encode(Part("remittances", 3, len(entries), entries[:n]).columns()) for n in (0, 1, 9)]
    deep = (text * (_DEEP_BYTES // len(text)) for text in (b"\0", b"[", b'{"a":', b'{"specversion":"1.0","data":'))
    found += [bytes([way_in]) + text for text in deep for way_in in range(len(TARGETS))]
    return [*found, b"\x03ce_idname\xff\xfeX0f1c2a10", b"\x03"]


def words() -> list[bytes]:
    """Return what the fuzzer may put in: the examples' field names and texts, and what parsers stumble over."""
    found = {b"NaN", b"-0", b"1e400", b"\\ud800", b"\xff", b"9" * 60, b"[[[[[[[[", b"null", b"\\u0000"}
    for case in cases("valid"):
        document = json.loads(case.value or b"{}")
        found |= {json.dumps(text).encode() for pair in document.items() for text in pair if isinstance(text, str)}
    return sorted(word for word in found if len(word) <= 60)
