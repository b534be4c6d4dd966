"""`quotastream forecast [GROUP]`: the probability to miss the target by the year's end."""

from __future__ import annotations

import random
from datetime import date
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from streams.cli.asking import AsOf, OfReplay, bar, day_reached, knowledge_of, year_of_account
from streams.cli.common import AsJson, BootstrapServers, OutputPrefix, Prefix, err, out, table_out, write_json
from streams.cli.status import amount
from streams.cli.wording import example
from streams.questions.forecast import DRAWS, FEWEST_WEEKS
from streams.questions.forecast import forecast as forecast_of
from streams.questions.knowledge import AccountKey, each
from streams.shell.settings import ClockSettings

EXAMPLES = example("quotastream forecast", "quotastream forecast dandong-07 --as-of 2026-09-30 --json")

Row = dict[str, Any]


def forecast(
    group: Annotated[str | None, typer.Argument(metavar="GROUP", help="One group; without it, all.")] = None,
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    replay: OfReplay = False,
    output_prefix: OutputPrefix = "",
    year: Annotated[
        int | None, typer.Option("--year", min=2000, max=2099, help="Plan year [default: that of the day].")
    ] = None,
    as_of: AsOf = None,
    seed: Annotated[int, typer.Option("--seed", help="Other dice; with the same the result is the same.")] = 1,
    draws: Annotated[
        int, typer.Option("--draws", min=100, max=1_000_000, help="How often the dice are cast.")
    ] = DRAWS,
    as_json: AsJson = False,
    *,
    clock: ClockSettings,
) -> None:
    """Show how likely each group is to miss its target by the year's end, the likeliest first.

    From the group's own past weeks alone, drawn again and again for the weeks that are left (a Bayesian bootstrap);
    docs/forecast.md says how, and how far it can be trusted. With --json each line is one forecast.
    """
    day = day_reached(as_of, clock)
    knowledge = knowledge_of(bootstrap_servers, prefix, replay=replay, output_prefix=output_prefix, quiet=as_json)
    wanted = date.fromordinal(day).year if year is None else year
    if group is not None:
        keys = [AccountKey(group, year_of_account(knowledge, group, year, day))]
    else:
        keys = [key for key in knowledge.keys(day) if key.plan_year == wanted]
    found = []
    with bar("casting", shown=not as_json) as progress:
        for key in each(keys, progress):
            # Dice of its own for each group: what is forecast of one does not hang on which others there are.
            dice = random.Random(f"{seed} {key.group_id} {key.plan_year}")
            found.append(forecast_of(knowledge, key, day, dice, draws))
    found.sort(key=_likeliest)
    if as_json:
        for one in found:
            write_json(one)
    elif not found:
        err().print(f"no group has an account of {wanted}")
    else:
        _show(found)


def _likeliest(one: Row) -> tuple[bool, float, str]:
    probability = one["probability_to_miss"]
    return probability is None, -(probability or 0), one["group_id"]


def _show(found: list[Row]) -> None:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("group", no_wrap=True)
    for column in ("misses", "target", "remitted", "likely total", "10 % below", "10 % above"):
        shown.add_column(column, justify="right", no_wrap=True)
    for column in ("", "from"):
        shown.add_column(column, no_wrap=True)
    for one in found:
        total = one["total_at"]
        shown.add_row(
            escape(one["group_id"]),
            probability_text(one),
            amount(one["adjusted_target"]),
            amount(one["remitted_to_date"]),
            *(amount(total.get(percent)) for percent in ("50", "10", "90")),
            one["currency"] or "",
            one["why"] or f"{one['weeks_known']} weeks",
        )
    table_out().print(shown)
    out().print(
        f"plan year {found[0]['plan_year']}, as of {found[0]['as_of']}; nothing is forecast from fewer than "
        f"{FEWEST_WEEKS} past weeks"
    )


def probability_text(one: Row) -> str:
    """Return the probability without more than draws can tell: only what is settled, and not drawn, is quite sure."""
    probability = one["probability_to_miss"]
    if probability is None:
        return "-"
    if one["why"] is None and not 0.01 <= probability <= 0.99:
        return "< 1%" if probability < 0.01 else "> 99%"
    return f"{probability:.0%}"
