"""`quotastream doctor`: whether all that an installation needs is well, and what to do where it isn't."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from kafka.errors import KafkaError
from rich.markup import escape
from rich.table import Table

from streams.cli.common import (
    AsJson,
    CliError,
    broker_address,
    err,
    installation,
    quiet_kafka_client,
    table_out,
    write_json,
)
from streams.cli.wording import counted, example, one_line
from streams.shell import checkup, checkup_here
from streams.shell.acls import MEANING, Role
from streams.shell.checkup import Finding
from streams.shell.connection import UnreachableError
from streams.shell.setting_sources import SettingError
from streams.shell.settings import WorkerSettings
from streams.shell.topic_admin import TopicAdminError, admin_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kafka import KafkaAdminClient

    from streams.shell.settings import ClockSettings

ROLES = "; ".join(f"{role}: {meaning}" for role, meaning in MEANING.items())
EXAMPLES = example("quotastream doctor", "quotastream doctor --role producer --json", what="Examples")
STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


def doctor(
    settings: WorkerSettings,
    role: Annotated[Role, typer.Option("--role", help=f"Whose rights to look at. {ROLES}.")] = "worker",
    as_json: AsJson = False,
) -> None:
    """Look at settings, versions, disk, Kafka, the clock, topics, rights and workers; say what to do about each.

    Changes nothing. Ends with 0 where nothing is broken (there may be warnings), with 1 where something is.
    """
    quiet_kafka_client()
    findings = list(_findings(settings, role))
    failed = sum(finding.state == "failed" for finding in findings)
    if as_json:
        write_json([finding._asdict() for finding in findings])
    else:
        table_out().print(_table(findings))
        err().print(f"{counted(failed, 'thing')} broken" if failed else "nothing is broken")
    if failed:
        raise typer.Exit(1)


def _findings(settings: WorkerSettings, role: Role) -> Iterator[Finding]:
    yield from checkup_here.configuration(settings)
    yield from checkup_here.versions()
    if role == "worker":
        yield from checkup_here.state_folder(settings.state_dir)
    try:
        address = broker_address(settings.bootstrap_servers)
        with admin_client(address) as admin:
            yield from _in_kafka(admin, address, settings, role)
    except (CliError, UnreachableError, SettingError) as error:
        yield Finding("kafka", "failed", str(error), "all else that is in Kafka was not looked at")


def _in_kafka(admin: KafkaAdminClient, address: str, settings: WorkerSettings, role: Role) -> Iterator[Finding]:
    names = installation(settings.prefix)
    yield from _tried("kafka", lambda: checkup.kafka(admin, address))
    yield from _tried("clock", lambda: checkup.clock(admin, lambda: _now(settings)))
    yield from _tried("topics", lambda: checkup.topics(admin, names))
    yield from _tried("rights", lambda: checkup.rights(admin, address, names, role))
    yield from _tried("workers", lambda: checkup.workers(admin, address, names))


def _tried(check: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what a look finds; one that fails is a finding too, and the next is looked at all the same."""
    try:
        yield from look()
    except (KafkaError, TopicAdminError, UnreachableError, OSError, ValueError) as error:
        yield Finding(
            check, "failed", one_line(error) or repr(error), "try again; if it stays, see the brokers' logs"
        )


def _now(settings: ClockSettings) -> float:
    """Return the time of the clock that a worker here would go by, in seconds since 1970."""
    if settings.clock_file is None:
        return time.time()
    return datetime.fromisoformat(settings.clock_file.read_text(encoding="utf-8").strip()).timestamp()


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("check", "is", "what was found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        state = f"[{STYLES[finding.state]}]{finding.state}[/]"
        table.add_row(finding.check, state, escape(finding.says), escape(finding.advice))
    return table
