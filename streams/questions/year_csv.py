"""A year's report as one CSV table: a line for each group, region and currency, of targets and of levies.

The column `row` says what a line is, so that a spreadsheet can add the groups and compare with the totals.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = (
    "row",
    "plan_year",
    "as_of",
    "region",
    "group_id",
    "levy_id",
    "currency",
    "groups",
    "in_full",
    "level",
    "original_target",
    "adjusted_target",
    "expected_to_date",
    "remitted_to_date",
    "shortfall",
    "attainment_to_date",
    "attainment_of_target",
    "policy_effect",
    "remittance_effect",
    "episodes",
    "unconverted",
    "unassigned",
)


def csv_text(report: Mapping[str, Any]) -> str:
    """Return the report as CSV."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    table.writeheader()
    for row, line in _lines(report):
        cells = {"row": row, "plan_year": report["plan_year"], "as_of": report["as_of"], **line}
        cells.setdefault("adjusted_target", line.get("target"))
        cells["episodes"] = sum(line.get("episodes", {}).values()) if "episodes" in line else None
        for name in ("unconverted", "unassigned"):
            cells[name] = " ".join(f"{amount} {currency}" for currency, amount in line.get(name, {}).items())
        cells["in_full"] = int(line["in_full"])
        table.writerow(cells)
    return text.getvalue()


def _lines(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for rows, row in (("groups", "group"), ("regions", "region"), ("overall", "overall")):
        for line in report[rows]:
            yield row, line
    for rows, row in (("groups", "levy group"), ("regions", "levy region"), ("overall", "levy overall")):
        for line in report["levies"][rows]:
            yield row, line
