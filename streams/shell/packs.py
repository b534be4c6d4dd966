"""What the home log holds: one pack for each slice that was routed and home partition that it touched.

A slice may come of several input partitions, and so a pack is of parts. Each names its input partition and carries a
stamp, so that a reader of the log knows how far that input has come (the catch-up barrier); a part without entries is
a stamp alone. A stamp speaks only of what was acknowledged when the pack was sent, never of the pack itself: an
earlier pack may have failed and come after it.

Entries are what the ledger needs of an event. They lie in columns, each of the narrowest integers that hold it, and
names once a pack: about 33 bytes a remittance, 24 of them its id and digest, and nothing to be done for each row
where a pack is taken into the ledger whole. Encoded as MessagePack.
"""

from __future__ import annotations

from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from streams.core.events import Remittance, Reversal
from streams.shell.event_columns import Event, Events, Ints, halves, of_single
from streams.shell.versions import DamagedStateError, NewerStateError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 4
SINGLE = 3  # of one part; like those before it kept for ever, as the log is
ROWS = 2  # rows in place of columns
OLDEST = 1  # its packs named the offsets that they covered, sent before anything was acknowledged
_AMOUNT = 1 + Remittance._fields.index("amount_minor")  # its place in a row

Entry = tuple[int, Event]  # the input offset, and what stood there


class Part(NamedTuple):
    """What a pack has of one input partition, by ascending offset.

    The log holds all of the input partition before the offset `stamp`.
    """

    topic: str
    partition: int
    stamp: int
    entries: list[Entry]

    def columns(self) -> Columns:
        """Return a pack of this part alone, column by column."""
        offsets = np.array([offset for offset, _ in self.entries], np.int64)
        source = Source(self.partition, self.stamp, len(self.entries))
        return Columns(self.topic, [source], offsets, of_single([event for _, event in self.entries]))


class Source(NamedTuple):
    """Of which input partition a part is."""

    partition: int
    stamp: int
    events: int  # how many of it


class Columns(NamedTuple):
    """A pack, column by column: the events of each part after those of the one before."""

    topic: str
    sources: list[Source]
    offsets: Ints
    events: Events

    def source_of(self, row: int) -> Source:
        """Return where the event of a row comes from."""
        ends = accumulate(source.events for source in self.sources)
        return next(source for source, end in zip(self.sources, ends, strict=True) if row < end)


_UNSIGNED = {width: np.dtype(f"<u{width}") for width in (1, 2, 4, 8)}


_NO_OFFSETS, _NO_EVENTS = np.empty(0, np.int64), of_single([])


def stamps(topic: str, sources: Sequence[Source]) -> Columns:
    """Return a pack that says how far some input partitions have come, and no more."""
    return Columns(topic, list(sources), _NO_OFFSETS, _NO_EVENTS)


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


_DIGESTS = _Body.__struct_fields__.index("digests")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_NO_PACK = (msgspec.MsgspecError, TypeError, ValueError, LookupError, OverflowError, RecursionError)


def encode(pack: Columns) -> bytes:
    """Return the pack as bytes."""
    if not pack.events.size:
        return _encode((VERSION, pack.topic, [(*source, 0) for source in pack.sources], None))
    begins = _begins(pack.sources)
    sources = [(*source, int(pack.offsets[at])) for source, at in zip(pack.sources, begins, strict=True)]
    return _encode((VERSION, pack.topic, sources, _body(pack, begins)))


def _begins(sources: Sequence[Source]) -> list[int]:
    """Return the row at which each source begins."""
    return [0, *accumulate(source.events for source in sources[:-1])]


def _body(pack: Columns, begins: list[int]) -> _Body:
    events = pack.events
    steps = pack.offsets.copy()
    steps[1:] -= pack.offsets[:-1]
    steps[begins] = 0  # the first offset of each is with its source: from one to the next it may be far
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
        if version == SINGLE:
            return _whole(_of_single_pack(*fields))
        if version in {ROWS, OLDEST}:
            return _whole(_of_rows(version, fields).columns())
    except _NO_PACK:
        raise DamagedStateError("a record in the home log is no pack") from None
    if type(version) is not int:
        raise DamagedStateError("a record in the home log is no pack")
    raise NewerStateError(f"a pack in the home log is of version {version}, known is {VERSION}")


def _whole(pack: Columns) -> Columns:
    if type(pack.topic) is not str or any(type(said) is not int for source in pack.sources for said in source):
        raise TypeError("no place in the input")
    if not sum(source.events for source in pack.sources) == len(pack.offsets) == pack.events.size:
        raise ValueError("columns of different lengths")
    return pack


def _of_single_pack(topic: str, partition: int, stamp: int, body: Any) -> Columns:
    count = 0 if body is None else len(body[_DIGESTS]) // 8
    return _columns(topic, [(partition, stamp, count, 0)], body)  # its first step is its first offset


def _columns(topic: str, places: Sequence[tuple[int, int, int, int]], found: Any) -> Columns:
    sources = [Source(*place[:3]) for place in places]
    if found is None:
        return stamps(topic, sources)
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
    firsts = [place[3] for place in places]
    return Columns(topic, sources, _offsets(sources, firsts, body.offset_steps.values(count)), events)


def _offsets(sources: list[Source], firsts: list[int], steps: Ints) -> Ints:
    """Return offsets that begin anew with each source: at its first one, to which its steps are added."""
    if any(source.events <= 0 for source in sources) or any(type(first) is not int for first in firsts):
        raise ValueError("a source of no events")
    offsets, begins = np.cumsum(steps), _begins(sources)
    above = np.array(firsts, np.int64) - offsets[begins] + steps[begins]
    found: Ints = offsets + np.repeat(above, [source.events for source in sources])
    return found


def decode(value: bytes) -> list[Part]:
    """Return the parts of the pack that the bytes hold, event by event; the errors of `columns`."""
    found = columns(value)
    entries = zip(found.offsets.tolist(), found.events.single(), strict=True)
    return [
        Part(found.topic, source.partition, source.stamp, [*islice(entries, source.events)])
        for source in found.sources
    ]


def _of_rows(version: int, fields: list[Any]) -> Part:
    if version == ROWS:
        topic, partition, stamp, rows = fields
    else:
        topic, partition, _, after, rows = fields
        stamp = 0 if rows else after
    return Part(topic, partition, stamp, [_entry(row) for row in rows])


def _entry(row: list[Any]) -> Entry:
    if len(row) == 5:
        return row[0], Reversal(*row[1:])
    if type(row[_AMOUNT]) is str:
        row[_AMOUNT] = int(row[_AMOUNT])
    return row[0], Remittance(*row[1:])
