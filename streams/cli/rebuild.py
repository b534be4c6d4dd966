"""`quotastream rebuild`: the internal logs made again from the input topics (`streams.shell.rebuilding`)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from streams.cli.common import (
    AsJson,
    BootstrapServers,
    CliError,
    Prefix,
    broker_address,
    err,
    installation,
    out,
    quiet_kafka_client,
    write_json,
)
from streams.cli.wording import counted, example
from streams.shell import rebuilding, spreading
from streams.shell.topic_admin import admin_client

if TYPE_CHECKING:
    from streams.shell.rebuilding import Plan
    from streams.shell.topics import Names

NOT_CONFIRMED_EXIT_CODE = 3
EXAMPLES = example(
    "quotastream rebuild", "quotastream rebuild --yes", "quotastream rebuild --home-partitions 16 --yes",
    what="Examples, looking first",
)  # fmt: skip


def rebuild(
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, a terminal is asked.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where the inputs no longer reach back to their beginning.")
    ] = False,
    home_partitions: Annotated[
        int | None,
        typer.Option("--home-partitions", min=1, max=10_000, help="More home partitions than there are now."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the internal logs, and so every ledger, again from the input topics alone.

    Stop every worker first. Says what it will do, and what would be lost. What was told stays told: the next worker
    reads everything again, comes to the same statuses and episodes, and tells none of them a second time; also where
    there are more home partitions then, which let more workers share the work (docs/scaling.md).
    Ends with 3 where it was not told to go on.
    """
    quiet_kafka_client()
    names, address = installation(prefix), broker_address(bootstrap_servers)
    try:
        with admin_client(address) as admin:
            planned = rebuilding.plan(admin, address, names, home_partitions)
            if not as_json:
                _show(planned, names)
            _refuse(planned, force)
            if not yes:
                _ask(planned, names, as_json)
            say = (lambda _: None) if as_json else (lambda step: out().print(escape(step)))
            rebuilding.rebuild(admin, address, names, planned, say)
    except (rebuilding.RebuildError, spreading.SpreadError) as error:
        raise CliError(str(error)) from error
    if as_json:
        write_json(_as_json(planned, names) | {"done": True})
    else:
        out().print("done: start the workers; `quotastream status` is as it was once they have caught up")


def _show(planned: Plan, names: Names) -> None:
    console = out()
    console.print(f"forget how far {escape(names.consumer_group)} has read")
    for log in planned.logs:
        held = f"{counted(log.partitions, 'partition')}, {counted(log.records, 'record')}"
        console.print(f"delete {escape(log.topic)} ({held}), and make it anew")
    if planned.moves:
        console.print(f"move what was told to the groups' homes among {counted(planned.partitions, 'partition')}")
    console.print(f"have the workers read {counted(planned.records, 'record')} of the inputs again")
    left = [names.status, names.alerts, *([names.dead_letters] if planned.moves else [names.told])]
    console.print(f"leave {escape(', '.join(left))} as they are")
    if not planned.moves:
        console.print(f"what is bad in the inputs comes to {escape(names.dead_letters)} again, with the same ce_id")
    for loss in planned.losses:
        err().print(f"[red]would be lost:[/] {escape(loss)}")
    if not planned.losses:
        console.print("the inputs reach back to offset 0: nothing would be lost")


def _refuse(planned: Plan, force: bool) -> None:
    if planned.members:
        raise CliError(
            f"{counted(planned.members, 'worker')} alive: stop every worker first (one that was killed is forgotten "
            "after its session timeout)"
        )
    if planned.losses and not force:
        more = f", and {len(planned.losses) - 1} more" if len(planned.losses) > 1 else ""
        raise CliError(f"{planned.losses[0]}{more}; --force would rebuild without what is lost")


def _ask(planned: Plan, names: Names, as_json: bool) -> None:
    if as_json:
        write_json(_as_json(planned, names) | {"done": False})
    elif sys.stdin.isatty() and typer.confirm("go on?"):
        return
    raise CliError("nothing was changed: --yes would do it", NOT_CONFIRMED_EXIT_CODE)


def _as_json(planned: Plan, names: Names) -> dict[str, object]:
    return {
        "consumer_group": names.consumer_group,
        "logs": [log._asdict() for log in planned.logs],
        "home_partitions": planned.partitions,
        "records_to_read_again": planned.records,
        "losses": planned.losses,
    }
