"""What the home log holds: one pack for each slice that was routed and home partition that it touched.

A pack names the input partition and carries a stamp, so that a reader of the log knows how far that input has come
(the catch-up barrier); a pack without entries is a stamp alone. A stamp speaks only of what was acknowledged when the
pack was sent, never of the pack itself: an earlier pack may have failed and come after it.

Entries are what the ledger needs of an event. They lie in columns, each of the narrowest integers that hold it, and
names once a pack: about 33 bytes a remittance, 24 of them its id and digest, and nothing to be done for each row
where a pack is taken into the ledger whole. Encoded as MessagePack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from streams.core.events import Remittance, Reversal
from streams.shell.event_columns import Event, Events, Ints, halves, of_single
from streams.shell.versions import DamagedStateError, NewerStateError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 3
FORMER = 2  # rows in place of columns; kept for ever, as the log is
OLDEST = 1  # its packs named the offsets that they covered, sent before anything was acknowledged
_AMOUNT = 1 + Remittance._fields.index("amount_minor")  # its place in a row

Entry = tuple[int, Event]  # the input offset, and what stood there


class Pack(NamedTuple):
    """Events of one home partition out of an input partition, by ascending offset.

    The log holds all of the input partition before the offset `stamp`.
    """

    topic: str
    partition: int
    stamp: int
    entries: list[Entry]

    def columns(self) -> Columns:
        """Return the same pack, column by column."""
        offsets = np.array([offset for offset, _ in self.entries], np.int64)
        return Columns(*self[:3], offsets, of_single([event for _, event in self.entries]))


class Columns(NamedTuple):
    """The same, column by column."""

    topic: str
    partition: int
    stamp: int
    offsets: Ints
    events: Events


_UNSIGNED = {width: np.dtype(f"<u{width}") for width in (1, 2, 4, 8)}


class _Narrow(msgspec.Struct, array_like=True, gc=False):
    """Integers, as their lowest one and what each adds to it."""

    lowest: int
    bytes_each: int
    above: bytes

    @classmethod
    def of(cls, values: Ints) -> _Narrow:
        lowest = int(np.minimum.reduce(values))
        most_above = int(np.maximum.reduce(values)) - lowest
        width = next(w for w in (1, 2, 4, 8) if w == 8 or most_above >> (8 * w) == 0)
        return cls(lowest, width, (values - lowest).astype(_UNSIGNED[width]).tobytes())

    def values(self, count: int) -> Ints:
        found = np.frombuffer(self.above, _UNSIGNED[self.bytes_each]).astype(np.int64) + self.lowest
        if len(found) != count:
            raise ValueError("columns of different lengths")
        return found

    def places(self, count: int, among: Sequence[object]) -> Ints:
        found = self.values(count)
        if int(found.min()) < 0 or int(found.max()) >= len(among):
            raise LookupError("a name that is not in the pack")
        return found


class _Body(msgspec.Struct, array_like=True, gc=False):
    """The columns on the wire."""

    groups: list[str]
    purses: list[tuple[str, str | None]]
    offset_steps: _Narrow
    group: _Narrow
    ids: bytes
    digests: bytes
    days: _Narrow
    purse: _Narrow
    amounts: _Narrow
    large: list[tuple[int, str]]
    reverses: list[tuple[int, bytes]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_NO_PACK = (msgspec.MsgspecError, TypeError, ValueError, LookupError, OverflowError, RecursionError)


def encode(pack: Columns) -> bytes:
    """Return the pack as bytes."""
    return _encode((VERSION, pack.topic, pack.partition, pack.stamp, _body(pack) if pack.events.size else None))


def _body(pack: Columns) -> _Body:
    events = pack.events
    steps = pack.offsets.copy()
    steps[1:] -= pack.offsets[:-1]
    return _Body(
        events.groups,
        events.purses,
        _Narrow.of(steps),
        _Narrow.of(events.group),
        events.ids.tobytes(),
        events.digests.tobytes(),
        _Narrow.of(events.days),
        _Narrow.of(events.purse),
        _Narrow.of(events.amounts),
        [(row, str(amount)) for row, amount in events.large.items()],
        list(events.reverses.items()),
    )


def columns(value: bytes) -> Columns:
    """Return the pack that the bytes hold, column by column.

    NewerStateError for a version that this program does not know, DamagedStateError for what is no pack.
    """
    try:
        version, *fields = _decode(value)
        if version == VERSION:
            return _whole(_columns(*fields))
        if version in {FORMER, OLDEST}:
            return _whole(_of_rows(version, fields).columns())
    except _NO_PACK:
        raise DamagedStateError("a record in the home log is no pack") from None
    if type(version) is not int:
        raise DamagedStateError("a record in the home log is no pack")
    raise NewerStateError(f"a pack in the home log is of version {version}, known is {VERSION}")


def _whole(pack: Columns) -> Columns:
    if type(pack.topic) is not str or type(pack.partition) is not int or type(pack.stamp) is not int:
        raise TypeError("no place in the input")
    if not len(pack.offsets) == len(pack.events.ids) == pack.events.size:
        raise ValueError("columns of different lengths")
    return pack


def _columns(topic: str, partition: int, stamp: int, found: Any) -> Columns:
    if found is None:
        return Pack(topic, partition, stamp, []).columns()
    body = msgspec.convert(found, _Body)
    count = len(body.digests) // 8
    large = {row: int(amount) for row, amount in body.large}
    reverses = dict(body.reverses)
    if not all(0 <= row < count for row in (*large, *reverses)) or any(len(key) != 16 for key in reverses.values()):
        raise LookupError("a row that is not in the pack")
    events = Events(
        body.groups, body.purses,
        body.group.places(count, body.groups),
        halves(body.ids).reshape(count, 2),
        halves(body.digests),
        body.days.values(count),
        body.purse.places(count, body.purses),
        body.amounts.values(count),
        large, reverses,
    )  # fmt: skip
    return Columns(topic, partition, stamp, np.cumsum(body.offset_steps.values(count)), events)


def decode(value: bytes) -> Pack:
    """Return the pack that the bytes hold, event by event; the errors of `columns`."""
    found = columns(value)
    entries = list(zip(found.offsets.tolist(), found.events.single(), strict=True))
    return Pack(found.topic, found.partition, found.stamp, entries)


def _of_rows(version: int, fields: list[Any]) -> Pack:
    if version == FORMER:
        topic, partition, stamp, rows = fields
    else:
        topic, partition, _, after, rows = fields
        stamp = 0 if rows else after
    return Pack(topic, partition, stamp, [_entry(row) for row in rows])


def _entry(row: list[Any]) -> Entry:
    if len(row) == 5:
        return row[0], Reversal(*row[1:])
    if type(row[_AMOUNT]) is str:
        row[_AMOUNT] = int(row[_AMOUNT])
    return row[0], Remittance(*row[1:])
