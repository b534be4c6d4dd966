"""The alert decision table, as data: which kind opens, escalates, eases and closes on which judgement.

Lives here: the table of "Alerts". Not here: the judgements (judgements.py) and the walk through the days (walk.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.core import calm, judgements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.core.events import Day
    from streams.core.judgements import Ground

    Judgement = Callable[[Ground, Day, Day], bytes]
    Alive = Callable[[Ground], list[tuple[Day, Day]]]
    Calm = Callable[[Sequence[Ground], str | None], bool]

WARNING = "warning"
CRITICAL = "critical"

OPENED = "opened"
ESCALATED = "escalated"
DEESCALATED = "deescalated"
RETARGETED = "retargeted"
RESOLVED = "resolved"
LAPSED = "lapsed"
RETRACTED = "retracted"


class Kind(NamedTuple):
    """One kind of alert, in one sort of account."""

    name: str
    of_levy: bool
    alive: Alive  # the days on which it may open or stay open; on the others it lapses
    opens: Judgement  # on complete days
    severity: str  # with which it opens, unless `critical` says critical
    closes: Judgement  # on x itself, so that money closes at once
    calm: Calm  # nothing of all this can happen, given the severity of one that is open
    critical: Judgement | None = None  # on complete days: opens as critical, or escalates
    eases: Judgement | None = None  # on x itself: critical becomes warning, where nothing closes
    runs: bool = False  # the opening judgement must hold on for_days days in a row
    retargets: bool = True  # tells when T or the currency changed under it


KINDS = (
    Kind(
        "behind_pace",
        of_levy=False,
        alive=judgements.alive_while_due,
        opens=judgements.base_behind,
        severity=WARNING,
        critical=judgements.far_behind,
        eases=judgements.eased,
        closes=judgements.recovered,
        calm=calm.pace_is_calm,
        runs=True,
    ),
    Kind(
        "levy_behind",
        of_levy=True,
        alive=judgements.alive_while_due,
        opens=judgements.levy_behind,
        severity=WARNING,
        critical=judgements.far_behind,
        eases=judgements.eased,
        closes=judgements.recovered,
        calm=calm.pace_is_calm,
        runs=True,
    ),
    Kind(
        "unreachable",
        of_levy=False,
        alive=judgements.alive_in_year,
        opens=judgements.unreachable,
        severity=CRITICAL,
        closes=judgements.reachable,
        calm=calm.reach_is_calm,
    ),
    Kind(
        "silent",
        of_levy=False,
        alive=judgements.alive_in_year,
        opens=judgements.silent,
        severity=WARNING,
        closes=judgements.heard,
        calm=calm.silence_is_calm,
        retargets=False,
    ),
    Kind(
        "missed",
        of_levy=False,
        alive=judgements.alive_after_end,
        opens=judgements.unmet,
        severity=CRITICAL,
        closes=judgements.met,
        calm=calm.end_is_calm,
    ),
    Kind(
        "missed",
        of_levy=True,
        alive=judgements.alive_after_end,
        opens=judgements.unmet,
        severity=CRITICAL,
        closes=judgements.met,
        calm=calm.end_is_calm,
    ),
)

BASE_KINDS = tuple(kind for kind in KINDS if not kind.of_levy)
LEVY_KINDS = tuple(kind for kind in KINDS if kind.of_levy)
