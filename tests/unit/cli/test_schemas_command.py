"""`quotastream schemas export | check`: what is written passes, and whatever differs is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from schemas import publishing
from streams.cli.main import run
from streams.shell.contracts import ASYNCAPI_FILE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_is_exported_passes_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A team gets every message's schema and the topics' description, in a folder that is made for it."""
    folder = tmp_path / "new" / "contracts"
    assert run(["schemas", "export", str(folder), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert set(files) == {path.name for path in folder.iterdir()}
    assert set(files) == {ASYNCAPI_FILE, *map(publishing.file_name, publishing.ALL)}
    assert run(["schemas", "check", str(folder)]) == 0
    assert run(["schemas", "check"]) == 0


def test_the_check_names_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is old, missing or of no message is told by name, with what to do, and exit code 1."""
    run(["schemas", "export", str(tmp_path)])
    (tmp_path / publishing.file_name("revoked")).unlink()
    (tmp_path / publishing.file_name("pledge")).write_text("{}", encoding="utf-8")
    (tmp_path / ASYNCAPI_FILE).write_text("{}", encoding="utf-8")
    capsys.readouterr()
    assert run(["schemas", "check", str(tmp_path), "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["problems"] == [
        "revoked.v1.schema.json: missing",
        "pledge.v1.schema.json: no message has this schema",
        f"{ASYNCAPI_FILE}: not what the models say",
    ]
    assert "3 problems: `quotastream schemas export" in said.err
    assert said.err.count("\n") == 1


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt folder is not taken for one with nothing in it."""
    assert run(["schemas", "check", str(tmp_path / "nowhere")]) == 2
    assert "is no folder" in capsys.readouterr().err
