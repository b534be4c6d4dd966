"""Groups with very many policies: judged in steps, so that the worker's loop turns meanwhile.

Else one group would keep all the others, and the worker's heartbeats, waiting for seconds.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.core.book import Book
    from streams.shell.ledger import HomeLedger


# Each policy that comes meanwhile may begin it all again; a year has at most one law for each of its days.
MOST_STEPS = 400
#: What a mistake in the evaluation of one group may raise; what a damaged store or a client raises is not among it.
FAULTS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


async def judge_in_steps(book: Book, ledger: HomeLedger, group_id: str, judge: Callable[[str], object]) -> None:
    """Have a group judged, after what is decreed for it was worked out in steps; not where it was already.

    Where that fails, the group's evaluation will say so.
    """
    is_new = False
    try:
        for year in book.history_years(group_id, ledger.plan_years(group_id)):
            for _ in islice(book.preparing(group_id, year), MOST_STEPS):
                is_new = True
                await asyncio.sleep(0)
    except FAULTS:
        return
    if is_new:
        judge(group_id)
        await asyncio.sleep(0)
