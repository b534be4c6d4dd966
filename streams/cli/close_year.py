"""`quotastream close-year YEAR`: the year's report as CSV, JSON or a page."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from streams.cli.asking import UNKNOWN_GROUP_EXIT_CODE, AsOf, OfReplay, bar, day_reached, knowledge_of
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
from streams.cli.status import amount, percent
from streams.cli.wording import counted, example
from streams.questions.year_csv import csv_text
from streams.questions.year_page import page_text
from streams.questions.year_report import year_report
from streams.shell.settings import ClockSettings

EXAMPLES = example("quotastream close-year 2026 --format html --out 2026.html", "quotastream close-year 2026")

Row = dict[str, Any]


class Form(StrEnum):
    """What a report can be written as."""

    CSV = "csv"
    JSON = "json"
    HTML = "html"


def close_year(
    year: Annotated[int, typer.Argument(metavar="YEAR", min=2000, max=2099, help="The plan year.")],
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    replay: OfReplay = False,
    output_prefix: OutputPrefix = "",
    as_of: AsOf = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="Write the whole report so, instead of a table.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Write to this file, not to stdout.")
    ] = None,
    as_json: AsJson = False,
    *,
    clock: ClockSettings,
) -> None:
    """Report a plan year per group, region and overall, each currency apart; totals are sums of what is shown.

    The page (--format html) holds all it needs, and prints. --json is --format json. Without --format, --out goes by
    the file's ending. Ends with 3 where no group has an account of that year.
    """
    form = _form(form, file, as_json=as_json)
    day = day_reached(as_of, clock)
    knowledge = knowledge_of(bootstrap_servers, prefix, replay=replay, output_prefix=output_prefix, quiet=as_json)
    with bar("adding up", shown=not as_json) as progress:
        report = year_report(knowledge, year, day, progress)
    if not report["groups"] and not report["without_target"]:
        raise CliError(f"no group has an account of {year}", UNKNOWN_GROUP_EXIT_CODE)
    if form is None:
        _show(report)
    elif file is None:
        _to_stdout(report, form)
    else:
        _to_file(report, form, file)


def _form(form: Form | None, file: str | None, *, as_json: bool) -> Form | None:
    if as_json and form not in {None, Form.JSON}:
        raise CliError(f"--json and --format {form} exclude each other", 2)
    if as_json or form is not None:
        return form or Form.JSON
    if file is None:
        return None
    ending = Path(file).suffix.lower().lstrip(".")
    try:
        return Form("html" if ending == "htm" else ending)
    except ValueError:
        raise CliError(f"{file}: say with --format whether it is to be csv, json or html", 2) from None


def _text(report: Row, form: Form) -> str:
    match form:
        case Form.CSV:
            return csv_text(report)
        case Form.HTML:
            return page_text(report)
    return json.dumps(report, ensure_ascii=False, indent=1) + "\n"


def _to_stdout(report: Row, form: Form) -> None:
    if form is Form.JSON:
        write_json(report)
    else:
        out().file.write(_text(report, form))


def _to_file(report: Row, form: Form, file: str) -> None:
    try:
        Path(file).write_text(_text(report, form), encoding="utf-8")
    except OSError as error:
        raise CliError(f"{file} cannot be written: {error.strerror}") from error
    err().print(f"{escape(file)}: plan year {report['plan_year']}, {counted(len(report['groups']), 'group')}")


# --- for people -----------------------------------------------------------------------------------------------------

FIGURES = ("adjusted_target", "remitted_to_date", "shortfall", "policy_effect", "remittance_effect")


def _show(report: Row) -> None:
    state = "" if report["closed"] else f", not over yet: as of {report['as_of']}"
    out().print(f"[bold]plan year {report['plan_year']}[/]{state}\n")
    table_out().print(_accounts(report))
    if report["levies"]["overall"]:
        out().print("\n[bold]levies[/]")
        table_out().print(_levies(report["levies"]["overall"]))
    for name, sums in report["waiting"].items():
        for currency, text in sums.items():
            out().print(f"{name}: {amount(text)} {escape(currency)}")
    if report["without_target"]:
        out().print(f"without a target: {counted(len(report['without_target']), 'group')}")


def _accounts(report: Row) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("region", "group"):
        shown.add_column(column, no_wrap=True)
    for column in ("in full", "target", "remitted", "attained", "shortfall", "by policy", "by money", "episodes"):
        shown.add_column(column, justify="right", no_wrap=True)
    shown.add_column("", no_wrap=True)
    for overall in report["overall"]:
        for region in report["regions"]:
            if region["currency"] != overall["currency"]:
                continue
            for row in report["groups"]:
                if (row["currency"], row["region"]) == (region["currency"], region["region"]):
                    shown.add_row(escape(row["region"] or "-"), escape(row["group_id"]), *_cells(row))
            shown.add_row(escape(region["region"] or "-"), _all(region), *_cells(region), style="bold")
        shown.add_row("all", _all(overall), *_cells(overall), style="bold")
    return shown


def _all(total: Row) -> str:
    return counted(total["groups"], "group")


def _cells(row: Row) -> list[str]:
    full = row["in_full"]
    figures = [amount(row[name]) for name in FIGURES]
    return [
        ("yes" if full else "") if isinstance(full, bool) else f"{full:,}",
        *figures[:2],
        percent(row["attainment_of_target"]),
        *figures[2:],
        f"{sum(row['episodes'].values()):,}",
        row["currency"],
    ]


def _levies(totals: list[Row]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("levy", no_wrap=True)
    for column in ("in full", "asked", "remitted", "attained", "shortfall"):
        shown.add_column(column, justify="right", no_wrap=True)
    shown.add_column("", no_wrap=True)
    for row in totals:
        shown.add_row(
            escape(row["levy_id"]),
            f"{row['in_full']:,} of {row['groups']:,}",
            amount(row["target"]),
            amount(row["remitted_to_date"]),
            percent(row["attainment_of_target"]),
            amount(row["shortfall"]),
            row["currency"],
        )
    return shown
