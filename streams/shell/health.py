"""How the worker is: what `/livez` and `/readyz` answer (docs/operations.md, "Health").

The worker's loop writes it down every second, the listener's threads read it; so a loop that stands still shows.
"""

from __future__ import annotations

import time
from math import isinf
from typing import TYPE_CHECKING, NamedTuple

from streams.shell.watchdog import ASK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from faust.types.tuples import TP

    from streams.shell.folder import Standing
    from streams.shell.watchdog import Watchdog

BEAT_SECONDS = 1.0
LIVE_SECONDS = 30.0  # a loop that didn't turn for so long is not alive; a large fold takes well under a second
ANSWER_SECONDS = 3 * ASK_SECONDS  # Kafka is asked every ASK_SECONDS
LAG_SECONDS = 60.0


class Check(NamedTuple):
    """One thing that a ready worker needs: whether it is so, and a few words."""

    name: str
    ok: bool
    says: str


class Health:
    """The newest answers. `beat` and `pause` are the worker's; the others may be called from any thread."""

    def __init__(self) -> None:
        self._checks: tuple[Check, ...] = (Check("worker", False, "starting"),)
        self._next_beat = time.monotonic() + BEAT_SECONDS

    def beat(self, checks: Sequence[Check]) -> None:
        """Note that the loop turns, and what was found."""
        self._checks, self._next_beat = tuple(checks), time.monotonic() + BEAT_SECONDS

    def pause(self, seconds: float, reason: str) -> None:
        """Note why the loop will not turn for a while, on purpose."""
        self._checks, self._next_beat = (Check("worker", False, reason),), time.monotonic() + seconds

    def livez(self) -> Check:
        """Return whether the loop turns."""
        late_seconds = time.monotonic() - self._next_beat
        alive = late_seconds < LIVE_SECONDS
        return Check("loop", alive, "turns" if alive else f"stands still for {late_seconds:.0f} s")

    def readyz(self) -> tuple[Check, ...]:
        """Return every check; the worker is ready where all are ok."""
        return (self.livez(), *self._checks)


def assess(watchdog: Watchdog, home: str, standing: Mapping[int, Standing], now: float) -> list[Check]:
    """Return the checks of a worker that runs; `standing` has its home partitions, `now` is a monotonic time."""
    joined, stalled = watchdog.joined, watchdog.stalled
    return [
        _broker(now - watchdog.answered_at),
        Check("assignment", joined, "a member of the group" if joined else "no member of the group"),
        _recovery(watchdog, home, standing),
        _lag(watchdog.behind_seconds(now)),
        Check("progress", not stalled, f"none, though there is lag: {', '.join(stalled)}" if stalled else "no stall"),
    ]


def _broker(silent_seconds: float) -> Check:
    if silent_seconds <= ANSWER_SECONDS:
        return Check("broker", True, "answers")
    return Check(
        "broker", False, "no answer yet" if isinf(silent_seconds) else f"no answer for {silent_seconds:.0f} s"
    )


def restoring(watchdog: Watchdog, home: str, standing: Mapping[int, Standing]) -> tuple[list[int], int, int]:
    """Return the home partitions that are not told of yet, how many of their records are folded, and of how many."""
    waiting = {partition: s.position for partition, s in standing.items() if not s.caught_up}
    ends = {tp.partition: end for tp, end in watchdog.ends.items() if tp.topic == home}
    known = [(min(position, ends[p]), ends[p]) for p, position in waiting.items() if p in ends]
    return list(waiting), sum(position for position, _ in known), sum(end for _, end in known)


def _recovery(watchdog: Watchdog, home: str, standing: Mapping[int, Standing]) -> Check:
    """Return how much is folded of the home partitions that are not told of yet."""
    waiting, folded, there = restoring(watchdog, home, standing)
    if not waiting:
        return Check("recovery", True, f"home partitions caught up: {_listed(standing)}")
    percent = 100 * folded // there if there else 0
    return Check("recovery", False, f"{percent} % of home partitions {_listed(waiting)}")


def _listed(partitions: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(partitions))) or "none"


def _lag(behind_seconds: Mapping[TP, float]) -> Check:
    late = sorted(
        (tp for tp, seconds in behind_seconds.items() if seconds > LAG_SECONDS), key=behind_seconds.__getitem__
    )
    if not late:
        return Check("lag", True, f"under {LAG_SECONDS:.0f} s")
    named = ", ".join(f"{tp.topic}[{tp.partition}] for {behind_seconds[tp]:.0f} s" for tp in reversed(late))
    return Check("lag", False, f"behind: {named}")
