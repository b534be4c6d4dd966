"""The tree's own tidiness, where no linter has a rule for it."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60
PACKAGES = ("streams", "schemas", "tests", "benchmarks", "deploy", "examples", "requirements")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "vendor" not in path.parts)


def test_every_file_can_be_read_in_one_go() -> None:
    """A longer file holds more than one thing: its first paragraph can no longer say what lives in it."""
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_FILE} == {}


def test_every_function_fits_on_a_screen() -> None:
    """A longer function does more than its name says."""
    functions = [
        (f"{path.relative_to(ROOT)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert len(functions) > 1_000
    assert [name for name, lines in functions if lines > MOST_LINES_OF_A_FUNCTION] == []
