"""Hold the forecast to its word: of simulated groups given 70 to 80 %, do 70 to 80 % miss.

Each simulated group has a way of paying and a zeal of its own, both unknown to the forecast: it pays in a week with
some chance, an amount that varies by some factor; its zeal is what it would send in over a year, as a part of its
target. On a day of its year it is forecast from what it sent by then, then its year goes on.
Run: python -m benchmarks.forecast_calibration [--groups 4000] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from datetime import date
from typing import NamedTuple

from schemas.currencies import MINOR_DIGITS
from streams.core.book import Book
from streams.core.events import DAY_US, EPOCH_DAY, Remittance, TargetSet
from streams.core.ledger import GroupLedger
from streams.questions.forecast import forecast
from streams.questions.knowledge import AccountKey, Knowledge

YEAR = 2026
FIRST, AFTER = date(YEAR, 1, 1).toordinal(), date(YEAR + 1, 1, 1).toordinal()
TARGET = 100_000_00


class Way(NamedTuple):
    """A way of paying: the chance of a payment in a week, and how much amounts vary (sigma of a lognormal)."""

    name: str
    chance: tuple[float, float]
    sigma: tuple[float, float]


WAYS = (
    Way("every week", (0.9, 1.0), (0.2, 0.6)),
    Way("most weeks", (0.5, 0.9), (0.3, 0.8)),
    Way("now and then", (0.2, 0.5), (0.3, 1.0)),
)


def payments(dice: random.Random, way: Way) -> list[tuple[int, int]]:
    """Return (day, amount) over a year for one group."""
    chance, sigma = dice.uniform(*way.chance), dice.uniform(*way.sigma)
    zeal = dice.uniform(0.6, 1.4)
    mean = TARGET * zeal / (52 * chance)
    scale = mean / 2.718281828459045 ** (sigma * sigma / 2)
    paid = []
    for week in range(FIRST, AFTER, 7):
        if dice.random() < chance:
            day = week + dice.randrange(7)
            if day < AFTER:
                paid.append((day, max(1, round(scale * dice.lognormvariate(0, sigma)))))
    return paid


def simulate(dice: random.Random, way: Way, draws: int) -> tuple[float, bool] | None:
    """Return (what was forecast, whether it missed) of one group; None where its year was decided already."""
    paid = payments(dice, way)
    day = dice.randrange(FIRST + 60, AFTER - 14)
    book = Book(MINOR_DIGITS)
    issued = (FIRST - EPOCH_DAY) * DAY_US
    book.add(TargetSet(policy_id="t", issued_at_us=issued, group_id="g", plan_year=YEAR, amount_minor=TARGET,
                       currency="USD", per_worker=False, weights=None))  # fmt: skip
    ledger = GroupLedger()
    for number, (on, amount) in enumerate(paid):
        if on < day:
            ledger.add(Remittance("g", number.to_bytes(16, "big"), b"", on, amount, "USD", None))
    said = forecast(Knowledge(book, {"g": ledger}), AccountKey("g", YEAR), day, random.Random(dice.random()), draws)
    if said["why"] is not None:
        return None
    return said["probability_to_miss"], sum(amount for _, amount in paid) < TARGET


def table(results: list[tuple[float, bool]]) -> list[str]:
    """Return a line for each tenth of probability: groups, mean forecast, part that missed."""
    tenths: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for said, missed in results:
        tenths[min(9, int(said * 10))].append((said, missed))
    lines = ["| given | groups | mean forecast | missed | 95 % range of chance |", "| --- | --: | --: | --: | --: |"]
    for tenth, found in sorted(tenths.items()):
        mean = sum(said for said, _ in found) / len(found)
        part = sum(missed for _, missed in found) / len(found)
        spread = 1.96 * (mean * (1 - mean) / len(found)) ** 0.5
        lines.append(
            f"| {tenth * 10} to {tenth * 10 + 10} % | {len(found):,} | {mean:.1%} | {part:.1%} | "
            f"{max(0, mean - spread):.1%} to {min(1, mean + spread):.1%} |"
        )
    return lines


def main() -> None:
    """Print the table, over all and for each way of paying."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=4000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    by_way: dict[str, list[tuple[float, bool]]] = {way.name: [] for way in WAYS}
    for number in range(arguments.groups):
        way = WAYS[number % len(WAYS)]
        result = simulate(dice, way, arguments.draws)
        if result is not None:
            by_way[way.name].append(result)
    print("\n".join(table([result for results in by_way.values() for result in results])))
    for name, results in by_way.items():
        print(f"\n{name}:\n")
        print("\n".join(table(results)))


if __name__ == "__main__":
    main()
