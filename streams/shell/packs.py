"""What the home log holds: one pack for each chunk that was routed and home partition that it touched.

A pack names the input partition and carries a stamp, so that a reader of the log knows how far that input has come
(the catch-up barrier); a pack without entries is a stamp alone. A stamp speaks only of what was acknowledged when the
pack was sent, never of the pack itself: an earlier pack may have failed and come after it. Entries are what the
ledger needs of an event, about 50 bytes each once compressed. Encoded as MessagePack arrays.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from streams.core.events import Remittance, Reversal
from streams.shell.versions import DamagedStateError, NewerStateError

VERSION = 2
FORMER = 1  # its packs named the offsets that they covered, sent before anything was acknowledged
_INT64_MAX = (1 << 63) - 1
_AMOUNT = 1 + Remittance._fields.index("amount_minor")  # its place in a row

Entry = tuple[int, Remittance | Reversal]  # the input offset, and what stood there


class Pack(NamedTuple):
    """Events of one home partition out of an input partition; the log holds all of it before the offset `stamp`."""

    topic: str
    partition: int
    stamp: int
    entries: list[Entry]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
# A NamedTuple's own constructor is a Python function, which costs as much as the rest of the tuple.
_new = tuple.__new__


def encode(pack: Pack) -> bytes:
    """Return the pack as bytes."""
    rows = [_row(offset, event) for offset, event in pack.entries]
    return _encode((VERSION, pack.topic, pack.partition, pack.stamp, rows))


def _row(offset: int, event: Remittance | Reversal) -> tuple[object, ...]:
    if type(event) is Remittance and event.amount_minor > _INT64_MAX:  # 18 digits before the point pass 64 bits
        return (offset, *event._replace(amount_minor=str(event.amount_minor)))  # type: ignore[arg-type]
    return (offset, *event)


def decode(value: bytes) -> Pack:
    """Return the pack that the bytes hold.

    NewerStateError for a version that this program does not know, DamagedStateError for what is no pack.
    """
    try:
        version, *fields = _decode(value)
        if version == VERSION:
            topic, partition, stamp, rows = fields
            return Pack(topic, partition, stamp, [_entry(row) for row in rows])
        if version == FORMER:
            topic, partition, _, after, rows = fields
            return Pack(topic, partition, 0 if rows else after, [_entry(row) for row in rows])
    except (msgspec.DecodeError, TypeError, ValueError, LookupError, RecursionError):
        raise DamagedStateError("a record in the home log is no pack") from None
    if type(version) is not int:
        raise DamagedStateError("a record in the home log is no pack")
    raise NewerStateError(f"a pack in the home log is of version {version}, known is {VERSION}")


def _entry(row: list[Any]) -> Entry:
    if len(row) == 5:
        return row[0], Reversal(*row[1:])
    if type(row[_AMOUNT]) is str:
        row[_AMOUNT] = int(row[_AMOUNT])
    return row[0], _new(Remittance, row[1:])
