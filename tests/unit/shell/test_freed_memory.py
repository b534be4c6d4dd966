"""What a worker freed goes back to the system, where the C library can do that."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from streams.shell.freed_memory import give_back

PIECES, PIECE_BYTES = 1_000, 100_000  # each too small to be a mapping of its own


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")
def test_what_lies_free_between_what_is_used_goes_back() -> None:
    """By itself only what is free at the heap's end does."""
    pieces = [bytearray(b"x" * PIECE_BYTES) for _ in range(PIECES)]
    before = resident_bytes()
    kept = pieces[:: PIECES // 10] + pieces[-1:]
    del pieces
    give_back()
    assert before - resident_bytes() > PIECES * PIECE_BYTES / 2
    assert len(kept) == 11
