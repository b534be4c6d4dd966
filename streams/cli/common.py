"""What commands share: finding Kafka, the names in it, errors for people, and how output looks."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from streams.cli.setting_flags import SETTING
from streams.shell.connection import access
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX_PATTERN = re.compile(r"[a-zA-Z0-9._-]{0,64}")
SEVERITY_STYLES = {
    "critical": "bold red",
    "missed": "bold red",
    "warning": "yellow",
    "ok": "green",
    "met": "green",
    "inactive": "dim",
    "no_target": "dim",
    "lifted": "dim",
}


class CliError(Exception):
    """An expected failure: one line that says what to do, and the exit code."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def _prefix(value: str) -> str:
    if not PREFIX_PATTERN.fullmatch(value):
        raise typer.BadParameter("at most 64 letters, digits, '.', '_' and '-'")
    return value


BootstrapServers = Annotated[str | None, SETTING]
Prefix = Annotated[str, SETTING]
OutputPrefix = Annotated[
    str,
    typer.Option(
        "--output-prefix",
        metavar="TEXT",
        callback=_prefix,
        help="Read what a replay wrote (the worker's --output-prefix).",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]


def broker_address(given: str | None) -> str:
    """Return the Kafka that was asked for, else the embedded broker that is running."""
    if given:
        return given
    from streams.devkafka.broker import running  # noqa: PLC0415  # only those without a Kafka of their own pay for it

    require_no_access_settings()
    broker = running()
    if broker is None:
        raise CliError(
            "no Kafka given and no embedded broker running: `quotastream kafka start` would start one "
            "(or name yours with --bootstrap-servers)"
        )
    return broker.bootstrap_servers


def require_no_access_settings() -> None:
    """Fail where there is a password or a certificate for the embedded broker, which knows of neither."""
    protocol = access().security_protocol
    if protocol != "PLAINTEXT":
        raise CliError(
            f"QUOTASTREAM_SECURITY_PROTOCOL is {protocol}, and the embedded broker has no such thing: "
            "name your Kafka with --bootstrap-servers",
            2,
        )


def a_day(text: str, last_year: int = 2099) -> date:
    """Return a day that was given as 2026-06-01."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise CliError(f"{text} is not a day such as 2026-06-01", 2) from None
    if not 2000 <= day.year <= last_year:
        raise CliError(f"{text} is not a day from 2000-01-01 to {last_year}-12-31", 2)
    return day


def quiet_kafka_client() -> None:
    """Keep kafka-python's log lines off the terminal: what a person has to know of them comes as an error."""
    logging.getLogger("kafka").addHandler(logging.NullHandler())
    logging.getLogger("kafka").propagate = False


def installation(prefix: str, output_prefix: str = "") -> Names:
    """Return the names of an installation, or of the outputs that a replay in it wrote."""
    return Names(prefix=prefix, output_prefix=output_prefix)


def out() -> Console:
    """Return the console for results; colours only on a terminal, and none where NO_COLOR is set."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """Return the console for progress and remarks, on stderr so that results can be piped."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def table_out() -> Console:
    """Return the console for tables: in a pipe wide enough that no column is cut."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=200)


def write_json(value: Any) -> None:
    """Write one JSON value as one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def styled(text: str, level: str | None, escape: Callable[[str], str]) -> str:
    """Return console markup that shows text in the colour of a level or severity."""
    style = SEVERITY_STYLES.get(level or "")
    return f"[{style}]{escape(text)}[/]" if style else escape(text)
