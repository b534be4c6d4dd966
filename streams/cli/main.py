"""The command `quotastream`: every command mounted, and every expected error told in one line on stderr."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer
from kafka.errors import AuthorizationError, KafkaError

from streams.cli import (
    backtest,
    close_year,
    config,
    dead_letters,
    demo,
    doctor,
    explain,
    forecast,
    kafka,
    notify,
    publish,
    rebuild,
    schemas,
    status,
    topics,
    watch,
    web,
    what_if,
    worker,
)
from streams.cli.common import CliError, example, one_line
from streams.cli.setting_flags import give_flags
from streams.devkafka.errors import BrokerError
from streams.shell.connection import REFUSED_EXIT_CODE, RefusedError, UnreachableError
from streams.shell.setting_sources import SettingError
from streams.shell.topic_admin import TopicAdminError
from streams.shell.versions import UNREADABLE_STATE_EXIT_CODE, UnreadableStateError

USAGE_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130
#: What may go wrong without a bug of ours, and the exit code; the first that fits.
EXPECTED: dict[type[Exception], int] = {
    SettingError: USAGE_EXIT_CODE,
    RefusedError: REFUSED_EXIT_CODE,
    AuthorizationError: REFUSED_EXIT_CODE,
    UnreadableStateError: UNREADABLE_STATE_EXIT_CODE,
    UnreachableError: 1,
    TopicAdminError: 1,
    BrokerError: 1,
    KafkaError: 1,
    OSError: 1,
}

app = typer.Typer(
    name="quotastream",
    no_args_is_help=True,
    add_completion=False,
    # Plain help reads the same in a terminal, a pipe and a manual page.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=demo.EXAMPLES)(demo.demo)
app.add_typer(kafka.app, name="kafka")
app.add_typer(topics.app, name="topics")
app.command(epilog=publish.EXAMPLES)(publish.publish)
app.command(epilog=worker.EXAMPLES)(worker.worker)
app.command(epilog=watch.EXAMPLES)(watch.watch)
app.command(epilog=web.EXAMPLES)(web.web)
app.command(epilog=status.EXAMPLES)(status.status)
app.command(epilog=explain.EXAMPLES)(explain.explain)
app.command("what-if", epilog=what_if.EXAMPLES)(what_if.what_if)
app.command(epilog=backtest.EXAMPLES)(backtest.backtest)
app.command("close-year", epilog=close_year.EXAMPLES)(close_year.close_year)
app.command(epilog=forecast.EXAMPLES)(forecast.forecast)
app.add_typer(dead_letters.app, name="dead-letters")
app.command(epilog=rebuild.EXAMPLES)(rebuild.rebuild)
app.command(epilog=notify.EXAMPLES)(notify.notify)
app.command(epilog=doctor.EXAMPLES)(doctor.doctor)
app.add_typer(config.app, name="config")
app.add_typer(schemas.app, name="schemas")
give_flags(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"quotastream {version('quotastream')}")
        raise typer.Exit


@app.callback(epilog=example("quotastream demo", what="Example, from nothing to a table of who is behind"))
def quotastream(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Keep, live, the account of groups whose yearly earnings targets are set, and changed, from outside."""


def run(arguments: list[str]) -> int:
    """Run one command line; return its exit code. An expected error is one line on stderr."""
    try:
        code = app(arguments, prog_name="quotastream", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_has_seen_enough()
    except SystemExit as stop:
        # Typer ends a program whose pipe broke by itself, with exit code 1, and leaves this wrapper as its mark.
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":
            return _reader_has_seen_enough()
        return stop.code if isinstance(stop.code, int) else 1
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED_EXIT_CODE
    except CliError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        if error.message.startswith("Usage:"):  # a group of commands alone: its help, not a complaint
            sys.stderr.write(f"{error.message}\n")
            return USAGE_EXIT_CODE
        return _fail(f"{error.format_message()} (see {_command_path(error)} --help)", error.exit_code)
    except tuple(EXPECTED) as error:
        return _fail(*_expected(error))
    return code if isinstance(code, int) else 0


def _expected(error: Exception) -> tuple[str, int]:
    said = str(error)
    if isinstance(error, AuthorizationError):
        said = f"Kafka doesn't allow this ({said}): give the user the ACLs of its role (deploy/acls.sh)"
    return said, next(code for kind, code in EXPECTED.items() if isinstance(error, kind))


def _reader_has_seen_enough() -> int:
    """End quietly, as `... | head` expects; what is left in the buffer must not raise at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return 0


def _fail(message: str, exit_code: int) -> int:
    sys.stderr.write(f"quotastream: {one_line(message)}\n")
    return exit_code


def _command_path(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return context.command_path if context else "quotastream"


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))
