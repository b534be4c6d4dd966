"""The last changes, numbered, so that a page that lost its connection goes on where it was.

Lives here: bounded memory of what was sent, and where a reader of it stands. Not here: what a change is (board.py).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Sent(NamedTuple):
    """A change as it goes over the wire, and its number."""

    number: int
    data: bytes


class Ring:
    """Changes in their order, the oldest dropped where there are too many or they take too much."""

    def __init__(self, epoch: str, most_changes: int = 2_000, most_bytes: int = 16 << 20) -> None:
        """`epoch` names this run of the server: the numbers of another run mean nothing in it."""
        self.epoch = epoch
        self.newest = 0
        self._changes: deque[Sent] = deque()
        self._bytes = 0
        self._most_changes, self._most_bytes = most_changes, most_bytes

    def append(self, data: bytes) -> None:
        """Add a change."""
        self.newest += 1
        self._changes.append(Sent(self.newest, data))
        self._bytes += len(data)
        while len(self._changes) > self._most_changes or self._bytes > self._most_bytes:
            self._bytes -= len(self._changes.popleft().data)

    def since(self, number: int) -> list[Sent] | None:
        """Return what came after a number; None where some of that is dropped, or the number was never given."""
        if number > self.newest or number < self.newest - len(self._changes):
            return None
        behind = self.newest - number
        return [self._changes[-at] for at in range(behind, 0, -1)]

    def id_of(self, number: int) -> str:
        """Return a number as an event's id."""
        return f"{self.epoch}.{number}"

    def number_of(self, event_id: str | None) -> int | None:
        """Return the number of an event's id; None where it is of another run, or none of ours."""
        epoch, _, number = (event_id or "").rpartition(".")
        return int(number) if epoch == self.epoch and number.isascii() and number.isdigit() else None
