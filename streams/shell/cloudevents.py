"""CloudEvents 1.0, binary mode: the headers that every output message carries."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TYPE_PREFIX = "org.quotastream."
_VERSION = ("ce_specversion", b"1.0")
_SOURCE = ("ce_source", b"/quotastream")
_CONTENT_TYPE = ("content-type", b"application/json")


def headers(kind: str, event_id: str, subject: str) -> list[tuple[str, bytes]]:
    """Return the headers of an output message; `ce_time` is when the message was decided: now."""
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return [
        _VERSION,
        ("ce_id", event_id.encode()),
        _type_header(kind),
        _SOURCE,
        ("ce_subject", subject.encode()),
        ("ce_time", b"%s.%03dZ" % (_second_text(seconds), milliseconds)),
        _CONTENT_TYPE,
    ]


def id_of(headers: Iterable[tuple[str, bytes]]) -> str:
    """Return the id of an output message, "" where there is none."""
    return next((value.decode() for name, value in headers if name == "ce_id"), "")


@cache
def _type_header(kind: str) -> tuple[str, bytes]:
    return "ce_type", f"{TYPE_PREFIX}{kind}.v1".encode()


@lru_cache(maxsize=1)  # many messages are decided in one second
def _second_text(seconds: int) -> bytes:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}".encode()
