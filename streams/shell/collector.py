"""The collector of cycles, kept from looking at what is known: that is in none, and there is much of it.

All objects are looked at in one go, and a million groups are some twenty-five million: six seconds and more in which
the worker does nothing (docs/decisions/0006), and after which others may have its partitions. What is known is freed
as soon as nothing holds it, looked at or not.
"""

from __future__ import annotations

import gc

EVERY = 50_000  # new objects less freed ones, some chunks of records, are looked at; ten times as many less often
GROWN = 100_000  # policies and accounts more, and they are kept from it: two or three million objects are not


class Collector:
    """What this process' collector leaves alone."""

    def __init__(self) -> None:
        """Begin anew: what the imports made is left alone, what a worker before this one left behind is not."""
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        gc.set_threshold(EVERY, 10, 50)
        self._kept = 0  # policies and accounts that it leaves alone

    def look(self, known: int) -> None:
        """Take note how many policies and accounts are known by now."""
        self._kept = min(self._kept, known)
        if known > self._kept + GROWN:
            gc.collect(1)  # what is garbage by now would stay for good
            gc.freeze()
            self._kept = known
