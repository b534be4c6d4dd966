"""How fresh the page's figures are: so that a worker that lags is never taken for a group that is behind.

A pure judgement of what was measured (lag.py, reader.py). Lives here: the states and their thresholds. Not here: how
anything is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from streams.core.events import Day

State = Literal["fresh", "reading", "catching_up", "behind", "day_behind", "no_worker", "unreachable"]
BEHIND_FROM_SECONDS = 10.0  # what waits for less is on its way
SILENT_FROM_SECONDS = 5.0  # Kafka is not given up for one slow answer
DAY_GRACE_SECONDS = 120.0  # after the day turned, for the accounts to be told anew
SAMPLES_KEPT = 4_000


class Ends(NamedTuple):
    """The ends of the input partitions at one time."""

    at: float  # seconds, of any clock that doesn't go back
    offsets: dict[tuple[str, int], int]


class Waiting:
    """How long what waits in the inputs has waited, found without reading it: from how the ends moved."""

    def __init__(self) -> None:
        self._ends: list[Ends] = []

    def seen(self, ends: Ends) -> None:
        """Remember where the inputs ended at a time; equal neighbours are one."""
        if len(self._ends) > 1 and self._ends[-1].offsets == self._ends[-2].offsets == ends.offsets:
            self._ends[-1] = ends
            return
        self._ends.append(ends)
        del self._ends[: -SAMPLES_KEPT // 2 if len(self._ends) > SAMPLES_KEPT else 0]

    def seconds(self, taken_in: dict[tuple[str, int], int], now: float) -> float:
        """Return for how long, at most, the oldest record that workers have not taken in has waited; 0 if none.

        What waited when the first sample was taken has waited since then at least, and counts from then.
        """
        if not self._ends or _covers(taken_in, self._ends[-1].offsets):
            return 0.0
        passed = [ends.at for ends in self._ends if _covers(taken_in, ends.offsets)]
        return now - (passed[-1] if passed else self._ends[0].at)


def _covers(taken_in: dict[tuple[str, int], int], ends: dict[tuple[str, int], int]) -> bool:
    return all(taken_in.get(partition, 0) >= end for partition, end in ends.items())


class Measured(NamedTuple):
    """What freshness is judged by; None where it could not be measured (no right to, or not yet)."""

    reading_left: int  # records of the outputs that the page itself has not read
    read_once: bool  # whether it has come to the outputs' ends since it started
    silent_seconds: float  # since Kafka answered last
    waiting_records: int | None = None  # in the inputs, not taken in by workers
    waiting_seconds: float | None = None
    workers: int | None = None
    decided_at: str | None = None
    day_told: Day | None = None  # of accounts that every day tells; None where there are none
    today: Day | None = None  # None where the day stands (a replay)
    today_for_seconds: float = 0.0


def judge(measured: Measured) -> State:
    """Return the state of the page's figures; the worst that applies."""
    if measured.silent_seconds > SILENT_FROM_SECONDS:
        return "unreachable"
    if not measured.read_once:
        return "reading"
    if measured.workers == 0:
        return "no_worker"
    waiting = bool(measured.waiting_records)
    if waiting and (measured.waiting_seconds or 0.0) > BEHIND_FROM_SECONDS:
        return "behind"
    if _day_is_behind(measured):
        return "day_behind"
    return "catching_up" if waiting or measured.reading_left else "fresh"


def _day_is_behind(measured: Measured) -> bool:
    if measured.today is None or measured.day_told is None:
        return False
    return measured.day_told < measured.today and measured.today_for_seconds > DAY_GRACE_SECONDS


def value(measured: Measured) -> dict[str, Any]:
    """Return the judgement and what it is made of, as the page and the API have it."""
    state = judge(measured)
    figures = measured._asdict()
    for name in ("day_told", "today", "today_for_seconds", "read_once"):
        del figures[name]
    for name in ("silent_seconds", "waiting_seconds"):
        if figures[name] is not None:
            figures[name] = round(figures[name], 1)
    return {"state": state, "trusted": state in {"fresh", "catching_up"}, **figures}
