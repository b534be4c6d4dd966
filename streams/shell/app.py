"""The Faust app: two agents, the router on the input topics and the folder on the home log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import faust
from faust.tables import TableManager

from streams.shell import connection, transport
from streams.shell.logs import located

if TYPE_CHECKING:
    from pathlib import Path

    from streams.shell.settings import WorkerSettings
    from streams.shell.topics import Names
    from streams.shell.transport import Chunk, ChunkConsumer

log = logging.getLogger(__name__)

Handler = Callable[["list[Chunk]"], Awaitable[None]]


class NoTables(TableManager):  # type: ignore[misc]
    """Faust's manager of tables, of which there are none."""

    async def on_start(self) -> None:
        """Begin at once: Faust's own gives tables a second to register in, and nothing is read meanwhile."""
        await self._update_channels()
        await self.recovery.start()


def make_app(names: Names, settings: WorkerSettings, bootstrap_servers: str, data_dir: Path) -> faust.App:
    """Return the app with the chunk transport, without agents yet."""
    app = faust.App(
        names.consumer_group,
        broker=[f"kafka://{server}" for server in bootstrap_servers.split(",")],
        broker_credentials=connection.faust_credentials(),
        datadir=str(data_dir / "faust"),
        store="memory://",
        TableManager=NoTables,
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,  # the chunk consumer waits for what was begun
        broker_commit_interval=settings.commit_seconds,
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.session_timeout_seconds / 4,
        broker_request_timeout=max(40.0, settings.session_timeout_seconds + 1),
        consumer_group_instance_id=settings.group_instance_id,
        consumer_max_fetch_size=settings.fetch_bytes,
    )
    transport.install(app)
    return app


def add_agent(app: faust.App, name: str, topics: tuple[str, ...], handle: Handler) -> None:
    """Add an agent that passes chunks that still count to `handle`, all that were fetched of a topic at once."""
    consumer: ChunkConsumer = app.consumer

    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            chunks = [chunk for chunk in event.value if consumer.begin(chunk)]
            if not chunks:
                continue
            try:
                await handle(chunks)
            except Exception:
                # An exception that reached the stream would lose the chunks (docs/decisions/0002-faust.md, row a).
                for chunk in chunks:
                    log.exception("%s[%d] from %d: failed, it is read again", *chunk.tp, chunk.first,
                                  extra=located(chunk.tp, chunk.first))  # fmt: skip
                await asyncio.sleep(1.0)
                consumer.begin_epoch()

    channel = app.topic(*topics, key_serializer="raw", value_serializer="raw", internal=False)
    app.agent(channel, name=name)(agent)
