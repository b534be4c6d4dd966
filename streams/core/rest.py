"""When the turn of a day changes nothing: until which day an account can rest, if nothing comes in.

Lives here: the first day on which its status may differ in more than as_of, or an episode may move. It may be too
early, never too late. Not here: what changes on it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from streams.core.figures import TRAILING_DAYS
from streams.core.judgements import last_before
from streams.core.years import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.core.events import Day
    from streams.core.history import Episode
    from streams.core.view import AccountView


def next_due_day(view: AccountView, d: Day, open_episodes: Sequence[Episode]) -> Day:
    """Return the first day after d on which something may change by itself; NEVER once the year is over."""
    year = view.year
    if d >= year.after:
        return NEVER
    regime = view.timeline.regime_on(d)
    asked = regime.base is not None or bool(regime.levies)
    if (asked and d >= year.first and regime.activity.on(d)) or open_episodes:
        return d + 1
    if regime.base is not None and last_before(view.paid_days, d + 1) >= d - TRAILING_DAYS:
        return d + 1  # the trailing rate still moves
    first = regime.original
    if first is not None and first.schedule.expected(d) != first.schedule.total:
        return d + 1  # what policies took off still grows
    return min(day for day in _turns(view, d) if day > d)


def _turns(view: AccountView, d: Day) -> Iterator[Day]:
    """Yield days on which decrees, activity, headcount, money or a levy may turn."""
    regime, year = view.timeline.regime_on(d), view.year
    yield year.first
    yield year.after
    yield view.timeline.plan.next_turn(d)
    for steps in (regime.activity, regime.headcount):
        at = bisect_right(steps.starts, d)
        yield steps.starts[at] if at < len(steps.starts) else NEVER
    for levy in regime.levies.values():
        yield levy.lifted_from
        yield levy.end + 1
    at = bisect_right(view.paid_days, d)
    yield view.paid_days[at] if at < len(view.paid_days) else NEVER
    yield NEVER
