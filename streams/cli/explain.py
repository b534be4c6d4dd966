"""`quotastream explain GROUP`: every number of a status, down to the days, policies and remittances behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from streams.cli.asking import OfReplay, day_reached, knowledge_of, year_of_account
from streams.cli.common import AsJson, BootstrapServers, CliError, OutputPrefix, Prefix, styled, table_out, write_json
from streams.cli.wording import example
from streams.core.money import grouped
from streams.core.years import day_text
from streams.questions.explanation import explain as explanation
from streams.questions.knowledge import AccountKey
from streams.questions.tree import DoesNotAddUpError, Node, check, tree_value
from streams.shell.settings import ClockSettings

if TYPE_CHECKING:
    from streams.core.events import Day
    from streams.questions.knowledge import Knowledge

DOES_NOT_ADD_UP_EXIT_CODE = 70  # EX_SOFTWARE: the fault is this program's
SHORT_ID = 8  # characters of a policy's id in the tree; policies_applied has the whole
EXAMPLES = example("quotastream explain dandong-07 --on 2026-07-01", "quotastream explain dandong-07 --depth 2")


def explain(
    group: Annotated[str, typer.Argument(metavar="GROUP", help="Which group.")],
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    replay: OfReplay = False,
    output_prefix: OutputPrefix = "",
    year: Annotated[
        int | None, typer.Option("--year", min=2000, max=2099, help="Plan year [default: the newest by then].")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DAY", help="As it stood on this day [default: today, UTC].")
    ] = None,
    depth: Annotated[int, typer.Option("--depth", min=1, help="Show so many levels; all are checked.")] = 99,
    as_json: AsJson = False,
    *,
    clock: ClockSettings,
) -> None:
    """Show where every number of a group's status comes from, as a tree whose sums are checked as it is shown.

    On a past day the decrees issued by then count; money and exchange rates count for their own day, however late
    they became known. Ends with 3 where the group is unknown, with 70 where something does not add up.
    """
    day = day_reached(on, clock)
    knowledge = knowledge_of(bootstrap_servers, prefix, replay=replay, output_prefix=output_prefix, quiet=as_json)
    key = AccountKey(group, year_of_account(knowledge, group, year, day))
    try:
        _show(knowledge, key, day, depth, as_json=as_json)
    except DoesNotAddUpError as error:
        raise CliError(
            f"{group} of {key.plan_year} on {day_text(day)} does not add up: {error}; please report this",
            DOES_NOT_ADD_UP_EXIT_CODE,
        ) from error


def _show(knowledge: Knowledge, key: AccountKey, day: Day, depth: int, *, as_json: bool) -> None:
    root = explanation(knowledge, key, day)
    if as_json:
        head = {"group_id": key.group_id, "plan_year": key.plan_year, "on": day_text(day)}
        write_json({**head, "tree": tree_value(root)})
        return
    tree = Tree(_line(root), guide_style="dim")
    _grow(tree, root, depth)
    table_out().print(tree, soft_wrap=True)


def _grow(tree: Tree, node: Node, depth: int) -> None:
    """Add what is below a node, each held to its parts before it is shown."""
    check(node)
    for part in node.parts:
        shown = tree.add(_line(part)) if depth > 0 else tree
        _grow(shown, part, depth - 1)


def _line(node: Node) -> str:
    value = "" if node.value is None else _value(node)
    note = f" [dim]· {escape(node.note)}[/]" if node.note else ""
    ids = [f"policy {policy_id[:SHORT_ID]}" for policy_id in node.policies]
    if node.value is None and node.policies:  # a policy in words: here its whole id is looked up
        ids = [f"policy {node.policies[0]}"]
    ids += list(node.events)
    behind = f" [cyan]← {escape(', '.join(ids))}[/]" if ids else ""
    mark = " [green]✓[/]" if node.adds_up and node.parts else ""
    return f"{escape(node.label)}{value}{mark}{note}{behind}"


def _value(node: Node) -> str:
    text = str(node.value)
    number = text.lstrip("-").replace(".", "", 1).isdigit()
    shown = grouped(text) if number else text
    colour = styled(shown, text, escape)
    return f": [bold]{colour}[/]{' ' + escape(node.unit) if node.unit else ''}"
