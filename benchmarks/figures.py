"""What is said of a contestant's runs, and the table of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Run:
    """One run: the time and the CPU time at the first record, at half of them and at the last."""

    events: int
    marks: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    memory_mib: int
    right: bool  # the totals are those of the workload

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / (self.marks[2][0] - self.marks[0][0])

    @property
    def second_half(self) -> float:
        """Events a second, of the second half."""
        return self.events / 2 / (self.marks[2][0] - self.marks[1][0])

    @property
    def cpu(self) -> float:
        """CPU seconds, of all threads."""
        return self.marks[2][1] - self.marks[0][1]

    @property
    def core(self) -> float:
        """The share of its core that it used."""
        return self.cpu / (self.marks[2][0] - self.marks[0][0])


HEADER = (
    "| contestant | records | events/s | least, most | second half | CPU s | events/CPU s | of its core | MiB "
    "| totals |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def row(name: str, runs: list[Run]) -> str:
    """Return the medians as a row of the table."""
    rates = sorted(run.rate for run in runs)
    cells = [
        name,
        f"{runs[0].events:,}",
        f"{median(rates):,.0f}",
        f"{rates[0]:,.0f}, {rates[-1]:,.0f}",
        f"{median(run.second_half for run in runs):,.0f}",
        f"{median(run.cpu for run in runs):.1f}",
        f"{median(run.events / run.cpu for run in runs):,.0f}",
        f"{median(run.core for run in runs):.0%}",
        f"{median(run.memory_mib for run in runs):.0f}",
        "right" if all(run.right for run in runs) else "WRONG",
    ]
    return f"| {' | '.join(cells)} |"


def offer_to_write(parser: argparse.ArgumentParser) -> None:
    """Add the option by which a benchmark renews its section of the page."""
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")


def tell(section: str, report: str, *, write: bool) -> None:
    """Print a report; with `write` put it into its section of the page."""
    print(report)
    if write:
        write_section(section, report)


def write_section(name: str, text: str, file: Path = PAGE) -> None:
    """Put what was measured between a page's marks `<!-- measured: NAME -->` and `<!-- end -->`."""
    page = file.read_text()
    mark = f"<!-- measured: {name} -->"
    changed, found = re.subn(
        rf"{mark}\n.*?<!-- end -->", lambda _: f"{mark}\n{text}\n<!-- end -->", page, flags=re.DOTALL
    )
    if not found:
        raise ValueError(f"{file.name} has no section {name}")
    file.write_text(changed)
