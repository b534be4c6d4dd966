"""`quotastream schemas`: what producers and subscribers of other languages build upon."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.common import AsJson, CliError, Prefix, installation, out, write_json
from streams.cli.wording import counted, example
from streams.shell import contracts, evolution, registry
from streams.shell.registry import RegistryError

app = typer.Typer(help="Write the published schemas, and hold them against the program.", no_args_is_help=True)


@app.command(epilog=example("quotastream schemas export contracts/"))
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made where it is missing.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Write JSON Schema 2020-12 of every message, and AsyncAPI 3.1 of every topic, into a folder."""
    files = contracts.files()
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    if as_json:
        write_json({"folder": str(folder), "files": sorted(files)})
        return
    out().print(f"{counted(len(files), 'file')} written to {folder}", markup=False)


@app.command(epilog=example("quotastream schemas check", "quotastream schemas check contracts/"))
def check(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Exported schemas; without it, those that come with quotastream.",
            show_default=False,
        ),
    ] = contracts.PUBLISHED,
    as_json: AsJson = False,
) -> None:
    """Say whether schemas are those that this program writes, and go on from the last released ones.

    Ends with exit code 1 where they don't.
    """
    if not folder.is_dir():
        raise CliError(f"{folder} is no folder: `quotastream schemas export {folder}` would make it", 2)
    problems = contracts.drift(folder) + evolution.breaks()
    if as_json:
        write_json({"folder": str(folder), "problems": problems})
    else:
        for problem in problems:
            out().print(problem, markup=False)
    if problems:
        raise CliError(
            f"{counted(len(problems), 'problem')}: `quotastream schemas export {folder}` writes today's schemas; "
            "what breaks the released ones is a version 2 (docs/evolution.md)"
        )
    if not as_json:
        out().print(f"{counted(len(contracts.files()), 'file')} as they should be", markup=False)


@app.command(epilog=example("quotastream schemas register http://localhost:8081"))
def register(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Of a registry with Confluent's interface.", show_default=False)
    ],
    prefix: Prefix = "",
    as_json: AsJson = False,
) -> None:
    """Register the schema of each topic's values (subject TOPIC-value) at a schema registry.

    Registering again changes nothing. Workers read values with and without the prefix that its clients write, and
    ask no registry.
    """
    try:
        ids = registry.register(url, installation(prefix))
    except RegistryError as error:
        raise CliError(str(error)) from error
    if as_json:
        write_json(ids)
        return
    for subject, number in ids.items():
        out().print(f"{subject}: id {number}", markup=False)
