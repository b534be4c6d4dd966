"""What a dead letter keeps of the record that it is for."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from typing import Any

from schemas.outputs import DeadLetter
from streams.shell.dead_letters import dead_letter

BROKER_LIMIT = 1_048_588  # what a topic takes in one message unless told otherwise


def letter(**changes: Any) -> dict[str, Any]:
    """Return the dead letter of a record, as a subscriber reads it."""
    record: dict[str, Any] = {
        "topic": "remittances",
        "partition": 3,
        "offset": 7,
        "timestamp": 1772670600000,
        "key": b"k",
        "value": b"v",
        "headers": [("ce_id", b"1"), ("trace", None)],
        "reason": "not_json",
        "detail": "value: not JSON in UTF-8",
    }
    written = json.dumps(dead_letter(**{**record, **changes}))
    DeadLetter.model_validate_json(written)
    assert len(written) < BROKER_LIMIT
    return json.loads(written)


def test_everything_is_kept() -> None:
    """A small record is in its dead letter with every byte, and says where it was."""
    assert letter() == {
        "schema_version": 1,
        "type": "dead_letter",
        "topic": "remittances",
        "partition": 3,
        "offset": 7,
        "timestamp": 1772670600000,
        "key_base64": "aw==",
        "value_base64": "dg==",
        "value_bytes": 1,
        "value_sha256": sha256(b"v").hexdigest(),
        "headers": [["ce_id", "MQ=="], ["trace", None]],
        "reason": "not_json",
        "detail": "value: not JSON in UTF-8",
    }


def test_null_stays_null() -> None:
    """A tombstone without key and headers has nulls and an empty list, not the texts of nothing."""
    told = letter(key=None, value=None, headers=None, timestamp=None)
    nulls = ("key_base64", "value_base64", "value_bytes", "value_sha256", "timestamp")
    assert [told[field] for field in nulls] == [None] * 5
    assert told["headers"] == []


def test_no_bytes_are_not_null() -> None:
    """An empty value is empty: no bytes, with the hash of none."""
    told = letter(key=b"", value=b"")
    assert (told["key_base64"], told["value_base64"], told["value_bytes"]) == ("", "", 0)
    assert told["value_sha256"] == sha256(b"").hexdigest()


def test_what_is_long_is_cut() -> None:
    """A value is cut after 64 KiB, a key and a header after 4 KiB; length and hash are of the whole value."""
    value = bytes(range(256)) * 257
    told = letter(key=b"k" * 4097, value=value, headers=[("h", b"x" * 4097), ("exact", b"y" * 4096)])
    assert b64decode(told["value_base64"]) == value[:65536]
    assert told["value_bytes"] == len(value)
    assert told["value_sha256"] == sha256(value).hexdigest()
    assert b64decode(told["key_base64"]) == b"k" * 4096
    assert [(name, b64decode(kept)) for name, kept in told["headers"]] == [("h", b"x" * 4096), ("exact", b"y" * 4096)]


def test_a_letter_always_fits_its_topic() -> None:
    """Headers without end, or with names without end, can't make a dead letter that the broker would refuse."""
    largest = {"key": b"k" * 10**6, "value": b"v" * 10**6}
    assert 0 < len(letter(headers=[("h", b"x" * 5000)] * 1000, **largest)["headers"]) < 20
    assert len(letter(headers=[("", None)] * 500_000, **largest)["headers"]) == 4096
    assert len(letter(headers=[("\0" * 10**6, b"")], **largest)["headers"][0][0]) == 4096
    assert letter(headers=[("é" * 100, b"")])["headers"] == [["é" * 100, ""]]
