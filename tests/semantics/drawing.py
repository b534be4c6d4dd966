"""Draws a scenario's year: what was due and what came in, day by day as known on each day, and the alerts below."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.years import plan_year
from tests.scenarios.playing import World, happened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.core.history import Episode
    from tests.scenarios.playing import Scenario

WIDTH, TOP, HEIGHT = 800, 26, 250
LEFT, RIGHT = 70, 12
ROW = 18
COLOURS = {"warning": "#e69f00", "critical": "#c0392b"}
LINES = (
    ("adjusted_target", "#777", "2 3", "T, the target as decreed by that day"),
    ("expected_to_date", "#1f5fa8", "", "E, due by that day"),
    ("remitted_to_date", "#2e8b57", "", "R, received"),
)


class Frame(NamedTuple):
    """Where days and amounts are on the paper."""

    first: int
    days: int
    highest: float

    def x(self, day: int) -> float:
        """Return where a day begins."""
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (day - self.first) / self.days, 1)

    def y(self, amount: float) -> float:
        """Return where an amount is."""
        return round(TOP + HEIGHT * (1 - amount / self.highest), 1)


def drawn(scenario: Scenario) -> str:
    """Return a scenario's year as SVG."""
    year = plan_year(scenario.looks[0].year)
    world = World(happened(scenario))
    days = range(year.first, year.after + 1)
    statuses: list[dict[str, Any]] = [world.account(scenario.looks[0], day).status for day in days]
    highest = max(float(status["adjusted_target"]) for status in statuses)
    frame = Frame(year.first, year.days, highest * 1.05)
    account = world.account(scenario.looks[0], year.after)
    parts = [
        *_calendar(frame, year.year), *_inactive(frame, statuses),
        *(part for at, line in enumerate(LINES) for part in _line(frame, statuses, at, *line)),
        *_episodes(frame, account.episodes),
    ]  # fmt: skip
    rows = len({episode.kind for episode in account.episodes})
    height = TOP + HEIGHT + 30 + ROW * rows
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="11" role="img"><title>{scenario.title}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def _calendar(frame: Frame, year: int) -> list[str]:
    parts = []
    for month in range(1, 13):
        at = date(year, month, 1)
        x = frame.x(at.toordinal())
        parts.append(f'<path d="M{x} {TOP}V{TOP + HEIGHT}" stroke="#eee"/>')
        parts.append(f'<text x="{x + 4}" y="{TOP + HEIGHT + 14}" fill="#555">{at:%b}</text>')
    for amount in range(0, int(frame.highest) + 1, 100_000):
        y = frame.y(amount)
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end" fill="#555">{amount:,}</text>')
    return parts


def _inactive(frame: Frame, statuses: Sequence[dict[str, Any]]) -> list[str]:
    idle = [frame.first + at for at, status in enumerate(statuses) if status["level"] == "inactive"]
    if not idle:
        return []
    x, after = frame.x(idle[0]), frame.x(idle[-1] + 1)
    return [
        f'<rect x="{x}" y="{TOP}" width="{round(after - x, 1)}" height="{HEIGHT}" fill="#f0e6f6"/>',
        f'<text x="{x + 2}" y="{TOP + HEIGHT - 6}" fill="#7d5a96">inactive</text>',
    ]


def _line(
    frame: Frame, statuses: Sequence[dict[str, Any]], at: int, name: str, colour: str, dash: str, legend: str
) -> list[str]:
    """Draw a figure of the status as steps, and name it above."""
    values = [float(status[name]) for status in statuses]
    points = [f"M{frame.x(frame.first)} {frame.y(values[0])}"]
    for day, (before, value) in enumerate(pairwise(values), start=frame.first + 1):
        if value != before:
            points.append(f"H{frame.x(day)}V{frame.y(value)}")
    points.append(f"H{frame.x(frame.first + frame.days)}")
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    x = LEFT + at * 240
    return [
        f'<path d="{"".join(points)}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>',
        f'<path d="M{x} 12h22" stroke="{colour}" stroke-width="2"{dashes}/>',
        f'<text x="{x + 28}" y="16">{legend}</text>',
    ]


def _episodes(frame: Frame, episodes: Sequence[Episode]) -> list[str]:
    """Draw each kind's episodes in a row of its own, in the colour of their severity; a tick where they changed."""
    parts = []
    end = frame.first + frame.days
    for row, kind in enumerate(dict.fromkeys(episode.kind for episode in episodes)):
        y = TOP + HEIGHT + 24 + row * ROW
        parts.append(f'<text x="4" y="{y + 10}">{kind}</text>')
        for episode in (each for each in episodes if each.kind == kind):
            until = end if episode.is_open else episode.history[-1].on_day
            x = min(frame.x(episode.opened_on), WIDTH - RIGHT - 3.0)
            wide = max(3.0, round(frame.x(until) - x, 1))
            colour = COLOURS[episode.severity]
            parts.append(f'<rect x="{x}" y="{y}" width="{wide}" height="12" fill="{colour}"/>')
            parts += [
                f'<path d="M{frame.x(step.on_day)} {y - 2}v16" stroke="#000"/>'
                for step in episode.history[1:]
                if step.transition == "retargeted"
            ]
    return parts
