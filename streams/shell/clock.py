"""The clock, injected: the system's, one that a file moves (rehearsals, tests), or a named day that stands still."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from streams.core.events import Day, day_of

if TYPE_CHECKING:
    from pathlib import Path

DayReached = Callable[[], Day]


def wall_clock(settle_seconds: int, clock_file: Path | None = None) -> DayReached:
    """Return what tells the day reached: the UTC day, turning `settle_seconds` after midnight.

    `clock_file` holds an RFC 3339 time that is read anew at each call, in place of the system's clock.
    """

    def day_reached() -> Day:
        now = (
            time.time() if clock_file is None else datetime.fromisoformat(clock_file.read_text().strip()).timestamp()
        )
        return day_of(int((now - settle_seconds) * 1_000_000))

    return day_reached


def standing(day: Day) -> DayReached:
    """Return a clock that does not move: the day that the caller of a replay named."""
    return lambda: day
