"""Records as aiokafka's parser makes them: copying each, to say where it is from, took more than parsing it.

Those of one topic aren't even made where they needn't be: they come in blocks (`shell/blocks.py`).
"""

from __future__ import annotations

from typing import Any

from aiokafka.consumer import fetcher

from streams.shell import native
from streams.shell.blocks import Batches, Block


class Lean:
    """Marks a consumer (its `key_deserializer`): records come as they were parsed, without their place."""

    def __init__(self, in_blocks: str = "") -> None:
        self.in_blocks = in_blocks  # the topic whose records may come as blocks of many

    def __call__(self, key: Any) -> Any:
        """Return a key as it came."""
        return key


class _Kept(fetcher.MemoryRecords):  # type: ignore[misc]
    """What was fetched of a partition, with its bytes at hand."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class _LeanRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """What was fetched of a partition, as an iterator over its records."""

    def __init__(self, tp: Any, records: Any, *how: Any, **named: Any) -> None:
        super().__init__(tp, records, *how, **named)
        mark = self._key_deserializer
        self._is_lean = isinstance(mark, Lean)
        # header_names.py may have put a decoder into place that keeps no bytes.
        if self._is_lean and mark.in_blocks == tp.topic and native.columns and isinstance(records, _Kept):
            self._records = Batches(records)  # the base class has a generator that hasn't begun yet

    def __iter__(self) -> Any:
        return self._records_iterator  # the base class' `__next__` costs a call for each record

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        if isinstance(record, Block):
            return record.since(self.next_fetch_offset)
        return record if self._is_lean else super()._consumer_record(tp, record)


def install_lean_records() -> None:
    """Let marked consumers of this process have their records so; others see no difference."""
    fetcher.PartitionRecords = _LeanRecords
    fetcher.MemoryRecords = _Kept
