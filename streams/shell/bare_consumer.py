"""Faust's consumer without what has no use here: acks and seeks a record, tables, topics that it would create.

Lives here: what Faust may call and nothing has to happen, and what it must never call. Not here: what happens
(`transport.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faust.transport import consumer
from faust.types.tuples import TP

if TYPE_CHECKING:
    from collections.abc import Mapping


class BareConsumer(consumer.Consumer):  # type: ignore[misc]
    """What is left is to hand out records, to commit and to seek."""

    # --- nothing has to happen ---

    def ack(self, message: Any) -> bool:
        """Take Faust's acks for what they are here: nothing; `finish` counts."""
        message.acked = True
        return True

    def track_message(self, message: Any) -> None:
        """Take no note: unfinished chunks are kept here."""

    async def perform_seek(self) -> None:
        """Seek nothing: the epoch that follows does."""

    def close(self) -> None:
        """Do nothing at once: `on_stop` closes."""

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek nothing: the epoch that follows does."""
        return {}

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:  # noqa: ARG002
        """Leave the choice to the producer."""
        return partition

    async def create_topic(self, *args: Any, **kwargs: Any) -> None:
        """Create nothing: `streams.shell.topic_admin` does."""

    # --- never called: handing out, committing and seeking are chunks' and epochs', tables are not used ---

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109
        raise NotImplementedError("records are handed out in chunks")

    def _to_message(self, tp: TP, record: Any) -> Any:
        raise NotImplementedError("records are handed out in chunks")

    async def _commit(self, offsets: Any) -> bool:
        raise NotImplementedError("the finished fronts are committed, nothing else")

    async def _seek(self, partition: TP, offset: int) -> None:
        raise NotImplementedError("only an epoch's beginning seeks")

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Serve Faust's tables, which are not used."""
        raise NotImplementedError("state is restored by streams.shell.ledger")

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Serve Faust's tables, which are not used."""
        raise NotImplementedError("state is restored by streams.shell.ledger")

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Serve Faust's tables, which are not used."""
        raise NotImplementedError("state is restored by streams.shell.ledger")
