"""`quotastream what-if FILE`: whose level, episodes, targets and shortfalls hypothetical policies would change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from streams.cli.asking import AsOf, OfReplay, bar, day_reached, knowledge_of
from streams.cli.common import (
    AsJson,
    BootstrapServers,
    CliError,
    OutputPrefix,
    Prefix,
    err,
    out,
    styled,
    table_out,
    write_json,
)
from streams.cli.status import amount
from streams.cli.wording import counted, example
from streams.core.events import Policy
from streams.questions.knowledge import PolicyClashError
from streams.questions.what_if import what_if as what_if_of
from streams.shell import codec
from streams.shell.settings import ClockSettings

EXAMPLES = example("quotastream what-if cut-by-15-percent.jsonl", "quotastream what-if - --as-of 2026-06-30 --json")
BAD_FILE_EXIT_CODE = 1

Row = dict[str, Any]


def what_if(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Policies as JSON lines, as in policy-changes; - for stdin.")
    ],
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    replay: OfReplay = False,
    output_prefix: OutputPrefix = "",
    as_of: AsOf = None,
    as_json: AsJson = False,
    *,
    clock: ClockSettings,
) -> None:
    """Show what hypothetical policies would change, over the whole log: nothing is written to Kafka.

    The policies have the form of those on policy-changes. As any decree, each counts from the day it says it was
    issued on, so one issued after the day reached changes nothing yet.
    """
    policies = _read(file)
    day = day_reached(as_of, clock)
    knowledge = knowledge_of(bootstrap_servers, prefix, replay=replay, output_prefix=output_prefix, quiet=as_json)
    try:
        with bar("comparing", shown=not as_json) as progress:
            found = what_if_of(knowledge, policies, day, progress)
    except PolicyClashError as error:
        raise CliError(
            f"policy {error.policy_id} is known already and says something else; give yours a new policy_id",
            BAD_FILE_EXIT_CODE,
        ) from error
    if as_json:
        write_json(found)
    else:
        _show(found)


def _read(file: str) -> list[Policy]:
    """Return the policies of a file; the first bad line fails, with its number and field."""
    name = "stdin" if file == "-" else file
    try:
        lines = (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).splitlines()
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}") from error
    policies = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            policy = codec.decode("policy-changes", line.strip())
        except codec.BadRecord as bad:
            raise CliError(f"{name}:{number}: {bad.detail} ({bad.reason})", BAD_FILE_EXIT_CODE) from None
        assert isinstance(policy, Policy)
        policies.append(policy)
    return policies


# --- for people -----------------------------------------------------------------------------------------------------


def _show(found: Row) -> None:
    for policy_id in found["without_effect_yet"]:
        err().print(f"policy {escape(policy_id)} is issued after {found['as_of']} and changes nothing yet")
    if found["groups"]:
        table_out().print(_groups(found["groups"]))
        out().print("\n[bold]by region[/]")
        table_out().print(_sums([row for row in [*found["regions"], *found["overall"]] if row["changed"]]))
    out().print(
        f"{found['accounts_changed']:,} of {counted(found['accounts'], 'account')} would change with "
        f"{counted(len(found['policies']), 'policy', 'policies')}, as of {found['as_of']}"
    )


def _table(*columns: str, left: int) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for at, column in enumerate(columns):
        shown.add_column(column, justify="left" if at < left else "right", no_wrap=True)
    return shown


def _groups(groups: list[Row]) -> Table:
    shown = _table("group", "year", "level", "target", "shortfall", "episodes", left=3)
    for row in groups:
        before, after = row["before"] or {}, row["after"] or {}
        currency = after.get("currency") or before.get("currency") or ""
        shown.add_row(
            escape(row["group_id"]),
            str(row["plan_year"]),
            _change(before.get("level"), after.get("level")),
            _amounts(before.get("adjusted_target"), after.get("adjusted_target"), currency),
            _amounts(before.get("shortfall"), after.get("shortfall"), currency),
            _episodes(row["episodes"]),
        )
    return shown


def _change(before: str | None, after: str | None) -> str:
    was, will = (styled(level or "no account", level, escape) for level in (before, after))
    return was if was == will else f"{was} → {will}"


def _amounts(before: str | None, after: str | None, currency: str) -> str:
    was, will = amount(before), amount(after)
    said = was if was == will else f"{was} → {will}"
    return f"{said} {escape(currency)}".rstrip()


def _episodes(episodes: Row) -> str:
    said = [f"-{len(episodes['only_before'])}"] if episodes["only_before"] else []
    said += [f"+{len(episodes['only_after'])}"] if episodes["only_after"] else []
    said += [f"{len(episodes['changed'])} changed"] if episodes["changed"] else []
    return ", ".join(said) or "same"


def _sums(rows: list[Row]) -> Table:
    shown = _table("region", "year", "groups", "target", "expected", "shortfall", "episodes", left=2)
    for row in rows:
        before, after, currency = row["before"], row["after"], row["currency"]
        groups, episodes = ({was: None, will: None} for was, will in (
            (f"{before['groups']:,}", f"{after['groups']:,}"),
            (f"{sum(before['episodes'].values()):,}", f"{sum(after['episodes'].values()):,}"),
        ))  # fmt: skip
        shown.add_row(
            escape((row["region"] or "no region") if "region" in row else "all"),
            str(row["plan_year"]),
            " → ".join(groups),
            *(_amounts(before[n], after[n], currency) for n in ("adjusted_target", "expected_to_date", "shortfall")),
            " → ".join(episodes),
        )
    return shown
