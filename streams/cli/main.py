"""The command `quotastream`: every command mounted, and every expected error told in one line on stderr."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from streams.cli.commands import AllCommands
from streams.cli.wording import example, one_line

USAGE_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130

app = typer.Typer(
    name="quotastream",
    cls=AllCommands,
    no_args_is_help=True,
    add_completion=False,
    # Plain help reads the same in a terminal, a pipe and a manual page.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    except typer.TyperException as error:
        if error.message.startswith("Usage:"):  # a group of commands alone: its help, not a complaint
            sys.stderr.write(f"{error.message}\n")
            return USAGE_EXIT_CODE
        return _fail(f"{error.format_message()} (see {_command_path(error)} --help)", error.exit_code)
    except Exception as error:
        from streams.cli import failures  # noqa: PLC0415  what can fail is imported once something has
        from streams.shell import logs  # noqa: PLC0415

        expected = failures.expected(error)
        if expected is None:
            raise
        logs.finish()
        return _fail(*expected)
    return code if isinstance(code, int) else 0


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
