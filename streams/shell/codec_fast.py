"""The codec's fast way for the topic `remittances`: one strict decode, then table look-ups, no models and no regexes.

It only ever says yes. Whatever it is not sure of, it hands back (None), and the models of `schemas` judge; so it may
be narrower than they are, and must never be wider or read anything otherwise. The tests hold the two against each
other (tests/unit/shell/test_codec_agreement.py).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Final, Literal

import msgspec
from xxhash import xxh3_64_digest

from schemas.currencies import MINOR_DIGITS
from schemas.parsing import END_US, FIRST_DAY, FIRST_US, LAST_DAY, NAME
from streams.core.events import DAY_US, EPOCH_DAY, Remittance, Reversal

_MINUTE_US = 60_000_000
_Text64 = Annotated[str, msgspec.Meta(max_length=64)]


class _Remittance(
    msgspec.Struct, tag_field="type", tag="remittance", forbid_unknown_fields=True, kw_only=True, gc=False
):
    schema_version: Literal[1]
    event_id: str
    group_id: str
    amount: str
    currency: str
    occurred_at: str
    channel: Literal["bank_transfer", "cash", "goods", "other"]
    levy_id: str | None = None
    reference: _Text64 | None = None


class _Reversal(msgspec.Struct, tag_field="type", tag="reversal", forbid_unknown_fields=True, kw_only=True, gc=False):
    schema_version: Literal[1]
    event_id: str
    group_id: str
    reverses: str
    occurred_at: str
    reason: _Text64 | None = None


class _Names(dict[str, str]):
    """Names known to be well formed, each kept once; emptied when full, for names are free and memory is not."""

    _LARGEST = 1 << 17
    _WELL_FORMED = re.compile(NAME.strip("^$"))

    def __missing__(self, text: str) -> str:
        if not self._WELL_FORMED.fullmatch(text):
            raise KeyError
        if len(self) >= self._LARGEST:
            self.clear()
        self[text] = text
        return text


class _DayStarts(dict[str, int]):
    """When a day of the calendar begins, in microseconds since the epoch; filled by use, with 36,527 days at most."""

    def __missing__(self, text: str) -> int:
        day = date.fromisoformat(text)
        # Python reads more than one form. A day next to the range may still have a time that lies in it.
        if day.isoformat() != text or not FIRST_DAY - 1 <= day.toordinal() <= LAST_DAY + 1:
            raise KeyError
        self[text] = start = (day.toordinal() - EPOCH_DAY) * DAY_US
        return start


_read = msgspec.json.Decoder(_Remittance | _Reversal).decode
_names = _Names()
_day_starts = _DayStarts()
_MINUTES_US: Final = {
    f"{t}{hour:02}:{minute:02}": (hour * 60 + minute) * _MINUTE_US
    for t in "Tt"
    for hour in range(24)
    for minute in range(60)
}
_SECONDS_US: Final = {f":{second:02}": second * 1_000_000 for second in range(60)}
# What an offset adds on the way to UTC.
_OFFSETS_US: Final = {"Z": 0, "z": 0} | {
    f"{sign}{hour:02}:{minute:02}": (hour * 60 + minute) * _MINUTE_US * way
    for sign, way in (("+", -1), ("-", 1))
    for hour in range(24)
    for minute in range(60)
}
_DECIMALS_AND_OFFSET = re.compile(r"\.([0-9]+)(.+)")
_CURRENCIES: Final = {code: (code, digits) for code, digits in MINOR_DIGITS.items()}
_POWERS: Final = tuple(int(10**digits) for digits in range(max(MINOR_DIGITS.values()) + 1))
# What says that a doubt came up; whether it is one is for the models to say.
_DOUBTS = (msgspec.MsgspecError, KeyError, ValueError, RecursionError)
# A NamedTuple's own constructor is a Python function, which costs as much as the rest of the tuple.
_new = tuple.__new__


def decode(value: bytes) -> Remittance | Reversal | None:
    """Return what a record of `remittances` says, or None where the models have to judge."""
    try:
        message = _read(value)
        return _remittance(message) if type(message) is _Remittance else _reversal(message)
    except _DOUBTS:
        return None


def _remittance(m: _Remittance) -> Remittance:
    currency, digits = _CURRENCIES[m.currency]
    amount_minor = _minor_units(m.amount, digits)
    at_us = _time_us(m.occurred_at)
    levy_id = None if m.levy_id is None else _names[m.levy_id]
    return _new(
        Remittance,
        (
            _names[m.group_id],
            _uuid_bytes(m.event_id),
            remittance_digest(amount_minor, currency, at_us, m.channel, levy_id, m.reference),
            EPOCH_DAY + at_us // DAY_US,
            amount_minor,
            currency,
            levy_id,
        ),
    )


def _reversal(m: _Reversal) -> Reversal:
    reverses = _uuid_bytes(m.reverses)
    digest = reversal_digest(reverses, _time_us(m.occurred_at), m.reason)
    return Reversal(_names[m.group_id], _uuid_bytes(m.event_id), digest, reverses)


def _minor_units(text: str, digits: int) -> int:
    whole, point, decimals = text.partition(".")
    if not (text.isascii() and whole.isdigit() and len(whole) <= 18):
        raise ValueError
    if point and not (decimals.isdigit() and len(decimals) <= digits):
        raise ValueError
    minor = int(whole + decimals) * _POWERS[digits - len(decimals)]
    if not minor:
        raise ValueError
    return minor


def _time_us(text: str) -> int:
    tail = text[19:]
    beyond_minutes = _OFFSETS_US[tail] if tail in _OFFSETS_US else _decimals_and_offset_us(tail)
    at_us = _day_starts[text[:10]] + _MINUTES_US[text[10:16]] + _SECONDS_US[text[16:19]] + beyond_minutes
    if not FIRST_US <= at_us < END_US:
        raise ValueError
    return at_us


def _decimals_and_offset_us(tail: str) -> int:
    match = _DECIMALS_AND_OFFSET.fullmatch(tail)
    if match is None:
        raise ValueError
    return int(match[1][:6].ljust(6, "0")) + _OFFSETS_US[match[2]]


def _uuid_bytes(text: str) -> bytes:
    # fromhex skips white space, so the 16 bytes are counted: 32 characters give them only if all are hex digits.
    octets = bytes.fromhex(text.replace("-", ""))
    if len(text) != 36 or text[8:24:5] != "----" or len(octets) != 16:
        raise ValueError
    return octets


# --- digests: over every field as parsed, so that only another meaning is another digest ----------------------------
# XXH3 does not withstand forgers, and need not: who may write the topic may write the first of two events too, and
# the first stands. It tells apart what differs by accident as well as a cryptographic hash, at a sixth of the time.


def remittance_digest(
    amount_minor: int, currency: str, at_us: int, channel: str, levy_id: str | None, reference: str | None
) -> bytes:
    """Return 8 bytes that stand for all fields of a remittance but the two that it is known by."""
    return _digest(f"remittance\n{amount_minor}\n{currency}\n{at_us}\n{channel}\n{levy_id or ''}\n", reference)


def reversal_digest(reverses: bytes, at_us: int, reason: str | None) -> bytes:
    """Return 8 bytes that stand for all fields of a reversal but the two that it is known by."""
    return _digest(f"reversal\n{reverses.hex()}\n{at_us}\n", reason)


def _digest(fields: str, text: str | None) -> bytes:
    # The free text comes last: nothing in it can then look like another field. None is not the empty text.
    return xxh3_64_digest((fields if text is None else f"{fields}={text}").encode())
