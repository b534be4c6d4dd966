"""Reading records whose header names are not UTF-8: Kafka takes them, aiokafka raises at them for ever.

A record that cannot be used never stops a worker. On the first such record the process changes over to aiokafka's
decoder in Python, made lenient: slower, and the rest of the partition is read. Most processes never need it.
"""

from __future__ import annotations

import logging
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record import default_records, memory_records

log = logging.getLogger(__name__)


class _LenientBytes(bytearray):
    """Bytes that decode whatever they are; what is not UTF-8 shows as backslash escapes."""

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return _LenientBytes(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """Decode; no byte is refused."""
        return super().decode(encoding, errors)


class _LenientBatch(default_records._DefaultRecordBatchPy):  # type: ignore[misc]  # noqa: SLF001  the one with a seam
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        if not isinstance(self._buffer, _LenientBytes):
            self._buffer = _LenientBytes(self._buffer)


def read_leniently() -> None:
    """Have every consumer of this process read header names leniently from now on."""
    if memory_records.DefaultRecordBatch is _LenientBatch:
        return
    log.warning("a record has a header name that is not UTF-8: reading on with a lenient, slower decoder")
    memory_records.DefaultRecordBatch = _LenientBatch
    fetcher.MemoryRecords = memory_records._MemoryRecordsPy  # noqa: SLF001
