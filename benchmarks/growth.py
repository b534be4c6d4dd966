"""What growth costs: several sizes side by side, as a table and as a plot; `make bench-scale ARGS=--growth`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.figures import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.scale import Measured

PLOT = PAGE.with_name("growth.svg")
LEAST = 0.5  # of the best: what is below is a cliff


class Size(NamedTuple):
    """How much there is."""

    groups: int
    each: int  # remittances a group
    policies: int  # for all, in force

    @property
    def events(self) -> int:
        """All remittances."""
        return self.groups * self.each

    def __str__(self) -> str:
        return f"{self.groups:,} x {self.each:,}, {self.policies:,} policies"


#: 100 groups with 10 remittances are too few to be measured, 1,000,000 with 10,000 more than a disk holds. Under
#: 1,000 policies an episode has a history of hundreds of transitions, which a worker can't hold for 1,000,000 groups.
SIZES = (
    Size(100, 10_000, 10),
    Size(100, 10_000, 1_000),
    Size(10_000, 10, 10),
    Size(10_000, 10, 1_000),
    Size(10_000, 100, 10),
    Size(10_000, 100, 1_000),
    Size(1_000_000, 10, 10),
    Size(10_000, 10_000, 10),
)


class Measure(NamedTuple):
    """One figure of a size, a CPU second; 0 where it took too little to be measured."""

    name: str
    of: Callable[[Measured], float]


MEASURES = (
    Measure("remittances folded", lambda said: said.a_cpu_second(size_of(said).events, "folded")),
    Measure("remittances folded and told", lambda said: said.a_cpu_second(size_of(said).events, "folded", "told")),
    Measure("groups told of a whole year", lambda said: said.a_cpu_second(said.groups, "told")),
    Measure("groups told of a policy for all", lambda said: said.a_cpu_second(said.groups, "policy for all, 2")),
)


def report(sizes: list[Measured], left_out: list[Size]) -> Iterator[str]:
    """Yield the table, the plot, and for each figure the sizes at which it is below half of the best."""
    yield "A CPU second of the worker, all threads; one live worker, one run of each size."
    yield ""
    yield f"| groups | remittances a group | policies for all | {' | '.join(measure.name for measure in MEASURES)} |"
    yield f"| --- | --- | --- |{' --- |' * len(MEASURES)}"
    for said in sizes:
        figures = (_shown(measure.of(said)) for measure in MEASURES)
        yield f"| {said.groups:,} | {said.each:,} | {said.policies:,} | {' | '.join(figures)} |"
    yield ""
    yield f"![Each figure at each size; the line is half of the best]({PLOT.name})"
    yield ""
    for measure in MEASURES:
        low = below_half(measure, sizes)
        yield f"- {measure.name}: below half of the best at {'; '.join(low) if low else 'no size'}"
    if left_out:
        yield f"- not measured: {'; '.join(map(str, left_out))}"


def below_half(measure: Measure, sizes: list[Measured]) -> list[str]:
    """Return the sizes at which a figure is below half of the best, and what part of it."""
    figures = {size_of(said): measure.of(said) for said in sizes}
    best = max(figures.values())
    return [f"{size} ({figure / best:.2f})" for size, figure in figures.items() if 0 < figure < LEAST * best]


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure else "too little to be measured"


def size_of(said: Measured) -> Size:
    """Return the size that was measured."""
    return Size(said.groups, said.each, said.policies)


WIDTH, LEFT, RIGHT = 760, 230, 90
TITLE, ROW, GAP = 24, 20, 14
COLOUR, LOW_COLOUR = "#1f5fa8", "#c0392b"


def drawn(sizes: list[Measured]) -> str:
    """Return the plot as SVG: bars for each figure, a line at half of the best, and in red what doesn't reach it."""
    panel = TITLE + ROW * len(sizes) + GAP
    height = panel * len(MEASURES)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">',
        "<style>text {font-family: sans-serif; font-size: 11px}</style>",
        "<title>Each figure, at each size</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for at, measure in enumerate(MEASURES):
        parts += _panel(measure, sizes, at * panel)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(measure: Measure, sizes: list[Measured], top: int) -> Iterator[str]:
    best = max(measure.of(said) for said in sizes) or 1.0
    wide = WIDTH - LEFT - RIGHT
    yield f'<text x="{LEFT}" y="{top + 16}" font-weight="bold">{measure.name} a CPU second</text>'
    for row, said in enumerate(sizes):
        figure, y = measure.of(said), top + TITLE + row * ROW
        long = round(max(1.0, wide * figure / best), 1)
        colour = LOW_COLOUR if 0 < figure < LEAST * best else COLOUR
        yield f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{size_of(said)}</text>'
        yield f'<rect x="{LEFT}" y="{y + 2}" width="{long}" height="{ROW - 6}" fill="{colour}"/>'
        yield f'<text x="{LEFT + long + 6}" y="{y + 12}" fill="#555">{_shown(figure)}</text>'
    half = round(LEFT + wide * LEAST, 1)
    yield f'<path d="M{half} {top + TITLE - 2}v{ROW * len(sizes)}" stroke="#000" stroke-dasharray="3 3"/>'
