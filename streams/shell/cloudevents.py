"""CloudEvents 1.0, binary mode: the headers that every output message carries."""

from __future__ import annotations

from datetime import UTC, datetime

TYPE_PREFIX = "org.quotastream."


def headers(kind: str, event_id: str, subject: str, decided_at: datetime | None = None) -> list[tuple[str, bytes]]:
    """Return the headers of an output message; `ce_time` is when the message was decided (now, unless given)."""
    decided_at = decided_at or datetime.now(UTC)
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", f"{TYPE_PREFIX}{kind}.v1".encode()),
        ("ce_source", b"/quotastream"),
        ("ce_subject", subject.encode()),
        ("ce_time", decided_at.isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()),
        ("content-type", b"application/json"),
    ]
