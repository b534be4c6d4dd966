"""What becomes of a record that cannot be used: the value that `quota-dead-letters` keeps of it.

It has the original's own bytes, so that nothing is lost, and says where the original is, since a replay reads that.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT_VALUE_BYTES = 64 << 10
KEPT_KEY_BYTES = 4 << 10
KEPT_HEADER_BYTES = 4 << 10
# Together, too: a record may have thousands of headers, and an oversized dead letter would stop a worker.
KEPT_HEADERS_BYTES = 64 << 10
_HEADER_FRAME_BYTES = 16


def dead_letter(
    topic: str,
    partition: int,
    offset: int,
    timestamp: int | None,
    key: bytes | None,
    value: bytes | None,
    headers: Iterable[tuple[str, bytes | None]] | None,
    reason: str,
    detail: str,
) -> dict[str, Any]:
    """Return the dead letter of a record, ready for JSON: what is cut is cut at its end, and null stays null.

    `timestamp` is the record's own, in milliseconds. `value_bytes` and `value_sha256` are of the whole value.
    """
    return {
        "schema_version": 1,
        "type": "dead_letter",
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": timestamp,
        "key_base64": _base64(key, KEPT_KEY_BYTES),
        "value_base64": _base64(value, KEPT_VALUE_BYTES),
        "value_bytes": None if value is None else len(value),
        "value_sha256": None if value is None else sha256(value).hexdigest(),
        "headers": _headers(headers or ()),
        "reason": reason,
        "detail": detail,
    }


def _base64(original: bytes | None, kept_bytes: int) -> str | None:
    return None if original is None else b64encode(original[:kept_bytes]).decode("ascii")


def _headers(headers: Iterable[tuple[str, bytes | None]]) -> list[list[str | None]]:
    kept: list[list[str | None]] = []
    left = KEPT_HEADERS_BYTES
    for name, value in headers:
        short_name = name[:KEPT_HEADER_BYTES]
        left -= (
            _HEADER_FRAME_BYTES + len(short_name.encode(errors="replace")) + min(len(value or b""), KEPT_HEADER_BYTES)
        )
        if left < 0:
            break
        kept.append([short_name, _base64(value, KEPT_HEADER_BYTES)])
    return kept
