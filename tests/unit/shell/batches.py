"""Batches of records as Kafka has them, for tests: made by aiokafka, and read by its parser in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy, _DefaultRecordBatchPy

Plain = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]  # offset, key, value, headers
Read = list[tuple[int, int, bytes | None, bytes | None]]  # offset, timestamp, key, value
HEADER_BYTES = 61


def batch(records: list[Plain], codec: int = 0, first: int = 0, *, transaction: int = -1) -> bytes:
    """Return a batch of records, the n-th n milliseconds after the first."""
    builder = _DefaultRecordBatchBuilderPy(2, codec, int(transaction >= 0), transaction, 0, 0, 1 << 24)
    for n, (offset, key, value, headers) in enumerate(records):
        builder.append(offset, 1_000 + n, key, value, headers)
    made = bytearray(builder.build())
    made[:8] = first.to_bytes(8, "big")  # where it lies in the partition: the checksum leaves it out
    return bytes(made)


def body(records: list[Plain]) -> bytes:
    """Return the bytes of the records alone."""
    return batch(records)[HEADER_BYTES:]


def read(data: bytes, spans: bytes | None, count: int = 0) -> Read:
    """Return what the spans say of records' bytes, or where there are none what aiokafka reads."""
    if spans is not None:
        rows = np.frombuffer(spans, np.int64).reshape(-1, 7).tolist()
        return [
            (offset, time, _cut(data, key_at, key_size), _cut(data, at, size))
            for _, offset, time, key_at, key_size, at, size in rows
        ]
    header = bytearray(batch([(0, None, None, [])])[:HEADER_BYTES])
    header[:8] = (5).to_bytes(8, "big")
    header[27:35] = (7).to_bytes(8, "big")  # the first record's time
    header[-4:] = count.to_bytes(4, "big")
    return [(r.offset, r.timestamp, r.key, r.value) for r in _DefaultRecordBatchPy(bytes(header) + data)]


def _cut(data: bytes, at: int, size: int) -> Any:
    return None if size < 0 else data[at : at + size]
