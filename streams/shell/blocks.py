"""Records of a partition as the bytes that they came in: an object is made only of those that somebody asks for.

What aiokafka decides of a batch (its checksum, aborted transactions, markers, where a fetch begins) it goes on
deciding; only the last step, from the bytes of a batch to an object for each record, is another. A batch that is not
plain (a record has headers, the format is an old one, a length is odd) takes aiokafka's step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from aiokafka import codec
from aiokafka.record.default_records import DefaultRecordBatch

from streams.shell import native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streams.shell.event_columns import Ints

_HEADER: Final = 61  # bytes of a batch before its records; the last four count them
_LENGTH_AT: Final = 8  # of four bytes that say how many come after them
_SPAN: Final = 7  # numbers of a record: piece, offset, timestamp, key at and size, value at and size
_OPENED: Final[Mapping[int, Callable[[bytes], bytes]]] = {
    0: lambda raw: raw,
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}


class Record(NamedTuple):
    """A record, as those who ask for a single one see it."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Block:
    """Consecutive records of a partition."""

    __slots__ = ("pieces", "spans", "timestamp_type")

    def __init__(self, pieces: list[bytes], spans: Ints, timestamp_type: int) -> None:
        self.pieces = pieces
        self.spans = spans
        self.timestamp_type = timestamp_type

    @classmethod
    def of(cls, data: bytes, spans: bytearray, timestamp_type: int) -> Block:
        """Return the records of one batch, of which `spans` says where they are."""
        return cls([data], np.frombuffer(spans, np.int64).reshape(-1, _SPAN), timestamp_type)

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return Block(self.pieces, self.spans[at], self.timestamp_type)
        piece, offset, timestamp, key_at, key_size, value_at, value_size = self.spans[at].tolist()
        key, value = self._cut(piece, key_at, key_size), self._cut(piece, value_at, value_size)
        return Record(offset, timestamp, self.timestamp_type, key, value)

    def _cut(self, piece: int, at: int, size: int) -> bytes | None:
        return None if size < 0 else self.pieces[piece][at : at + size]

    def __iter__(self) -> Iterator[Record]:
        return map(self.__getitem__, range(len(self)))

    @property
    def offset(self) -> int:
        """The last record's offset."""
        return int(self.spans[-1, 1])

    @property
    def offsets(self) -> Ints:
        """The offsets."""
        return self.spans[:, 1]

    def values(self, rows: Ints) -> list[bytes | None]:
        """Return some records' values."""
        return [self._cut(piece, at, size) for piece, at, size in self.spans[rows][:, [0, 5, 6]].tolist()]

    def since(self, offset: int) -> Block:
        """Return the records from an offset on."""
        first = int(np.searchsorted(self.offsets, offset))
        return self[first:] if first else self


def joined(records: list[Any]) -> Any:
    """Return what was fetched of a partition: one block where all of it is blocks, else single records."""
    if not any(isinstance(one, Block) for one in records):
        return records
    return together([one if isinstance(one, Block) else [one] for one in records])


def together(parts: Sequence[Any]) -> Any:
    """Return the records of some blocks and lists: one block where all of them are, else a list."""
    if len(parts) == 1:
        return parts[0]
    if not all(isinstance(part, Block) for part in parts):
        return [record for part in parts for record in part]
    spans = np.concatenate([part.spans for part in parts])
    first_pieces = np.cumsum([0, *(len(part.pieces) for part in parts[:-1])])
    spans[:, 0] += np.repeat(first_pieces, [len(part) for part in parts])
    return Block([piece for part in parts for piece in part.pieces], spans, parts[-1].timestamp_type)


class Batches:
    """What was fetched of a partition, batch by batch, each of which may be read as a block."""

    def __init__(self, records: Any) -> None:
        self._records = records
        self._data, self._at = records.data, 0
        self.has_next = records.has_next

    def next_batch(self) -> Any:
        """Return the next batch."""
        batch = self._records.next_batch()
        at = self._at
        first = at + _LENGTH_AT + 4
        self._at = first + int.from_bytes(self._data[first - 4 : first], "big")
        return _Batch(batch, self._data[at : self._at]) if isinstance(batch, DefaultRecordBatch) else batch


class _Batch:
    """A batch that is one block where it can be."""

    def __init__(self, batch: Any, raw: bytes) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)  # a marker is looked at so

    def __iter__(self) -> Any:
        block = _block(self._batch, self._raw)
        return iter(self._batch) if block is None else iter((block,))


def _block(batch: Any, raw: bytes) -> Block | None:
    columns = native.columns
    if columns is None:
        return None
    try:
        data = _OPENED[batch.compression_type](raw[_HEADER:])
    except Exception:  # noqa: BLE001  aiokafka will say what is wrong with it
        return None
    count = int.from_bytes(raw[_HEADER - 4 : _HEADER], "big", signed=True)
    spans = columns.spans(data, count, batch.base_offset, batch.first_timestamp)
    if spans is None:
        return None
    block = Block.of(data, spans, batch.timestamp_type)
    if batch.timestamp_type == 1:  # the broker's, one for all
        block.spans[:, 2] = batch.max_timestamp
    return block


def offsets(records: Any) -> Ints:
    """Return the offsets of a partition's records."""
    return (
        records.offsets if isinstance(records, Block) else np.array([record.offset for record in records], np.int64)
    )
