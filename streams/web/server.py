"""Runs the page: the reader of Kafka, the live changes and the HTTP server, in one loop until it is told to stop.

Lives here: wiring, sockets. Not here: routes (api.py), options (streams/cli/web.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn

from streams.web.api import Parts, make_app
from streams.web.asking import Asking
from streams.web.board import Board
from streams.web.live import Live
from streams.web.reader import Reader
from streams.web.security import names_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from streams.shell.clock import DayReached
    from streams.shell.topics import Names

ENDS_WITHIN_SECONDS = 2


class PortTakenError(OSError):
    """The port is another program's; the text is one line that says what to do."""


def listen(host: str, port: int, *, or_any: bool) -> socket.socket:
    """Return a socket that listens; on a free port where the one asked for is taken and `or_any`.

    PortTakenError where it is taken otherwise; OSError for a host that isn't this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if or_any and port:
            return socket.create_server((host, 0), family=family)
        raise PortTakenError(
            f"can't listen at {host} port {port} ({error.strerror}): name another with --host and --port"
        ) from error


def address_of(listening: socket.socket, host: str) -> str:
    """Return the page's address for a browser on this machine."""
    port = listening.getsockname()[1]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}/"


async def serve(
    listening: socket.socket,
    host: str,
    bootstrap_servers: str,
    names: Names,
    partitions: dict[str, list[int]],
    clock: DayReached | None,
    ready: Callable[[], None],
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called once requests are answered."""
    board = Board()
    reader = Reader(bootstrap_servers, names, partitions, board, clock)
    live = Live(board, reader)
    asking = Asking(bootstrap_servers, names)
    config = uvicorn.Config(
        make_app(Parts(board, live, asking), names_of(host)),
        log_level="warning", access_log=False, server_header=False, date_header=True, lifespan="off",
        timeout_graceful_shutdown=ENDS_WITHIN_SECONDS,
    )  # fmt: skip
    server = _Server(config, ready, live)
    tasks = [asyncio.create_task(reader.run()), asyncio.create_task(live.run())]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    tasks.append(serving)
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # a reader that failed ends the page: what it shows would grow old unnoticed
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    finally:
        server.should_exit = True
        asking.close()
        for task in tasks[:2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(OSError):
            listening.close()


class _Server(uvicorn.Server):
    """Says when it is ready, and takes a signal for the wish to end well."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], live: Live) -> None:
        super().__init__(config)
        self._ready = ready
        self._live = live

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the streams end first: they would never do so by themselves."""
        await self._live.end()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  as uvicorn has it
        """End; uvicorn's own would raise the signal once more in the end."""
        self.should_exit = True
