"""docs/invariants.md and the tests name each other: no invariant without a test, no citation of none."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "invariants.md").read_text(encoding="utf-8")
_CITED = re.compile(r"\((I\d+(?:, I\d+)*)\)")


def sections() -> dict[str, str]:
    """Return the text of each numbered invariant."""
    parts = re.split(r"^## (I\d+)\. ", PAGE, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def citations() -> dict[str, set[str]]:
    """Return the names of the tests that cite each invariant in their docstrings."""
    found = defaultdict(set)
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for several in _CITED.findall(ast.get_docstring(node) or ""):
                    for number in several.split(", "):
                        found[number].add(node.name)
    return dict(found)


def test_every_invariant_is_cited_and_no_other():
    """The page's numbers are those that tests cite, and run from I1 without a gap."""
    numbers = list(sections())
    assert numbers == [f"I{n}" for n in range(1, len(numbers) + 1)]
    assert set(citations()) == set(numbers)


def test_the_tests_that_the_page_names_cite_it():
    """Each test that an invariant is held by exists and cites it."""
    cited = citations()
    for number, text in sections().items():
        named = set(re.findall(r"`(test_\w+)`", text.split("Held by", 1)[1]))
        assert named, number
        assert named - cited[number] == set(), number
