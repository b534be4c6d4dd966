"""What a worker sends is compressed quickly, and readable all the same."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import lz4.frame
from aiokafka.codec import lz4_encode
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams.shell.quick_compression import LEVEL, install_quick_compression

if TYPE_CHECKING:
    import pytest

LZ4 = 3
HEADER_BYTES = 61  # of a batch, before what is compressed
VALUE = b'{"group_id":"dandong-07","amount":"1250.00"}' * 40


def test_batches_are_compressed_at_the_first_level(monkeypatch: pytest.MonkeyPatch):
    """A version of aiokafka that compresses elsewhere would do it at the ninth again, unnoticed."""
    module = sys.modules[DefaultRecordBatchBuilder.__module__]
    monkeypatch.setattr(module, "lz4_encode", module.lz4_encode)  # put back after this test
    install_quick_compression()
    builder = DefaultRecordBatchBuilder(2, LZ4, True, -1, -1, -1, 1 << 18)
    builder.append(0, 0, b"k", VALUE, [])
    batch = bytes(builder.build())
    records = lz4.frame.decompress(batch[HEADER_BYTES:])
    assert batch[HEADER_BYTES:] == lz4_encode(records, LEVEL)
    assert [record.value for record in MemoryRecords(batch).next_batch()] == [VALUE]
