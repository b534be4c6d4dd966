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


class ClockError(Exception):
    """The clock file says no time; the text is one line that says what to do."""


class WallClock:
    """Tells the day reached: the UTC day, turning `settle_seconds` after midnight.

    `clock_file` holds an RFC 3339 time that is read anew at each call, in place of the system's clock. While it can't
    be read (whoever moves it may be writing it) the clock stands still; ClockError where it never could be.
    """

    def __init__(self, settle_seconds: int, clock_file: Path | None = None) -> None:
        self._settle_seconds = settle_seconds
        self._file = clock_file
        self._read: float | None = None

    def __call__(self) -> Day:
        """Return the day reached."""
        return day_of(int((self.now() - self._settle_seconds) * 1_000_000))

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        if self._file is None:
            return time.time()
        try:
            self._read = _time_in(self._file)
        except (OSError, ValueError) as error:
            if self._read is None:
                message = f"QUOTASTREAM_CLOCK_FILE {self._file}: holds no time such as 2026-07-01T12:00:00Z ({error})"
                raise ClockError(message) from error
        return self._read


def _time_in(clock_file: Path) -> float:
    moment = datetime.fromisoformat(clock_file.read_text().strip())
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment.timestamp()


def standing(day: Day) -> DayReached:
    """Return a clock that does not move: the day that the caller of a replay named."""
    return lambda: day
