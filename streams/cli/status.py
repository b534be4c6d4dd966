"""`quotastream status [GROUP]`: how groups stand, from the newest message of each on `quota-status`."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from streams.cli.common import (
    AsJson,
    BootstrapServers,
    CliError,
    OutputPrefix,
    Prefix,
    broker_address,
    err,
    installation,
    out,
    quiet_kafka_client,
    styled,
    table_out,
    write_json,
)
from streams.cli.outputs import newest_by_key
from streams.cli.wording import counted, example

UNKNOWN_GROUP_EXIT_CODE = 3
LEVELS = ("critical", "missed", "warning", "inactive", "ok", "met", "no_target")
LEVELS_BEHIND = ("critical", "missed", "warning")
EXAMPLES = example("quotastream status --region dandong --level critical", "quotastream status dandong-07 --json")
NOTHING_THERE = "no group has a status yet: is a worker running (`quotastream worker`), and was anything published?"

Status = dict[str, Any]


def _levels(values: list[str] | None) -> list[str] | None:
    for value in values or ():
        if value not in LEVELS:
            raise typer.BadParameter(f"{value} is none of {', '.join(LEVELS)}")
    return values


def status(
    group: Annotated[str | None, typer.Argument(metavar="GROUP", help="One group in detail.")] = None,
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    output_prefix: OutputPrefix = "",
    year: Annotated[
        int | None, typer.Option("--year", min=2000, max=2099, help="Plan year [default: the one that goes on].")
    ] = None,
    region: Annotated[str | None, typer.Option("--region", help="Only the groups of this region.")] = None,
    level: Annotated[
        list[str] | None,
        typer.Option(
            "--level", callback=_levels, metavar="LEVEL", help=f"Only {', '.join(LEVELS)}; can be repeated."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how groups stand, those furthest behind first, or one group in detail.

    With --json each line is one status as it is on the topic. Ends with 3 where the group is unknown.
    """
    quiet_kafka_client()
    names = installation(prefix, output_prefix)
    newest = list(newest_by_key(broker_address(bootstrap_servers), names.status).values())
    if group is not None:
        newest = [one for one in newest if one["group_id"] == group]
        if not newest:
            raise CliError(f"no group {group} is known; `quotastream status` lists all", UNKNOWN_GROUP_EXIT_CODE)
    chosen = choose(newest, year, region, set(level or ()))
    if as_json:
        for one in chosen:
            write_json(one)
    elif group is not None:
        _require_year(chosen, group, newest)
        _show_one(chosen[0])
    elif not newest:
        err().print(NOTHING_THERE)
    else:
        console = table_out()
        console.print(table(chosen, console.width))
        out().print(footer(chosen))
    if not as_json:
        _say_other_years(newest, chosen)


def choose(statuses: list[Status], year: int | None, region: str | None, levels: set[str]) -> list[Status]:
    """Return the statuses asked for, of one plan year, those furthest behind first."""
    if year is None:
        year = running_year(statuses)
    chosen = [
        one
        for one in statuses
        if one["plan_year"] == year
        and (region is None or one["region"] == region)
        and (not levels or one["level"] in levels)
    ]
    return sorted(chosen, key=_behind)


def running_year(statuses: list[Status]) -> int:
    """Return the newest plan year that is not later than the day reached; the first one if all are; 0 if none is."""
    reached = max((one["as_of"] for one in statuses), default="")
    years = sorted({one["plan_year"] for one in statuses})
    return max((year for year in years if str(year) <= reached), default=years[0] if years else 0)


def _say_other_years(newest: list[Status], chosen: list[Status]) -> None:
    others = sorted({one["plan_year"] for one in newest} - {one["plan_year"] for one in chosen})
    if chosen and others:
        years = ", ".join(map(str, others))
        err().print(f"there {'is' if len(others) == 1 else 'are'} also {years}: `--year {others[-1]}`")


def _behind(one: Status) -> tuple[bool, Decimal, Decimal, str]:
    attainment = one["attainment_to_date"]
    shortfall = Decimal(one["shortfall"] or 0)
    return (attainment is None, Decimal(attainment or 0), -shortfall, one["group_id"])


WIDE_FROM = 105
NARROW = {"shortfall": "shortfall", "by policy": "policy_effect", "by money": "remittance_effect"}
WIDE = {"expected": "expected_to_date", "remitted": "remitted_to_date", **NARROW}


# --- all groups -----------------------------------------------------------------------------------------------------


def table(statuses: list[Status], width: int) -> Table:
    """Return the table of how groups stand; one that has to be narrow leaves out what the others say too."""
    figures = WIDE if width >= WIDE_FROM else NARROW
    currencies = {one["currency"] for one in statuses if one["currency"]}
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("group", "level", "since"):
        shown.add_column(column, no_wrap=True)
    for column in ("attained", *figures):
        shown.add_column(column, justify="right", no_wrap=True)
    if len(currencies) > 1:
        shown.add_column("", no_wrap=True)
    owed = width >= WIDE_FROM and any(levies_behind(one) for one in statuses)
    if owed:
        shown.add_column("levies")
    for one in statuses:
        cells = [escape(one["group_id"]), styled(one["level"], one["level"], escape), behind_since(one) or ""]
        cells.append(percent(one["attainment_to_date"]))
        cells += [amount(one[name]) for name in figures.values()]
        cells += [one["currency"] or ""] if len(currencies) > 1 else []
        cells += [escape(levies_behind(one))] if owed else []
        shown.add_row(*cells)
    return shown


def levies_behind(one: Status) -> str:
    """Return the levies that are not paid as they should be, which are no part of the account's own level."""
    return ", ".join(f"{levy['levy_id']} {levy['level']}" for levy in one["levies"] if levy["level"] in LEVELS_BEHIND)


def behind_since(one: Status) -> str | None:
    """Return the day on which the oldest of the base account's open episodes opened."""
    return min((episode["opened_on"] for episode in one["open_episodes"] if not episode["levy_id"]), default=None)


def footer(statuses: list[Status]) -> str:
    """Return one line over all: how many, of which day, at which levels."""
    if not statuses:
        return "no group is like that"
    levels = Counter(one["level"] for one in statuses)
    said = ", ".join(f"{levels[name]} {styled(name, name, escape)}" for name in LEVELS if levels[name])
    days = sorted({one["as_of"] for one in statuses})
    as_of = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    currencies = {one["currency"] for one in statuses if one["currency"]}
    unit = f", in {currencies.pop()}" if len(currencies) == 1 else ""
    return f"{counted(len(statuses), 'group')}, plan year {statuses[0]['plan_year']}{unit}, as of {as_of}: {said}"


def percent(ratio: str | None) -> str:
    """Return a ratio as a percentage; "-" where there is none."""
    return "-" if ratio is None else f"{Decimal(ratio):.1%}"


def amount(figure: str | None) -> str:
    """Return money with its thousands apart; "-" where there is none."""
    return "-" if figure is None else f"{Decimal(figure):,}"


# --- one group ------------------------------------------------------------------------------------------------------

DETAILS = (
    ("target", "adjusted_target"),
    ("target as first set", "original_target"),
    ("expected to date", "expected_to_date"),
    ("remitted to date", "remitted_to_date"),
    ("shortfall", "shortfall"),
    ("surplus", "surplus"),
    ("effect of policies", "policy_effect"),
    ("effect of remittances", "remittance_effect"),
    ("needed a day from now", "required_daily_rate"),
    ("sent in a day of late", "trailing_daily_rate"),
    ("projected for the year", "projected_total"),
)


def _require_year(chosen: list[Status], group: str, known: list[Status]) -> None:
    if not chosen:
        years = ", ".join(str(one["plan_year"]) for one in sorted(known, key=lambda one: one["plan_year"]))
        raise CliError(f"{group} has no such account; it has {years}", UNKNOWN_GROUP_EXIT_CODE)


def _show_one(one: Status) -> None:
    console = out()
    console.print(
        f"[bold]{escape(one['group_id'])}[/] ({escape(one['region'] or 'no region')}), plan year {one['plan_year']}, "
        f"as of {one['as_of']}: {styled(one['level'], one['level'], escape)}"
    )
    figures = Table.grid(padding=(0, 2))
    figures.add_column()
    figures.add_column(justify="right")
    for label, name in DETAILS:
        figures.add_row(label, f"{amount(one[name])} {one['currency'] or ''}".rstrip())
    figures.add_row("attained to date", percent(one["attainment_to_date"]))
    figures.add_row("attained of the target", percent(one["attainment_of_target"]))
    figures.add_row("headcount", f"{one['headcount']:,}")
    figures.add_row("remittances counted", f"{one['remittance_count']:,}")
    figures.add_row("policies applied", f"{one['policies_applied_count']:,}")
    for name in ("unconverted", "unassigned"):
        for currency, waiting in one[name].items():
            figures.add_row(name, f"{amount(waiting)} {escape(currency)}")
    console.print(figures)
    if one["open_episodes"]:
        console.print("\n[bold]open episodes[/]")
        console.print(_episodes(one["open_episodes"]))
    if one["levies"]:
        console.print("\n[bold]levies[/]")
        table_out().print(_levies(one["levies"]))


def _episodes(episodes: list[dict[str, Any]]) -> Table:
    shown = Table.grid(padding=(0, 2))
    for episode in episodes:
        kind = f"{episode['kind']} {episode['levy_id']}" if episode["levy_id"] else episode["kind"]
        severity = styled(episode["severity"], episode["severity"], escape)
        shown.add_row(severity, escape(kind), f"since {episode['opened_on']}")
    return shown


def _levies(levies: list[dict[str, Any]]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("levy", "purpose", "level"):
        shown.add_column(column)
    for column in ("attained", "target", "expected", "remitted", "shortfall"):
        shown.add_column(column, justify="right", no_wrap=True)
    shown.add_column("")
    for levy in levies:
        shown.add_row(
            escape(levy["levy_id"]),
            escape(levy["purpose"]),
            styled(levy["level"], levy["level"], escape),
            percent(levy["attainment_to_date"]),
            *(amount(levy[name]) for name in ("target", "expected_to_date", "remitted_to_date", "shortfall")),
            levy["currency"],
        )
    return shown
