"""The codec's fast way for the topic `remittances`: many records at once, each field of all of them in a few steps.

It only ever says yes. Whatever it is not sure of, it hands back, and the models of `schemas` judge; so it may be
narrower than they are, and must never be wider or read anything otherwise. The tests hold the two against each
other (tests/unit/shell/test_codec_agreement.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple, TypeVar

import msgspec
import numpy as np
from xxhash import xxh3_64_digest

from schemas.currencies import MINOR_DIGITS
from schemas.parsing import END_US, FIRST_DAY, FIRST_US, LAST_DAY, NAME
from streams.core.events import DAY_US, EPOCH_DAY
from streams.shell import native
from streams.shell.bad_record import LARGEST_VALUE_BYTES
from streams.shell.event_columns import Events, Ints, Purse, amounts_of, halves, joined, of_single, places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streams.shell._columns import Found
    from streams.shell.blocks import Block

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


_Message = TypeVar("_Message", _Remittance, _Reversal)
_read = msgspec.json.Decoder(_Remittance | _Reversal).decode
# What says that a doubt came up; whether it is one is for the models to say.
DOUBTS = (msgspec.MsgspecError, KeyError, ValueError, RecursionError)
_SEARCHED = 8  # records among which the one that is in doubt is not looked for any more: they all go to the models


def _decimals() -> bytes:
    """Return, for each three capitals, how many decimals that currency has; 255 for what is none."""
    by_code = bytearray(b"\xff" * 26**3)
    for code, digits in MINOR_DIGITS.items():
        first, second, third = (ord(letter) - ord("A") for letter in code)
        by_code[(first * 26 + second) * 26 + third] = digits
    return bytes(by_code)


_DECIMALS: Final = _decimals()


class Sure(NamedTuple):
    """Events, and which of the records they stood in (rising)."""

    rows: Ints
    events: Events


def decode(values: Sequence[bytes | None]) -> Sure:
    """Return what it is sure of among the values of records of `remittances`."""
    if native.columns is None:
        return _by_columns(values)
    found = native.columns.decode([*values], None, _DECIMALS, LARGEST_VALUE_BYTES)
    return _with_rest(_found(found), len(values), lambda rows: [values[row] for row in rows.tolist()])


def decode_block(block: Block) -> Sure:
    """Return the same of a block of records of `remittances`."""
    if native.columns is None:
        return _by_columns(block.values(np.arange(len(block))))
    found = native.columns.decode(block.pieces, block.spans, _DECIMALS, LARGEST_VALUE_BYTES)
    return _with_rest(_found(found), len(block), block.values)


def _found(found: Found) -> Sure:
    groups, purses, rows, ids, digests, days, amounts, group, purse = found
    return Sure(
        _ints(rows),
        Events(
            groups, purses, _ints(group), halves(ids).reshape(-1, 2), halves(digests), _ints(days), _ints(purse),
            _ints(amounts), {}, {},
        ),
    )  # fmt: skip


def _ints(column: bytearray) -> Ints:
    return np.frombuffer(column, np.int64)


def _with_rest(sure: Sure, count: int, values: Callable[[Ints], list[bytes | None]]) -> Sure:
    """Return it with what of the other rows can be read by columns."""
    if len(sure.rows) == count:
        return sure
    left = np.setdiff1d(np.arange(count), sure.rows)
    rest = _by_columns(values(left))
    return put_together([sure, rest._replace(rows=left[rest.rows])])


def _by_columns(values: Sequence[bytes | None]) -> Sure:
    rows, read = _read_all(values)
    remittances = [m for m in read if isinstance(m, _Remittance)]
    if len(remittances) == len(read):
        return put_together(_sure(rows, remittances, _remittances))
    reversals = [m for m in read if isinstance(m, _Reversal)]
    is_reversal = np.array([isinstance(m, _Reversal) for m in read], np.bool_)
    parts = _sure(rows[~is_reversal], remittances, _remittances) + _sure(rows[is_reversal], reversals, _reversals)
    return put_together(parts)


def _read_all(values: Sequence[bytes | None]) -> tuple[Ints, list[_Remittance | _Reversal]]:
    """Return the messages that can be read, and which of the values they are."""
    fit = [value for value in values if value is not None and len(value) <= LARGEST_VALUE_BYTES]
    if len(fit) == len(values):
        try:
            return np.arange(len(values)), [_read(value) for value in fit]
        except DOUBTS:
            pass
    rows, read = list[int](), list[_Remittance | _Reversal]()
    for row, value in enumerate(values):
        if value is None or len(value) > LARGEST_VALUE_BYTES:
            continue
        try:
            read.append(_read(value))
        except DOUBTS:
            continue
        rows.append(row)
    return np.array(rows, np.int64), read


def _sure(rows: Ints, messages: list[_Message], events: Callable[[list[_Message]], Events]) -> list[Sure]:
    """Return the events of messages, but of those among which there is one in doubt."""
    if not messages:
        return []
    try:
        return [Sure(rows, events(messages))]
    except DOUBTS:
        half = len(messages) // 2
        if len(messages) <= _SEARCHED:
            return []
        return _sure(rows[:half], messages[:half], events) + _sure(rows[half:], messages[half:], events)


def put_together(parts: Sequence[Sure]) -> Sure:
    """Return all of it, by row."""
    parts = [part for part in parts if len(part.rows)]
    if len(parts) <= 1:
        return parts[0] if parts else Sure(np.empty(0, np.int64), of_single([]))
    rows, events = np.concatenate([part.rows for part in parts]), joined([part.events for part in parts])
    order = np.argsort(rows)
    return Sure(rows[order], events.take(order))


def _remittances(messages: list[_Remittance]) -> Events:
    """Return the events; one of `DOUBTS` where there is a doubt about any of them."""
    currencies = [m.currency for m in messages]
    amounts = _minor_units([m.amount for m in messages], [MINOR_DIGITS[currency] for currency in currencies])
    at_us = _times_us([m.occurred_at for m in messages])
    levies = [m.levy_id for m in messages]
    purses, purse = places_of([*zip(currencies, levies, strict=True)])
    _hold_names([levy_id for _, levy_id in purses if levy_id is not None])
    channels, references = [m.channel for m in messages], [m.reference for m in messages]
    digests = _digests(map(_remittance_said, amounts, currencies, at_us.tolist(), channels, levies, references))
    small, large = amounts_of(amounts)
    return _events(messages, digests, EPOCH_DAY + at_us // DAY_US, purses, purse, small, large, {})


def _reversals(messages: list[_Reversal]) -> Events:
    """Return the events; one of `DOUBTS` where there is a doubt about any of them."""
    reverses = _uuids([m.reverses for m in messages])
    at_us = _times_us([m.occurred_at for m in messages]).tolist()
    named = [reverses[at : at + 16] for at in range(0, len(reverses), 16)]
    digests = _digests(map(_reversal_said, named, at_us, [m.reason for m in messages]))
    none = np.zeros(len(messages), np.int64)
    return _events(messages, digests, none, [("", None)], none, none, {}, dict(enumerate(named)))


def _events(
    messages: Sequence[_Remittance | _Reversal], digests: bytes, days: Ints, purses: list[Purse], purse: Ints,
    amounts: Ints, large: dict[int, int], reverses: dict[int, bytes],
) -> Events:  # fmt: skip
    groups, group = places_of([m.group_id for m in messages])
    _hold_names(groups)
    ids = halves(_uuids([m.event_id for m in messages])).reshape(-1, 2)
    return Events(groups, purses, group, ids, halves(digests), days, purse, amounts, large, reverses)


# --- fields: a whole column each; one of `DOUBTS` where any text is not as it should be ----------------------------

_NAMES: Final = re.compile(f"(?:{NAME.strip('^$')}\n)*")
_CENTS: Final = re.compile(r"(?:[0-9]{1,18}\.[0-9]{2}\n)*")
_POWERS: Final = tuple(int(10**digits) for digits in range(max(MINOR_DIGITS.values()) + 1))


def _lines(texts: Sequence[str], each: re.Pattern[str]) -> str | None:
    """Return texts as lines, None where one of them is not what each should be."""
    lines = "\n".join([*texts, ""])
    return lines if each.fullmatch(lines) and lines.count("\n") == len(texts) else None


def _hold_names(names: Sequence[str]) -> None:
    if _lines(names, _NAMES) is None:
        raise ValueError


def _uuids(texts: list[str]) -> bytes:
    text = "".join(texts)
    hexadecimal = text.replace("-", "")
    # fromhex skips white space, so the octets are counted: so many digits give them only if all are hexadecimal.
    octets = bytes.fromhex(hexadecimal)
    count, dashes = len(texts), "-" * len(texts)
    if not (
        set(map(len, texts)) == {36}
        and text[8::36] == text[13::36] == text[18::36] == text[23::36] == dashes
        and len(hexadecimal) == 32 * count
        and len(octets) == 16 * count
    ):
        raise ValueError
    return octets


def _minor_units(texts: list[str], digits: list[int]) -> list[int]:
    cents = _lines(texts, _CENTS) if set(digits) == {2} else None
    if cents is None:
        minor = list(map(_minor_units_of_one, texts, digits))
    else:
        minor = list(map(int, cents.replace(".", "").split()))
    if not min(minor):
        raise ValueError
    return minor


def _minor_units_of_one(text: str, digits: int) -> int:
    whole, point, decimals = text.partition(".")
    if not (text.isascii() and whole.isdigit() and len(whole) <= 18):
        raise ValueError
    if point and not (decimals.isdigit() and len(decimals) <= digits):
        raise ValueError
    return int(whole + decimals) * _POWERS[digits - len(decimals)]


_TO_SECONDS: Final = 19  # characters of a time up to its seconds: 2026-03-05T09:30:00
_DIGITS_AT: Final = np.array([0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18])
_SIGNS_AT: Final = np.array([4, 7, 10, 13, 16])
_SIGNS: Final = np.frombuffer(b"--t::", np.uint8)
_LOWER: Final = np.array([0, 0, 0x20, 0, 0], np.uint8)  # T may be t
_PART_OF_DIGITS: Final = np.zeros((14, 6))  # to year, month, day, hour, minute, second
_PART_OF_DIGITS[:4, 0] = 1_000, 100, 10, 1
for _part in range(1, 6):
    _PART_OF_DIGITS[2 * _part + 2 : 2 * _part + 4, _part] = 10, 1
# A day next to the range may still have a time that lies in it.
_DAYS: Final = np.arange(FIRST_DAY - 1, LAST_DAY + 2)
_FIRST_YEAR: Final = 1999
_LEAST: Final = np.array([_FIRST_YEAR, 1, 1, 0, 0, 0])
_MOST: Final = np.array([2100, 12, 31, 23, 59, 59])
_YEAR_MONTH_DAY: Final = np.array([12 * 31, 31, 1])


def _starts_us() -> Ints:
    """Return when days begin, by their places in a calendar of months of 31 days; -1 for what is no day of ours."""
    starts = np.full((2101 - _FIRST_YEAR) * 12 * 31, -1, np.int64)
    days = (_DAYS - EPOCH_DAY).astype("datetime64[D]")
    months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
    place = (years.astype(np.int64) + 1970 - _FIRST_YEAR) * 372 + (months - years).astype(np.int64) * 31
    starts[place + (days - months).astype(np.int64)] = (_DAYS - EPOCH_DAY) * DAY_US
    return starts


_STARTS_US: Final = _starts_us()
_TIME_US: Final = np.array([3_600_000_000, 60_000_000, 1_000_000])
# What an offset adds on the way to UTC.
_OFFSETS_US: Final = {"Z": 0, "z": 0} | {
    f"{sign}{hour:02}:{minute:02}": (hour * 60 + minute) * 60_000_000 * way
    for sign, way in (("+", -1), ("-", 1))
    for hour in range(24)
    for minute in range(60)
}
_DECIMALS_AND_OFFSET: Final = re.compile(r"\.([0-9]+)(.+)")


def _times_us(texts: list[str]) -> Ints:
    if min(map(len, texts)) <= _TO_SECONDS:
        raise ValueError
    seconds = "".join([text[:_TO_SECONDS] for text in texts]).encode("ascii")
    characters = np.frombuffer(seconds, np.uint8).reshape(-1, _TO_SECONDS)
    digits = characters[:, _DIGITS_AT] - 48
    if (digits > 9).any() or (characters[:, _SIGNS_AT] | _LOWER != _SIGNS).any():
        raise ValueError
    parts = (digits.astype(np.float64) @ _PART_OF_DIGITS).astype(np.int64)  # of floats it is many times faster
    if (parts < _LEAST).any() or (parts > _MOST).any():
        raise ValueError
    starts_us = _STARTS_US[(parts[:, :3] - _LEAST[:3]) @ _YEAR_MONTH_DAY]
    if (starts_us == -1).any():
        raise ValueError
    at_us: Ints = starts_us + parts[:, 3:] @ _TIME_US + _tails_us([text[_TO_SECONDS:] for text in texts])
    if at_us.min() < FIRST_US or at_us.max() >= END_US:
        raise ValueError
    return at_us


def _tails_us(tails: list[str]) -> Ints | int:
    if len(set(tails)) == 1:
        return _tail_us(tails[0])
    return np.array(list(map(_tail_us, tails)), np.int64)


def _tail_us(tail: str) -> int:
    offset_us = _OFFSETS_US.get(tail)
    if offset_us is not None:
        return offset_us
    match = _DECIMALS_AND_OFFSET.fullmatch(tail)
    if match is None:
        raise ValueError
    return int(match[1][:6].ljust(6, "0")) + _OFFSETS_US[match[2]]


# --- digests: over every field as parsed, so that only another meaning is another digest ----------------------------
# XXH3 does not withstand forgers, and need not: who may write the topic may write the first of two events too, and
# the first stands. It tells apart what differs by accident as well as a cryptographic hash, at a sixth of the time.


def remittance_digest(
    amount_minor: int, currency: str, at_us: int, channel: str, levy_id: str | None, reference: str | None
) -> bytes:
    """Return 8 bytes that stand for all fields of a remittance but the two that it is known by."""
    return _digests([_remittance_said(amount_minor, currency, at_us, channel, levy_id, reference)])


def reversal_digest(reverses: bytes, at_us: int, reason: str | None) -> bytes:
    """Return 8 bytes that stand for all fields of a reversal but the two that it is known by."""
    return _digests([_reversal_said(reverses, at_us, reason)])


# The free text comes last: nothing in it can then look like another field. None is not the empty text.


def _remittance_said(
    amount_minor: int, currency: str, at_us: int, channel: str, levy_id: str | None, reference: str | None
) -> str:
    fields = f"remittance\n{amount_minor}\n{currency}\n{at_us}\n{channel}\n{levy_id or ''}\n"
    return fields if reference is None else f"{fields}={reference}"


def _reversal_said(reverses: bytes, at_us: int, reason: str | None) -> str:
    fields = f"reversal\n{reverses.hex()}\n{at_us}\n"
    return fields if reason is None else f"{fields}={reason}"


def _digests(said: Iterable[str]) -> bytes:
    return b"".join(map(xxh3_64_digest, map(str.encode, said)))
