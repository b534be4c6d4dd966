"""How a dead letter looks to a person, and to a program.

What is not plain text is shown as bytes: whoever sent it could otherwise write on the reader's terminal.
"""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from streams.shell.letters import reason_today
from streams.shell.replaying import Original

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.shell.letters import Letter
    from streams.shell.topics import Names

DUMPED_BYTES = 256
PER_LINE = 16


def moment(ms: int) -> str:
    """Return a time in UTC, to the second."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def text_of(value: bytes | None) -> str | None:
    """Return bytes as text where they are text that can be shown, else None."""
    if value is None:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if all(char.isprintable() or char in "\n\t\r" for char in text) else None


def hex_dump(value: bytes) -> Iterator[str]:
    """Yield lines of the first bytes: offset, hexadecimal, what is printable of ASCII."""
    for at in range(0, min(len(value), DUMPED_BYTES), PER_LINE):
        row = value[at : min(at + PER_LINE, DUMPED_BYTES)]
        plain = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{at:08x}  {row.hex(' '):<{PER_LINE * 3 - 1}}  {plain}"
    if len(value) > DUMPED_BYTES:
        yield f"… and {len(value) - DUMPED_BYTES:,} bytes more"


def as_json(names: Names, letter: Letter) -> dict[str, Any]:
    """Return the letter as it is on the topic, and what can be said of it."""
    partition, offset = letter.own[-1]
    return letter.body | {
        "letter": f"{partition}:{offset}",
        "written": moment(letter.written_ms),
        "letters": len(letter.own),
        "reason_today": reason_today(names, letter),
        "key": text_of(letter.key),
        "value": text_of(letter.value),
    }


def state_of(letter: Letter, found: Original | str | None) -> str:
    """Return whether the original is still in Kafka."""
    if found is None:
        return "gone"
    if isinstance(found, str):
        return "unreadable"
    digest = None if found.value is None else sha256(found.value).hexdigest()
    return "there" if digest == letter.body["value_sha256"] else "another record is there"


STATES = {
    "there": "still in Kafka",
    "gone": "no longer in Kafka",
    "unreadable": "in Kafka, but cannot be read: a header name beside it is not UTF-8",
    "another record is there": "no longer in Kafka: another record is in its place",
}


def in_full(names: Names, letter: Letter, state: str) -> Iterator[str]:
    """Yield the lines of one letter, with all that it has."""
    body = letter.body
    own = ", ".join(f"{partition}:{offset}" for partition, offset in letter.own)
    yield f"input      {letter.place}"
    yield f"letter     {own}, written {moment(letter.written_ms)}"
    if body["timestamp"] is not None and body["timestamp"] >= 0:
        yield f"sent       {moment(body['timestamp'])}"
    yield f"reason     {letter.reason}: {body['detail']}"
    yield f"today      {reason_today(names, letter) or 'usable: a replay would count it'}"
    yield f"original   {STATES[state]}"
    yield from _lines("key", letter.key)
    for name, value in body["headers"]:
        shown = name if name.isprintable() else repr(name)
        yield from _lines(f"header {shown}", None if value is None else b64decode(value))
    if body["value_bytes"] is not None:
        kept = "" if letter.is_whole else f", of which the first {len(letter.value or b''):,} are kept"
        yield f"value      {body['value_bytes']:,} bytes{kept}, SHA-256 {body['value_sha256']}"
    yield from _lines("value", letter.value)


def _lines(label: str, value: bytes | None) -> Iterator[str]:
    text = text_of(value)
    if value is None:
        yield f"{label:<10} null"
    elif text is not None and "\n" not in text:
        yield f"{label:<10} {text}"
    else:
        yield label
        yield from (f"  {line}" for line in (text.splitlines() if text is not None else hex_dump(value)))
