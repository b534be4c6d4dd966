"""LZ4 at its first level for all that this process sends.

aiokafka asks for the ninth and offers no choice: fifteen times the time, for JSON a fifth and for packs a hundredth
less (decisions/0006).
"""

from __future__ import annotations

import sys
from functools import partial

from aiokafka.codec import lz4_encode
from aiokafka.record.default_records import DefaultRecordBatchBuilder

LEVEL = 1


def install_quick_compression() -> None:
    """Let batches of this process be compressed so; who reads them sees no difference."""
    sys.modules[DefaultRecordBatchBuilder.__module__].lz4_encode = partial(lz4_encode, level=LEVEL)  # type: ignore[attr-defined]
