"""What goes to open pages: a snapshot first, then changes in batches, from where a page lost its connection.

Lives here: batching, and each reader's own place in the changes. Not here: HTTP (api.py).
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.web.freshness import value as freshness_value
from streams.web.ring import Ring

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streams.web.board import Board
    from streams.web.reader import Reader

BATCH_SECONDS = 0.25  # between two changes: what a person sees as at once, and a page can draw
FRESHNESS_SECONDS = 1.0


class Event(NamedTuple):
    """One server-sent event."""

    kind: str  # "snapshot", "changes" or "freshness"
    data: bytes
    event_id: str | None = None


class Live:
    """The changes of a board as events, for any number of readers."""

    def __init__(self, board: Board, reader: Reader, batch_seconds: float = BATCH_SECONDS) -> None:
        self._board = board
        self._reader = reader
        self._batch_seconds = batch_seconds
        self._ring = Ring(secrets.token_hex(4))
        self._grown = asyncio.Condition()
        self._begun = self._ended = False
        self.freshness: dict[str, object] = {}

    async def run(self) -> None:
        """Make batches for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._batch())
            tasks.create_task(self._measure())

    async def _batch(self) -> None:
        await self._reader.caught_up()
        while self._board.take_changes() is not None:
            pass  # it is all in the snapshot that every page gets first
        self._begun = True
        while True:
            if not self._board.changed:
                self._reader.news.clear()
                await self._reader.news.wait()
            change = self._board.take_changes()
            if change is not None:
                self._ring.append(msgspec.json.encode(change))
                await self._wake()
            await asyncio.sleep(self._batch_seconds)

    async def _measure(self) -> None:
        while True:
            self.freshness = freshness_value(self._reader.measured()) | {"day_reached": self._board.day_reached}
            await self._wake()
            await asyncio.sleep(FRESHNESS_SECONDS)

    async def _wake(self) -> None:
        async with self._grown:
            self._grown.notify_all()

    async def end(self) -> None:
        """Let every reader come to an end."""
        self._ended = True
        await self._wake()

    async def events(self, last_event_id: str | None) -> AsyncIterator[Event]:
        """Yield what a page needs that has come as far as an event's id; at first how fresh it will be."""
        told: dict[str, object] | None = None
        at = self._ring.number_of(last_event_id)
        while not self._ended:
            sent = None if at is None else self._ring.since(at)
            if not self._begun:
                at = None
            elif sent is None:
                at = self._ring.newest
                yield Event("snapshot", msgspec.json.encode(self._board.snapshot()), self._ring.id_of(at))
            else:
                for change in sent:
                    at = change.number
                    yield Event("changes", change.data, self._ring.id_of(at))
            if self.freshness is not told:
                told = self.freshness
                yield Event("freshness", msgspec.json.encode(told))
            async with self._grown:
                if not self._ended and self.freshness is told and (at == self._ring.newest or not self._begun):
                    await self._grown.wait()
