"""`quotastream web`: the operators' page, a consumer of the output topics like any other."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import Annotated

import typer

from streams.cli.common import AsJson, CliError, OutputPrefix, broker_address, quiet_kafka_client, write_json
from streams.cli.wording import example
from streams.shell import logs
from streams.shell.clock import WallClock
from streams.shell.settings import WebSettings
from streams.shell.topics import Names

EXAMPLES = example("quotastream web", "quotastream web --port 9000", what="Examples")
DEFAULT_PORT = 8420


def web(
    settings: WebSettings,
    replay: Annotated[
        bool, typer.Option("--replay", help="Show what a replay (worker --as-of) writes; its day stands.")
    ] = False,
    output_prefix: OutputPrefix = "",
    as_json: AsJson = False,
) -> None:
    """Show who is behind on a page that is live, until Ctrl-C. It only reads, and needs no worker on this machine.

    Statuses and alerts need a subscriber's rights in Kafka; charts and what-ifs an analyst's; dead letters and the
    workers' lag an operator's. What is not allowed is left out, and the page says so.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the server's own handler stands, nothing is begun
    quiet_kafka_client()
    logs.set_up("warning")
    from streams.web import reader, server  # noqa: PLC0415  FastAPI takes half a second to import

    if output_prefix and not replay:
        raise CliError("--output-prefix goes with --replay: a live worker has none", 2)
    address = broker_address(settings.bootstrap_servers)
    names = Names(prefix=settings.prefix, replay=replay, output_prefix=output_prefix)
    clock = None if replay else WallClock(settings.settle_seconds, settings.clock_file)
    partitions = reader.find_partitions(address, names)
    host, port = settings.web_host, settings.web_port
    listening = server.listen(host, DEFAULT_PORT if port is None else port, or_any=port is None)
    url = server.address_of(listening, host)

    def ready() -> None:
        if as_json:
            write_json({"url": url})
        else:
            sys.stdout.write(f"the page is at {url} (Ctrl-C ends it)\n")
            sys.stdout.flush()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve(listening, host, address, names, partitions, clock, ready))
