"""docs/reference/commands.md: the help of every command, as it is. `python -m streams.cli.reference` writes it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from streams.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
WIDTH = 100
HEAD = """\
# Commands

Made of the commands' own help by `make reference`. Flags that are settings: [settings](../settings.md).

"""


def page() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    return HEAD + "\n".join(_sections(typer.Context(root, info_name="quotastream", **root.context_settings)))


def _sections(context: typer.Context) -> Iterator[str]:
    command = context.command
    context.terminal_width = context.max_content_width = WIDTH
    heading = "#" * (context.command_path.count(" ") + 2)
    yield f"{heading} {context.command_path}\n\n```\n{inspect.cleandoc(command.get_help(context))}\n```\n"
    for name, child in getattr(command, "commands", {}).items():
        yield from _sections(typer.Context(child, info_name=name, parent=context))


if __name__ == "__main__":
    PAGE.write_text(page())
