"""Which commands there are. Each is imported when it is asked for, so that none waits for what only others need.

A command's module has its name. It holds a function of that name with EXAMPLES, or an `app` of several commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

#: What the list of commands says of each, in the order of the list.
SUMMARIES = {
    "demo": "Run it all on a made-up year, from nothing to who is behind.",
    "kafka": "Start, stop and find the embedded Kafka.",
    "topics": "Create the topics in Kafka, and check them.",
    "publish": "Publish events from JSON lines, CSV or other tables.",
    "worker": "Keep each group's quota table; tell statuses and alerts.",
    "watch": "Show alerts as they come, until Ctrl-C.",
    "web": "Show who is behind on a page that is live, until Ctrl-C.",
    "status": "Show how groups stand, or one group in detail.",
    "explain": "Show where every number of a group's status comes from.",
    "what-if": "Show what hypothetical policies would change.",
    "backtest": "Show which alerts other thresholds would have told.",
    "close-year": "Report a plan year per group, region and overall.",
    "forecast": "Show how likely each group is to miss its target.",
    "dead-letters": "Look at input that could not be used, and send it again.",
    "rebuild": "Make the internal logs, and so every ledger, again.",
    "backup": "Write what was told to a file.",
    "restore": "Put back what was told, from such a file.",
    "notify": "Post alerts to Alertmanager or to a webhook.",
    "doctor": "Look at settings, disk, Kafka, the clock and topics.",
    "config": "Say what is set, and where.",
    "schemas": "Write the published schemas, check and register them.",
}


class _Commands(Mapping[str, Any]):
    """The commands by their names; to ask for one imports it."""

    def __getitem__(self, name: str) -> Any:
        if name not in SUMMARIES:
            raise KeyError(name)
        return _imported(name)

    def __iter__(self) -> Iterator[str]:
        return iter(SUMMARIES)

    def __len__(self) -> int:
        return len(SUMMARIES)


class AllCommands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()  # type: ignore[assignment]  # nobody adds to it

    def format_commands(self, _context: Any, formatter: Any) -> None:
        """Write the list of commands, for which none has to be imported."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@cache
def _imported(name: str) -> Any:
    """Return a command, with the flags of the settings that it asks for."""
    from streams.cli.setting_flags import give_flags  # noqa: PLC0415  the list of commands needs no settings

    word = name.replace("-", "_")
    module = import_module(f"streams.cli.{word}")
    mounted = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    if hasattr(module, "app"):
        mounted.add_typer(module.app, name=name)
    else:
        mounted.command(name, epilog=module.EXAMPLES)(getattr(module, word))
    give_flags(mounted)
    return typer.main.get_group(mounted).commands[name]
