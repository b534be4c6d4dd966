"""Charts as inline SVG: lines over a year, and horizontal bars. No script, no font, nothing from elsewhere."""

from __future__ import annotations

from datetime import date
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 760
LEFT, RIGHT, TOP, BOTTOM = 96, 12, 10, 24
BAR_STEP = 22


class Line(NamedTuple):
    """One line of a chart; `style` is a class of the page's stylesheet."""

    name: str
    style: str
    values: Sequence[float]


class Bar(NamedTuple):
    """One bar: what it is of, its value, how that is written, its colour's class."""

    label: str
    value: float
    text: str
    style: str


def short(value: float) -> str:
    """Return a figure for an axis: 1.2M, 350k, 80."""
    for unit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:.3g}{sign}"
    return f"{value:.3g}"


def _round_step(highest: float) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that takes four to ten steps to the highest value."""
    step = 10.0 ** (len(str(max(1, int(highest)))) - 2)
    return next(step * times for times in (1, 2, 2.5, 5, 10, 20, 50, 100) if highest <= step * times * 6)


def line_chart(title: str, days: Sequence[str], lines: Sequence[Line]) -> str:
    """Return lines over days of a year, with a legend."""
    height = 260
    highest = max((value for line in lines for value in line.values), default=0) or 1
    step = _round_step(highest)
    ordinals = [date.fromisoformat(day).toordinal() for day in days]
    first, span = ordinals[0], max(1, ordinals[-1] - ordinals[0])
    top = step * -(-highest // step)

    def x(at: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (ordinals[at] - first) / span

    def y(value: float) -> float:
        return TOP + (height - TOP - BOTTOM) * (1 - value / top)

    parts = []
    for number in range(round(top / step) + 1):
        at = y(number * step)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(
            f'<text class="axis" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{short(number * step)}</text>'
        )
    for at, day in enumerate(days):
        if at == len(days) - 1 or x(at + 1) - x(at) > 40:
            anchor = "end" if at == len(days) - 1 else "middle"
            shown = date.fromisoformat(day)
            label = f"{shown.day} {shown:%b}"
            parts.append(f'<text class="axis" x="{x(at):.1f}" y="{height - 6}" text-anchor="{anchor}">{label}</text>')
    for line in lines:
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(line.values))
        parts.append(
            f'<polyline class="line {line.style}" points="{points}"><title>{escape(line.name)}</title></polyline>'
        )
    legend = "".join(f'<span class="key {line.style}">{escape(line.name)}</span>' for line in lines)
    return f"<figure>{_svg(title, height, parts)}<figcaption>{legend}</figcaption></figure>"


def bar_chart(title: str, bars: Sequence[Bar], mark: float | None = None) -> str:
    """Return horizontal bars from zero, to the left where negative; `mark` draws a line at a value."""
    height = BAR_STEP * len(bars) + 8
    low = min(0.0, *(bar.value for bar in bars), 0.0)
    high = max(0.0, mark or 0.0, *(bar.value for bar in bars)) or 1.0
    left, right = 190, 130
    scale = (WIDTH - left - right) / ((high - low) or 1)
    zero = left - low * scale
    parts = []
    for at, bar in enumerate(bars):
        y = 4 + at * BAR_STEP
        size = abs(bar.value) * scale
        start = zero - size if bar.value < 0 else zero
        parts.append(f'<text class="label" x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(bar.label)}</text>')
        parts.append(
            f'<rect class="bar {bar.style}" x="{start:.1f}" y="{y + 2}" width="{max(size, 1):.1f}" '
            f'height="{BAR_STEP - 6}"><title>'
            f"{escape(bar.label)}: {escape(bar.text)}</title></rect>"
        )
        parts.append(f'<text class="value" x="{WIDTH - right + 8}" y="{y + 14}">{escape(bar.text)}</text>')
    if mark is not None:
        at_mark = zero + mark * scale
        parts.append(f'<line class="mark" x1="{at_mark:.1f}" x2="{at_mark:.1f}" y1="0" y2="{height}"/>')
    return f"<figure>{_svg(title, height, parts)}</figure>"


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
