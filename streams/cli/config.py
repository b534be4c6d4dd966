"""`quotastream config show`: each setting, and where its value comes from."""

from __future__ import annotations

from typing import Any

import typer
from pydantic import SecretStr
from rich.markup import escape
from rich.table import Table

from streams.cli.common import AsJson, err, table_out, write_json
from streams.cli.wording import example
from streams.shell.setting_sources import Source, settings_file, sources, variable_of
from streams.shell.settings import Settings, origin

MASKED = "********"

app = typer.Typer(no_args_is_help=True, help="Say what is set, and where.")


@app.command(epilog=example("quotastream config show --json | jq 'map(select(.source != \"default\"))'"))
def show(settings: Settings, as_json: AsJson = False) -> None:
    """Show each setting's value and where it comes from: a flag, the environment, the settings file or its default.

    The first of these that names a setting counts. Secrets are masked. Ends with 2 where a setting is wrong.
    """
    found = sources(Settings)
    rows = [_row(settings, field, origin(field, found)) for field in Settings.model_fields]
    if as_json:
        write_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for row in rows:
        value = "-" if row["value"] is None else escape(str(row["value"]))
        style = "dim" if row["source"] == "default" else None
        table.add_row(row["setting"], value, escape(row["where"]), style=style)
    table_out().print(table)
    file, named_by = settings_file()
    there = "settings file" if file.exists() else "no settings file"
    err().print(f"{there}: {escape(str(file))}" + (f" ({named_by})" if named_by else ""))


def _row(settings: Settings, field: str, source: Source | None) -> dict[str, Any]:
    value = getattr(settings, field)
    if isinstance(value, SecretStr):
        value = MASKED
    elif value is not None and not isinstance(value, bool | int | float):
        value = str(value)
    return {
        "setting": field,
        "value": value,
        "source": source.kind if source else "default",
        "where": source.names(field) if source else "default",
        "variable": variable_of(field),
    }
