"""The pages of docs/reference: every command's help, and every message's fields. `make reference` writes them."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"
PUBLISHED = ROOT / "schemas" / "published"
WIDTH = 100
COMMANDS_HEAD = """\
# Commands

Made of the commands' own help by `make reference`. Flags that are settings: [settings](../settings.md).

"""


MESSAGES_HEAD = """\
# Messages

Made of the published schemas (`schemas/published`, JSON Schema 2020-12) by `make reference`. What a schema can't say
stands in its description. Inputs take no other fields; readers of outputs have to bear fields that they don't know
([evolution](../evolution.md)).

"""


def pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    return {"commands.md": commands(), "messages.md": messages()}


def messages() -> str:
    """Return the page of messages."""
    schemas = [json.loads(file.read_text()) for file in sorted(PUBLISHED.glob("*.schema.json"))]
    return MESSAGES_HEAD + "\n".join(map(_message, schemas))


def _message(schema: dict[str, Any]) -> str:
    rows = [
        f"| `{name}` | {'yes' if name in schema.get('required', ()) else ''} | {_says(field)} |"
        for name, field in schema["properties"].items()
    ]
    table = "\n".join(["| field | required | what |", "| --- | --- | --- |", *rows])
    return f"## {schema['title']}\n\n{schema['description']}\n\n{table}\n"


def _says(field: dict[str, Any]) -> str:
    """Return a few words on a field: its description, or its values, or its type."""
    forms = [form for form in field.get("anyOf", [field]) if form.get("type") != "null"]
    words = field.get("description") or next((form["description"] for form in forms if "description" in form), None)
    if words is None and "const" in field:
        words = f"always `{json.dumps(field['const'])}`"
    if words is None and len(values := forms[0].get("enum", [])) in range(1, 15):
        words = ", ".join(f"`{value}`" for value in values)
    if words is None and {"minimum", "maximum"} <= forms[0].keys():
        words = f"an integer from {forms[0]['minimum']:,} to {forms[0]['maximum']:,}"
    if words is None and "maxLength" in forms[0]:
        words = f"a text of at most {forms[0]['maxLength']} characters"
    if words is None:
        words = forms[0].get("type", "an object")
    return str(words).replace("|", "\\|")


def commands() -> str:
    """Return the page of commands."""
    root = typer.main.get_command(app)
    return COMMANDS_HEAD + "\n".join(_sections(typer.Context(root, info_name="quotastream", **root.context_settings)))


def _sections(context: typer.Context) -> Iterator[str]:
    command = context.command
    context.terminal_width = context.max_content_width = WIDTH
    heading = "#" * (context.command_path.count(" ") + 2)
    yield f"{heading} {context.command_path}\n\n```\n{inspect.cleandoc(command.get_help(context))}\n```\n"
    for name, child in getattr(command, "commands", {}).items():
        yield from _sections(typer.Context(child, info_name=name, parent=context))


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
