"""CloudEvents 1.0, binary mode: the headers that every output message carries."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TYPE_PREFIX = "org.quotastream."


def headers(kind: str, event_id: str, subject: str) -> list[tuple[str, bytes]]:
    """Return the headers of an output message; `ce_time` is when the message was decided: now."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", f"{TYPE_PREFIX}{kind}.v1".encode()),
        ("ce_source", b"/quotastream"),
        ("ce_subject", subject.encode()),
        ("ce_time", _time_text(time.time_ns() // 1_000_000)),
        ("content-type", b"application/json"),
    ]


def id_of(headers: Iterable[tuple[str, bytes]]) -> str:
    """Return the id of an output message, "" where there is none."""
    return next((value.decode() for name, value in headers if name == "ce_id"), "")


@lru_cache(maxsize=1)  # many messages are decided in one millisecond
def _time_text(milliseconds: int) -> bytes:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
