"""`quotastream restore`: what a backup holds, put back (`streams.shell.backups`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from streams.cli.common import (
    AsJson,
    BootstrapServers,
    CliError,
    Prefix,
    broker_address,
    installation,
    out,
    quiet_kafka_client,
    write_json,
)
from streams.cli.wording import example
from streams.shell import backups
from streams.shell.rebuilding import RebuildError
from streams.shell.spreading import SpreadError
from streams.shell.topic_admin import admin_client

EXAMPLES = example("quotastream restore told-2026-06-01.gz")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `quotastream backup` wrote.")],
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    home_partitions: Annotated[
        int | None,
        typer.Option(
            "--home-partitions", min=1, max=10_000, help="Of the topics that are made [default: as in the backup]."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put back what was told, where `quotastream-told` is missing or empty; what is lost of the outputs too.

    Stop every worker first. Makes the topics that are missing, and has the next worker read all inputs again. It
    tells nothing of what the backup knows a second time, and what was told after it in the same words.
    """
    quiet_kafka_client()
    names, address = installation(prefix), broker_address(bootstrap_servers)
    try:
        found = backups.read(file)
        with admin_client(address) as admin:
            written = backups.restore(admin, address, names, found, home_partitions)
    except (backups.BackupError, RebuildError, SpreadError) as error:
        raise CliError(str(error)) from error
    if as_json:
        write_json({"file": str(file), **found.counts, "written": written})
        return
    out().print(f"written, all or nothing: {escape(', '.join(written))}")
    out().print("done: start the workers; they read the inputs again before they tell anything")
