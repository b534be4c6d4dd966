"""`quotastream worker`: one worker, live, or standing on a day for a replay."""

from __future__ import annotations

import signal
import sys
from datetime import datetime
from typing import Annotated

import typer

from streams.cli.common import CliError, broker_address, quiet_kafka_client
from streams.cli.wording import example
from streams.shell import logs
from streams.shell.settings import WorkerSettings

EXAMPLES = example(
    "quotastream worker",
    "quotastream worker --as-of 2026-07-01 --output-prefix july- --state-dir /tmp/july",
    what="Examples",
)


def worker(
    settings: WorkerSettings,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DAY", help="A replay: the day reached is DAY and the clock does not move."),
    ] = None,
    output_prefix: Annotated[
        str | None,
        typer.Option("--output-prefix", metavar="TEXT", help="With --as-of: before the names of the output topics."),
    ] = None,
) -> int:
    """Fold what producers sent, keep each group's quota table, tell statuses and alerts; until SIGTERM or Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the worker's own handler stands, nothing is begun
    logs.set_up(settings.log_level, settings.log_format)
    quiet_kafka_client()
    from streams.shell import worker as shell  # noqa: PLC0415  Faust takes a second to import

    if output_prefix and as_of is None:
        raise CliError("--output-prefix goes with --as-of: a live worker writes to the usual outputs", 2)
    replay = None if as_of is None else shell.Replay(_day(as_of), output_prefix or "")
    try:
        return shell.run(settings, broker_address(settings.bootstrap_servers), replay)
    except shell.WorkerError as error:
        raise CliError(str(error)) from error


def _day(text: str) -> int:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  a day, not a time
    except ValueError as error:
        raise CliError(f"--as-of {text}: not a day such as 2026-07-01", 2) from error
    if not 2000 <= day.year <= 2100:
        raise CliError(f"--as-of {text}: days lie in 2000 to 2099", 2)
    return day.toordinal()
