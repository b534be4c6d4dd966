"""What commands that ask a question of everything known share: reading it, the day reached, a bar."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from streams.cli.common import CliError, a_day, broker_address, err, quiet_kafka_client
from streams.core.years import day_text
from streams.shell.clock import WallClock
from streams.shell.knowledge import KnowledgeError, read_knowledge
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.core.events import Day
    from streams.questions.knowledge import Knowledge
    from streams.shell.settings import ClockSettings

UNKNOWN_GROUP_EXIT_CODE = 3
BAR_FROM = 500  # of fewer there is no bar: it would be gone before it is seen

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="The day reached, such as 2026-06-30 [default: today, UTC]."),
]
OfReplay = Annotated[
    bool,
    typer.Option(
        "--replay", help="Ask what a replay (worker --as-of) has read; with its --output-prefix if it had one."
    ),
]


def day_reached(given: str | None, clock: ClockSettings) -> Day:
    """Return the day that was asked for, or the one that a live worker would have reached."""
    if given is not None:
        return a_day(given, last_year=2100).toordinal()  # on which 2099 is over
    return WallClock(clock.settle_seconds, clock.clock_file)()


def knowledge_of(address: str | None, prefix: str, *, replay: bool, output_prefix: str, quiet: bool) -> Knowledge:
    """Return everything that the internal logs of an installation, or of a replay in it, hold by now."""
    quiet_kafka_client()
    if output_prefix and not replay:
        raise CliError("--output-prefix goes with --replay: a live worker has none", 2)
    names = Names(prefix=prefix, replay=replay, output_prefix=output_prefix)
    try:
        with bar("reading", shown=not quiet) as progress:
            return read_knowledge(broker_address(address), names, progress)
    except KnowledgeError as error:
        raise CliError(str(error)) from error


@contextmanager
def bar(what: str, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield what is told (done, of how many), and shows it as a bar on a terminal where there is much to do."""
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    with Progress(
        *columns, console=console, disable=not (shown and console.is_terminal), transient=True
    ) as shown_bar:
        task = shown_bar.add_task(what, total=None, visible=False)

        def progress(done: int, total: int) -> None:
            if total >= BAR_FROM and (done % 50 == 0 or done == total):
                shown_bar.update(task, completed=done, total=total, visible=True)

        yield progress


def require_group(knowledge: Knowledge, group_id: str) -> None:
    """Fail where nobody has ever named the group."""
    if group_id not in knowledge.group_ids():
        raise CliError(f"no group {group_id} is known; `quotastream status` lists all", UNKNOWN_GROUP_EXIT_CODE)


def year_of_account(knowledge: Knowledge, group_id: str, year: int | None, day: Day) -> int:
    """Return the plan year asked for, or the newest that the group has an account for on a day."""
    require_group(knowledge, group_id)
    years = knowledge.plan_years(group_id, day)
    if not years:
        raise CliError(f"{group_id} has no account on {day_text(day)}", UNKNOWN_GROUP_EXIT_CODE)
    if year is None:
        this_year = date.fromordinal(day).year
        return max((known for known in years if known <= this_year), default=years[0])
    if year not in years:
        known_years = ", ".join(map(str, years))
        raise CliError(f"{group_id} has no account of {year}; it has {known_years}", UNKNOWN_GROUP_EXIT_CODE)
    return year
