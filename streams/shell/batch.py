"""The events of some packs, as the ledger takes them in at once.

Lives here: their columns, and what came of each group by day. Not here: which of them are new (ledger.py).
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.core.years import year_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import numpy.typing as npt

    from streams.core.curve import DaySum
    from streams.core.events import Day
    from streams.shell.runs import Keys, Rows


class Batch(NamedTuple):
    """The events of some packs, in the log's order."""

    numbers: Keys  # of the groups
    rows: Rows
    large: dict[int, int]  # amounts beyond 64 bits, by row
    reverses: dict[int, bytes]  # what reversals name, by row


def day_sums(
    batch: Batch, kept: npt.NDArray[np.int64], gone: Mapping[int, Collection[bytes]]
) -> Iterator[tuple[tuple[int, int], list[DaySum]]]:
    """Yield (group, kind of money) and what came of it by day in some rows, less what was reversed before it came.

    `gone`: by group, what reversals name. Both of the key are numbers that the ledger gave.
    """
    numbers, rows = batch.numbers[kept], batch.rows.take(kept)
    stays = rows["day"] > 0  # a reversal has none
    for place, number in enumerate(numbers.tolist()) if gone else ():
        if number in gone:
            stays[place] &= rows[place].tobytes()[:16] not in gone[number]
    places = np.lexsort((rows["day"], rows["purse"], numbers))
    places = places[stays[places]]
    rows = rows.take(places)
    keys = list(zip(numbers[places].tolist(), rows["purse"].tolist(), rows["day"].tolist(), strict=True))
    amounts = rows["amount"].tolist()
    if batch.large:
        amounts = [batch.large.get(row, held) for row, held in zip(kept[places].tolist(), amounts, strict=True)]
    counts, sums = Counter(keys), dict[tuple[int, int, "Day"], int]()
    for key, amount in zip(keys, amounts, strict=True):
        sums[key] = sums.get(key, 0) + amount
    for of, mine in groupby(sums, itemgetter(0, 1)):
        yield of, [(key[2], sums[key], counts[key]) for key in mine]


def by_year(came: list[DaySum]) -> Iterator[tuple[int, list[DaySum]]]:
    """Yield what came by ascending day year by year."""
    first = year_of(came[0][0])
    if year_of(came[-1][0]) == first:  # as most often
        yield first, came
        return
    for year, of_year in groupby(came, lambda day_sum: year_of(day_sum[0])):
        yield year, list(of_year)
