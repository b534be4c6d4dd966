"""`quotastream backtest`: other thresholds over the whole log, beside those of today."""

from __future__ import annotations

import json
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
    table_out,
    write_json,
)
from streams.cli.row_events import INTEGER, INTEGER_FIELDS
from streams.cli.status import percent
from streams.cli.wording import counted, example
from streams.core.events import AlertRulesSet
from streams.core.thresholds import FIELDS
from streams.questions.backtest import backtest as backtest_of
from streams.shell import codec
from streams.shell.settings import ClockSettings

EXAMPLES = example(
    "quotastream backtest --set warning_below=0.8 --set for_days=7",
    "quotastream backtest --set slack_days=14 --region hunchun --json",
)
NOBODY = "00000000-0000-0000-0000-000000000000"
NOBODY_JUDGED = (
    "no year is over yet, so nothing can be said of what was caught; --as-of with the first day after a year judges "
    "that year by what came in so far"
)

Row = dict[str, Any]


def backtest(
    settings: Annotated[
        list[str],
        typer.Option("--set", metavar="THRESHOLD=VALUE", help=f"One of {', '.join(FIELDS)}; can be repeated."),
    ],
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    replay: OfReplay = False,
    output_prefix: OutputPrefix = "",
    region: Annotated[
        str | None, typer.Option("--region", help="The thresholds are for this region's groups only.")
    ] = None,
    group: Annotated[str | None, typer.Option("--group", help="The thresholds are for this group only.")] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
    *,
    clock: ClockSettings,
) -> None:
    """Show how many alert episodes there would have been under other thresholds, and what they would have caught.

    The thresholds given hold for all days of the log, whatever was set for them; those not given stay as they were.
    Warned: groups with such an alert in a year that is over. Caught: those of them that missed the year's target.
    Precision: caught of warned. Recall: caught of all that missed. Lead: days from the first alert to the year's end.
    """
    rules = _rules(settings, region, group)
    day = day_reached(as_of, clock)
    knowledge = knowledge_of(bootstrap_servers, prefix, replay=replay, output_prefix=output_prefix, quiet=as_json)
    with bar("judging", shown=not as_json) as progress:
        found = backtest_of(knowledge, rules, day, progress)
    if as_json:
        write_json(found)
    else:
        _show(found)


def _rules(settings: list[str], region: str | None, group: str | None) -> AlertRulesSet:
    """Return the thresholds given, judged as an alert_rules_set is."""
    if region is not None and group is not None:
        raise CliError("give --region or --group, not both", 2)
    message: Row = {
        "schema_version": 1,
        "policy_id": NOBODY,
        "type": "alert_rules_set",
        "issued_at": "2000-01-01T00:00:00Z",
        "effective_on": "2000-01-01",
        "scope": {"region": region} if region else {"group_id": group} if group else {"all": True},
    }
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not sign or name not in FIELDS:
            raise CliError(f"--set {setting}: not THRESHOLD=VALUE with a threshold of {', '.join(FIELDS)}", 2)
        if name in message:
            raise CliError(f"--set {name} is given twice", 2)
        message[name] = int(value) if name in INTEGER_FIELDS and INTEGER.fullmatch(value) else value
    try:
        rules = codec.decode("policy-changes", json.dumps(message).encode())
    except codec.BadRecord as bad:
        raise CliError(bad.detail, 2) from None
    assert isinstance(rules, AlertRulesSet)
    return rules


# --- for people -----------------------------------------------------------------------------------------------------


def _show(found: Row) -> None:
    said = ", ".join(f"{name} {value}" for name, value in found["thresholds"].items())
    whom = next(iter(f"{kind} {name}" if name is not True else "all groups" for kind, name in found["scope"].items()))
    out().print(
        f"{escape(said)} for {escape(whom)}, beside the rules of today, as of {found['as_of']}: "
        f"{counted(found['accounts'], 'account')}, {found['accounts_judged']:,} of years that are over\n"
    )
    if found["today"]["episodes"] or found["other"]["episodes"]:
        table_out().print(_episodes(found))
    else:
        out().print("no episode under either rules")
    if found["accounts_judged"]:
        out().print()
        table_out().print(_signals(found))
    else:
        err().print(NOBODY_JUDGED)


def _table(first: str, columns: tuple[str, ...]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in (first, "rules"):
        shown.add_column(column, no_wrap=True)
    for column in columns:
        shown.add_column(column, justify="right", no_wrap=True)
    return shown


def _episodes(found: Row) -> Table:
    columns = ("episodes", "critical", "resolved", "lapsed", "open", "median_days", "longest_days", "total_days")
    shown = _table("alert", tuple(column.replace("_", " ") for column in columns))
    sides = {side: {row["kind"]: row for row in found[side]["episodes"]} for side in ("today", "other")}
    for kind in sorted({*sides["today"], *sides["other"]}):
        for side, rows in sides.items():
            row = rows.get(kind, {})
            shown.add_row(kind if side == "today" else "", side, *(_count(row.get(column, 0)) for column in columns))
    return shown


def _signals(found: Row) -> Table:
    leads = ("30", "60", "90", "180")
    columns = (
        "missed",
        "warned",
        "caught",
        "precision",
        "recall",
        "median lead",
        *(f"{days} days before" for days in leads),
    )
    shown = _table("signal", columns)
    for today, other in zip(found["today"]["signals"], found["other"]["signals"], strict=True):
        for side, row in (("today", today), ("other", other)):
            shown.add_row(
                row["signal"] if side == "today" else "",
                side,
                *(_count(row[name]) for name in ("missed", "warned", "caught")),
                percent(row["precision"]),
                percent(row["recall"]),
                "-" if row["median_lead_days"] is None else f"{_count(row['median_lead_days'])} days",
                *(_count(row["caught_days_before"][days]) for days in leads),
            )
    return shown


def _count(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"
