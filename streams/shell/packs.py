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
import numpy.typing as npt

from streams.core.events import Remittance, Reversal
from streams.shell.versions import DamagedStateError, NewerStateError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 3
FORMER = 2  # rows in place of columns; kept for ever, as the log is
OLDEST = 1  # its packs named the offsets that they covered, sent before anything was acknowledged
INT64_MAX = (1 << 63) - 1
_AMOUNT = 1 + Remittance._fields.index("amount_minor")  # its place in a row

Entry = tuple[int, Remittance | Reversal]  # the input offset, and what stood there
Ints = npt.NDArray[np.int64]


class Pack(NamedTuple):
    """Events of one home partition out of an input partition, by ascending offset.

    The log holds all of the input partition before the offset `stamp`.
    """

    topic: str
    partition: int
    stamp: int
    entries: list[Entry]


class Columns(NamedTuple):
    """The same pack, column by column; a reversal has day 0, amount 0 and the currency ""."""

    topic: str
    partition: int
    stamp: int
    groups: list[str]
    purses: list[tuple[str, str | None]]  # (currency, levy_id)
    offsets: Ints
    group: Ints  # where in `groups`
    ids: npt.NDArray[np.uint64]  # the id's two halves, as they lie in memory
    digests: npt.NDArray[np.uint64]
    days: Ints
    purse: Ints  # where in `purses`
    amounts: Ints
    large: dict[int, int]  # amounts beyond 64 bits, by row; the column has 0
    reverses: dict[int, bytes]  # what reversals name, by row


class _Narrow(msgspec.Struct, array_like=True, gc=False):
    """Integers, as their lowest one and what each adds to it."""

    lowest: int
    bytes_each: int
    above: bytes

    @classmethod
    def of(cls, values: Ints) -> _Narrow:
        lowest = int(values.min())
        above = values - lowest
        width = next(w for w in (1, 2, 4, 8) if w == 8 or int(above.max()) >> (8 * w) == 0)
        return cls(lowest, width, above.astype(f"<u{width}").tobytes())

    def values(self, count: int) -> Ints:
        found = np.frombuffer(self.above, f"<u{self.bytes_each}").astype(np.int64) + self.lowest
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
# A NamedTuple's own constructor is a Python function, which costs as much as the rest of the tuple.
_new = tuple.__new__
_NO_PACK = (msgspec.MsgspecError, TypeError, ValueError, LookupError, OverflowError, RecursionError)


def encode(pack: Pack) -> bytes:
    """Return the pack as bytes."""
    return _encode((VERSION, pack.topic, pack.partition, pack.stamp, _body(pack.entries) if pack.entries else None))


def _body(entries: list[Entry]) -> _Body:
    offsets, events = zip(*entries, strict=True)
    reverses: list[tuple[int, bytes]] = []
    if Reversal in set(map(type, events)):
        reverses = [(row, event.reverses) for row, event in enumerate(events) if type(event) is Reversal]
        events = tuple(_as_row(event) for event in events)
    groups, ids, digests, days, amounts, currencies, levies = zip(*events, strict=True)
    large = []
    if max(amounts) > INT64_MAX:  # 18 digits before the point pass 64 bits
        large = [(row, str(amount)) for row, amount in enumerate(amounts) if amount > INT64_MAX]
        amounts = tuple(amount if amount <= INT64_MAX else 0 for amount in amounts)
    group_places = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    purses = tuple(zip(currencies, levies, strict=True))
    purse_places = {purse: place for place, purse in enumerate(dict.fromkeys(purses))}
    steps = np.array(offsets, np.int64)
    steps[1:] -= steps[:-1]
    return _Body(
        list(group_places),
        list(purse_places),
        _Narrow.of(steps),
        _Narrow.of(np.array([*map(group_places.__getitem__, groups)], np.int64)),
        b"".join(ids),
        b"".join(digests),
        _Narrow.of(np.array(days, np.int64)),
        _Narrow.of(np.array([*map(purse_places.__getitem__, purses)], np.int64)),
        _Narrow.of(np.array(amounts, np.int64)),
        large,
        reverses,
    )


def _as_row(event: Remittance | Reversal) -> Remittance:
    if isinstance(event, Remittance):
        return event
    return Remittance(event.group_id, event.event_id, event.digest, 0, 0, "", None)


def columns(value: bytes) -> Columns:
    """Return the pack that the bytes hold, column by column.

    NewerStateError for a version that this program does not know, DamagedStateError for what is no pack.
    """
    try:
        version, *fields = _decode(value)
        if version == VERSION:
            return _columns(*fields)
        if version in {FORMER, OLDEST}:
            topic, partition, stamp, entries = _of_rows(version, fields)
            return _columns(topic, partition, stamp, _body(entries) if entries else None)
    except _NO_PACK:
        raise DamagedStateError("a record in the home log is no pack") from None
    if type(version) is not int:
        raise DamagedStateError("a record in the home log is no pack")
    raise NewerStateError(f"a pack in the home log is of version {version}, known is {VERSION}")


def _columns(topic: str, partition: int, stamp: int, found: Any) -> Columns:
    if type(topic) is not str or type(partition) is not int or type(stamp) is not int:
        raise TypeError("no place in the input")
    if found is None:
        none, no_halves = np.empty(0, np.int64), np.empty(0, np.uint64)
        return Columns(
            topic, partition, stamp, [], [], none, none, no_halves.reshape(0, 2), no_halves, none, none, none, {}, {}
        )
    body = found if type(found) is _Body else msgspec.convert(found, _Body)
    count = len(body.digests) // 8
    large = {row: int(amount) for row, amount in body.large}
    reverses = dict(body.reverses)
    if not all(0 <= row < count for row in (*large, *reverses)) or any(len(key) != 16 for key in reverses.values()):
        raise LookupError("a row that is not in the pack")
    return Columns(
        topic, partition, stamp, body.groups, body.purses,
        np.cumsum(body.offset_steps.values(count)),
        body.group.places(count, body.groups),
        np.frombuffer(body.ids, "<u8").reshape(count, 2),
        np.frombuffer(body.digests, "<u8"),
        body.days.values(count),
        body.purse.places(count, body.purses),
        body.amounts.values(count),
        large, reverses,
    )  # fmt: skip


def decode(value: bytes) -> Pack:
    """Return the pack that the bytes hold, event by event; the errors of `columns`."""
    c = columns(value)
    ids, digests = c.ids.tobytes(), c.digests.tobytes()
    entries: list[Entry] = []
    rows = zip(
        c.offsets.tolist(), c.group.tolist(), c.days.tolist(), c.purse.tolist(), c.amounts.tolist(), strict=True
    )
    for row, (offset, group, day, purse, amount) in enumerate(rows):
        head = (c.groups[group], ids[16 * row : 16 * row + 16], digests[8 * row : 8 * row + 8])
        if row in c.reverses:
            entries.append((offset, Reversal(*head, c.reverses[row])))
        else:
            entries.append((offset, _new(Remittance, (*head, day, c.large.get(row, amount), *c.purses[purse]))))
    return Pack(c.topic, c.partition, c.stamp, entries)


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
    return row[0], _new(Remittance, row[1:])
