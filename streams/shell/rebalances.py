"""Passes aiokafka's rebalances on to Faust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiokafka.abc
from faust.transport import consumer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.shell.transport import ChunkConsumer


class RebalanceListener(aiokafka.abc.ConsumerRebalanceListener):  # type: ignore[misc]
    """Passes aiokafka's rebalances on to Faust, after what was begun is finished and committed."""

    def __init__(self, owner: ChunkConsumer) -> None:
        self._owner = owner

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Finish and commit what was begun, then let Faust suspend its flow."""
        owner = self._owner
        owner.app.on_rebalance_start()
        owner.stop_flow()
        await owner.quiesce()
        await owner.on_partitions_revoked(consumer.ensure_TPset(revoked))

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Tell Faust; it resumes the flow, which begins a new epoch."""
        owner = self._owner
        assert owner._client is not None  # noqa: SLF001
        generation = owner._client._coordinator.generation  # noqa: SLF001  no public way to it
        owner.app.consumer_generation_id = generation
        await owner.on_partitions_assigned(consumer.ensure_TPset(assigned), generation)
