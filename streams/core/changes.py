"""From which day on something changed since a version: what lets an evaluation go on from an earlier one."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from streams.core.years import NEVER

if TYPE_CHECKING:
    from streams.core.events import Day

MOST_ROWS = 8  # bounds memory: what came before is then said to have changed from the earliest of its days on


class Changes:
    """When something came that changes days: for each version, from which day on."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: list[tuple[int, Day]] = []  # (version after it, day), less what a later, earlier day hides

    def add(self, version: int, day: Day) -> None:
        """Note that from a version on, days from `day` on may be others."""
        rows = self._rows
        while rows and rows[-1][1] >= day:
            rows.pop()
        if len(rows) >= MOST_ROWS:
            rows[:2] = [(rows[1][0], rows[0][1])]
        rows.append((version, day))

    def since(self, version: int) -> Day:
        """Return the first day that may have changed since a version; NEVER if none."""
        rows = self._rows
        if not rows or rows[-1][0] <= version:
            return NEVER
        return rows[bisect_right(rows, (version, NEVER))][1]
