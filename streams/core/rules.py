"""The alert decision table, as data: which kind opens, escalates, eases and closes on which judgement, and its words.

Lives here: the table of "Alerts". Not here: the judgements (judgements.py) and the walk through the days (walk.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.core import calm, judgements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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

RATIO = "ratio"
DAILY_RATE = "daily rate"
DAYS = "days"


# --- what is said of each transition, with {names} of what the alert itself says (summary.py) ---

BEHIND = {
    OPENED: "{who} is {short_by}behind {matter}, as of {day}",
    ESCALATED: "{who} is {short_by}behind {matter}, which is critical as of {day}",
    DEESCALATED: "{who} is {short_by}behind {matter}, which is no longer critical as of {day}",
    RETARGETED: "{who} is {short_by}behind {matter}, after what is asked for changed on {day}",
    RESOLVED: "{who} is no longer behind {matter} as of {day}{came_of_due}",
    LAPSED: "{who} was behind {matter}; the alert ended on {day}, when it no longer applied",
    RETRACTED: "{who} was not behind {matter} on {day} after all, by what is known now",
}
OUT_OF_REACH = {
    OPENED: "{who} would have to send more than {threshold} a day to reach {matter}, beyond what its best 30 days "
    "suggest, as of {day}{still_missing}",
    RETARGETED: "{who} can still hardly reach {matter}, after what is asked for changed on {day}{still_missing}",
    RESOLVED: "{who} can reach {matter} again as of {day}{still_missing}",
    LAPSED: "{who} could hardly reach {matter}; the alert ended on {day}, when it no longer applied",
    RETRACTED: "{who} could reach {matter} on {day} after all, by what is known now",
}
SILENCE = {
    OPENED: "{who} has sent nothing on the last {threshold} days that had something due, as of {day}{still_missing}",
    RESOLVED: "{who} is no longer silent as of {day}{came_of_target}",
    LAPSED: "{who} was silent; the alert ended on {day}, when it no longer applied",
    RETRACTED: "{who} was not silent on {day} after all, by what is known now",
}
MISSED = {
    OPENED: "{who} missed {matter}{came_of_target}{still_missing}",
    RETARGETED: "{who} still misses {matter}, after what is asked for changed on {day}{still_missing}",
    RESOLVED: "{who} has paid {matter} in full as of {day}, after its end{came_of_target}",
    LAPSED: "{who} missed {matter}; the alert ended on {day}, when it no longer applied",
    RETRACTED: "{who} did not miss {matter} after all, by what is known now",
}


class Kind(NamedTuple):
    """One kind of alert, in one sort of account."""

    name: str
    of_levy: bool
    alive: Alive  # the days on which it may open or stay open; on the others it lapses
    opens: Judgement  # on complete days
    severity: str  # with which it opens, unless `critical` says critical
    closes: Judgement  # on x itself, so that money closes at once
    matter: str  # what it is about, in a sentence
    sentences: Mapping[str, str]  # by transition
    threshold: str | None  # what it crosses: RATIO, DAILY_RATE, DAYS; None: nothing that could be set otherwise
    calm: Calm  # nothing of all this can happen, given the severity of one that is open
    critical: Judgement | None = None  # on complete days: opens as critical, or escalates
    eases: Judgement | None = None  # on x itself: critical becomes warning, where nothing closes
    runs: bool = False  # the opening judgement must hold on for_days days in a row
    retargets: bool = True  # tells when T or the currency changed under it


KINDS = (
    Kind(
        "behind_pace",
        of_levy=False,
        matter="its {year} pace",
        sentences=BEHIND,
        threshold=RATIO,
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
        matter="with the levy {levy} of {year}",
        sentences=BEHIND,
        threshold=RATIO,
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
        matter="its {year} target",
        sentences=OUT_OF_REACH,
        threshold=DAILY_RATE,
        alive=judgements.alive_in_year,
        opens=judgements.unreachable,
        severity=CRITICAL,
        closes=judgements.reachable,
        calm=calm.reach_is_calm,
    ),
    Kind(
        "silent",
        of_levy=False,
        matter="its {year} target",
        sentences=SILENCE,
        threshold=DAYS,
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
        matter="its {year} target",
        sentences=MISSED,
        threshold=None,
        alive=judgements.alive_after_end,
        opens=judgements.unmet,
        severity=CRITICAL,
        closes=judgements.met,
        calm=calm.end_is_calm,
    ),
    Kind(
        "missed",
        of_levy=True,
        matter="the levy {levy} of {year}",
        sentences=MISSED,
        threshold=None,
        alive=judgements.alive_after_end,
        opens=judgements.unmet,
        severity=CRITICAL,
        closes=judgements.met,
        calm=calm.end_is_calm,
    ),
)

BASE_KINDS = tuple(kind for kind in KINDS if not kind.of_levy)
LEVY_KINDS = tuple(kind for kind in KINDS if kind.of_levy)
KIND_OF = {(kind.name, kind.of_levy): kind for kind in KINDS}
