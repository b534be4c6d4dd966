"""What a message of an input topic may come in, and the trace that comes with it.

A message comes as the record's value; or in the envelope of CloudEvents' structured mode (header `content-type:
application/cloudevents+json`); or behind the five bytes that clients of a schema registry put before it. Which of
them it is, is asked only where the value is no message as it stands, so that what comes plain pays for none of this.
Not here: what a message says (`codec.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from streams.shell.bad_record import LARGEST_VALUE_BYTES, BadRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    Headers = Sequence[tuple[str, bytes | None]]

STRUCTURED_MODE: Final = b"application/cloudevents+json"
BATCHED_MODE: Final = b"application/cloudevents-batch"
REGISTRY_MAGIC: Final = b"\0"
REGISTRY_PREFIX_BYTES: Final = 5  # the magic byte, and the schema's id in four
_JSON: Final = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json(?:\s*;.*)?", re.IGNORECASE)
_TRACEPARENT: Final = re.compile(rb"(?!00-0{32}|ff)[0-9a-f]{2}-[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE_BYTES: Final = 512


class _Envelope(msgspec.Struct):
    """What is needed of a CloudEvent; all else that its envelope holds is passed over."""

    specversion: str
    data: msgspec.Raw = msgspec.Raw(b"")
    datacontenttype: str | None = None
    traceparent: str = ""
    tracestate: str = ""


_read_envelope = msgspec.json.Decoder(_Envelope).decode


class Trace(NamedTuple):
    """W3C trace context: of whose doing a record is."""

    traceparent: bytes
    tracestate: bytes

    def headers(self) -> list[tuple[str, bytes]]:
        """Return it as headers of a message."""
        state = [("tracestate", self.tracestate)] if self.tracestate else []
        return [("traceparent", self.traceparent), *state]


def message(value: bytes | None, headers: Headers) -> bytes | None:
    """Return the message that a record's value holds: the value itself where it came in nothing.

    BadRecord where it says that it is a CloudEvent and is none that can be read.
    """
    if not value or len(value) > LARGEST_VALUE_BYTES:
        return value
    if value[:1] == REGISTRY_MAGIC and len(value) > REGISTRY_PREFIX_BYTES:
        return value[REGISTRY_PREFIX_BYTES:]
    if not headers:
        return value
    content_type = _content_type(headers)
    if content_type.startswith(STRUCTURED_MODE):
        return _data(value)
    if content_type.startswith(BATCHED_MODE):
        raise BadRecord("schema", "content-type: a batch of CloudEvents; send each as a record of its own")
    return value


def _content_type(headers: Headers) -> bytes:
    return next((said.lower() for name, said in headers if name.lower() == "content-type" and said), b"")


def _data(value: bytes) -> bytes:
    try:
        envelope = _read_envelope(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _no_envelope(value, error)
    if envelope.specversion != "1.0":
        raise BadRecord("schema", "specversion: not 1.0, which is the only version of CloudEvents that is read")
    if envelope.datacontenttype is not None and not _JSON.fullmatch(envelope.datacontenttype):
        raise BadRecord("schema", "datacontenttype: not application/json")
    if not bytes(envelope.data):
        raise BadRecord("schema", "data: missing in the CloudEvent (data_base64 is not read)")
    return bytes(envelope.data)


def _no_envelope(value: bytes, error: Exception) -> bytes:
    if isinstance(error, msgspec.ValidationError):
        try:  # a message as it stands is no envelope either, and says best itself what is wrong with it
            if "schema_version" in msgspec.json.decode(value, type=dict[str, Any]):
                return value
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        else:
            raise BadRecord("schema", "specversion: no CloudEvent in structured mode, as content-type says") from None
    raise BadRecord("not_json", "value: not one JSON object in UTF-8") from None


def trace(value: bytes | None, headers: Headers) -> Trace | None:
    """Return the trace that a record belongs to, by its headers or its envelope; None where it names none."""
    if not headers:
        return None
    found = {name.lower(): said for name, said in headers if said}
    parent = found.get("traceparent") or found.get("ce_traceparent") or b""
    state = found.get("tracestate") or found.get("ce_tracestate") or b""
    if not parent and value and found.get("content-type", b"").lower().startswith(STRUCTURED_MODE):
        try:
            envelope = _read_envelope(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        parent, state = envelope.traceparent.encode(), envelope.tracestate.encode()
    if not _TRACEPARENT.fullmatch(parent):
        return None
    return Trace(parent, state if len(state) <= _TRACESTATE_BYTES else b"")
