"""Passes aiokafka's rebalances on: what is to happen then is its caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiokafka.abc
from faust.transport import consumer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from faust.types.tuples import TP

    Passed = Callable[[set[TP]], Awaitable[None]]


class RebalanceListener(aiokafka.abc.ConsumerRebalanceListener):  # type: ignore[misc]
    """Passes on which partitions are taken away, and which are given."""

    def __init__(self, revoked: Passed, assigned: Passed) -> None:
        self._revoked = revoked
        self._assigned = assigned

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Pass on what is taken away; it is another's once this returns."""
        await self._revoked(consumer.ensure_TPset(revoked))

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Pass on what is given."""
        await self._assigned(consumer.ensure_TPset(assigned))
