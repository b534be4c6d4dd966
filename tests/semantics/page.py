"""docs/semantics.md and what in it is made from the code: the alert table, the thresholds, the drawing.

`python -m tests.semantics.page` writes the made parts anew; tests compare them, and play every scenario of the page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from streams.core.rules import KINDS
from streams.core.thresholds import DEFAULTS
from tests.scenarios.playing import scenarios_of
from tests.semantics.drawing import drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.core.judgements import Ground
    from tests.scenarios.playing import Scenario

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "semantics.md"
DRAWING = DOCS / "a-groups-year.svg"
DRAWN = "a group's year"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MADE = re.compile(r"(<!-- made: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

SIGNS = {"<=": "≤", ">=": "≥", " x best": " × best", "0.9 x": "0.9 ×", "x-1": "x−1", "T - R": "T − R", "Es(": "Eₛ("}  # noqa: RUF001

COLUMNS = (
    "kind", "of", "opens as", "opens on x when", "critical when", "a warning again when", "resolved when",
    "told of another T",
)  # fmt: skip

# name -> (lowest, highest) that alert_rules_set takes; None: no bound but that of all decimals
RANGES: dict[str, tuple[str, str]] = {
    "warning_below": ("over 0", "1"),
    "critical_below": ("over 0", "any"),
    "margin": ("0", "0.5"),
    "slack_days": ("0", "366"),
    "for_days": ("1", "366"),
    "grace_days": ("0", "366"),
    "levy_grace_days": ("0", "366"),
    "unreachable_factor": ("over 0", "any"),
    "unreachable_grace_days": ("0", "366"),
    "silent_days": ("1", "366"),
}


def text() -> str:
    """Return the page."""
    return PAGE.read_text(encoding="utf-8")


def blocks(page: str) -> list[tuple[str, str]]:
    """Return every fenced block of a page: its language, its text."""
    return [(found[1], found[2]) for found in _BLOCK.finditer(page)]


def scenarios(page: str) -> Iterator[Scenario]:
    """Yield the scenarios of a page."""
    for language, block in blocks(page):
        if language == "scenario":
            yield from scenarios_of(block)


def _words(judge: Callable[[Ground, int, int], bytes] | None) -> str:
    """Say what a judgement asks, in the words of the code that asks it."""
    if judge is None:
        return ""
    said = (judge.__doc__ or "").splitlines()[0].rstrip(".")
    for ascii_sign, sign in SIGNS.items():
        said = said.replace(ascii_sign, sign)
    return said


def alert_table() -> str:
    """Return the alert decision table as streams/core/rules.py has it."""
    rows = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    for kind in KINDS:
        opens = _words(kind.opens) + (", on for_days days in a row" if kind.runs else "")
        opens_as = f"{kind.severity}, or critical" if kind.critical else kind.severity
        cells = (
            f"`{kind.name}`", "a levy" if kind.of_levy else "the target", opens_as, opens, _words(kind.critical),
            _words(kind.eases), _words(kind.closes), "yes" if kind.retargets else "no",
        )  # fmt: skip
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def threshold_table() -> str:
    """Return the thresholds with their defaults as streams/core/thresholds.py has them."""
    rows = ["| threshold | default | from | to |", "| --- | --- | --- | --- |"]
    for name, value in DEFAULTS._asdict().items():
        shown = str(value) if isinstance(value, int) else f"{float(value):.2f}"
        low, high = RANGES[name]
        rows.append(f"| `{name}` | {shown} | {low} | {high} |")
    return "\n".join(rows) + "\n"


PARTS: dict[str, Callable[[], str]] = {"alerts": alert_table, "thresholds": threshold_table}


def with_made_parts(page: str) -> str:
    """Return a page with the parts that are made from the code made anew."""
    return _MADE.sub(lambda found: found[1] + PARTS[found[2]]() + found[4], page)


def drawing(page: str) -> str:
    """Return the drawing of the page's year."""
    return drawn(next(scenario for scenario in scenarios(page) if scenario.title == DRAWN))


if __name__ == "__main__":
    PAGE.write_text(with_made_parts(text()), encoding="utf-8")
    DRAWING.write_text(drawing(text()), encoding="utf-8")
