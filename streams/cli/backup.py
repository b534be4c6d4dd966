"""`quotastream backup`: what can't be made again from the inputs, in a file (`streams.shell.backups`)."""

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
from streams.cli.wording import counted, example
from streams.shell import backups

EXAMPLES = example("quotastream backup told-2026-06-01.gz")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; one that is there is replaced.")],
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    as_json: AsJson = False,
) -> None:
    """Write what was told to a file: the one thing that can't be made again from the inputs.

    Workers may go on meanwhile. The inputs are not in it: keep them for ever, replicated (docs/scaling.md).
    """
    quiet_kafka_client()
    try:
        counts = backups.write(broker_address(bootstrap_servers), installation(prefix), file)
    except backups.BackupError as error:
        raise CliError(str(error)) from error
    if as_json:
        write_json({"file": str(file), **counts})
        return
    out().print(
        f"{escape(str(file))}: what was told of {counted(counts['told'], 'account')} and the like, "
        f"{counted(counts['status'], 'status', 'statuses')}, {counted(counts['alerts'], 'episode')}"
    )
