"""What one group costs grows with its policies and its money, not with their square: else it holds up all others."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.model.wire import (
    adjusted,
    levy,
    opened,
    policy,
    rate,
    remittance,
    resumed,
    revoked,
    rules,
    suspended,
    target,
)
from tests.property.core import Core, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Message = dict[str, Any]

DAY = date(2026, 8, 1)
FEW, MANY = 75, 300
MINE = {"scope": {"group_id": "g"}}
# Four times as many cost four times as much, or a little more where they are sorted; a square would be 16.
MOST_GROWTH = 5.5


def day(number: int, year: int = 2026) -> str:
    """Return a day of a year, or of those after it."""
    return (date(year, 1, 2) + timedelta(number)).isoformat()


def soon(number: int) -> str:
    """Return one of ten days, on which policies are issued."""
    return day(number % 10)


def a_levy(number: int) -> Message:
    """Return one of many levies, of which most are behind."""
    return levy(1_000 + number, soon(number), "2026-03-01", "2026-12-31", levy_id=f"l{number}", **MINE)


def a_suspension(number: int) -> Message:
    """Return one of many suspensions of a day, in any year."""
    return suspended(1_000 + number, soon(number), day(3 * number, 2000), day(3 * number + 1, 2000), **MINE)


def a_rate(number: int) -> Message:
    """Return one of many rates."""
    return rate(1_000 + number, "EUR", "USD", "1.1", day(number, 2024))


KINDS: dict[str, Callable[[int], Iterable[Message]]] = {
    "levies": lambda n: [a_levy(n)],
    "levies that are paid": lambda n: [a_levy(n), remittance(n, "2026-04-01", "5.00", levy=f"l{n}")],
    "levies that are lifted": lambda n: [
        a_levy(n), policy(9_000 + n, "levy_lifted", "2026-02-01", levy_id=f"l{n}", effective_on="2026-07-01"),
    ],
    "levies that are revoked": lambda n: [a_levy(n), revoked(9_000 + n, "2026-05-01", 1_000 + n)],
    "money for levies that nobody imposed": lambda n: [remittance(n, "2026-04-01", "5.00", levy=f"l{n}")],
    "suspensions": lambda n: [a_suspension(n)],
    "suspensions that end": lambda n: [
        a_suspension(n), resumed(9_000 + n, soon(n), 1_000 + n, day(3 * n + 1, 2000), **MINE)
    ],
    "factors": lambda n: [adjusted(1_000 + n, soon(n), "2026-02-01", factor="0.999", **MINE)],
    "deltas": lambda n: [adjusted(1_000 + n, soon(n), day(n % 300), delta="-1.00", currency="USD", **MINE)],
    "headcounts": lambda n: [
        policy(1_000 + n, "headcount_changed", soon(n), group_id="g", headcount=n, effective_on=day(n, 2025))
    ],
    "alert rules": lambda n: [rules(1_000 + n, day(n % 300), soon(n), warning_below=f"0.{50 + n % 40}", **MINE)],
    "targets": lambda n: [target(1_000 + n, f"{n + 1}.00", soon(n))],
    "rates": lambda n: [a_rate(n), remittance(n, "2026-04-01", "5.00", "EUR")],
    "rates that are revoked": lambda n: [a_rate(n), revoked(9_000 + n, "2026-05-01", 1_000 + n)],
    "remittances": lambda n: [remittance(n, day(n % 20), "5.00")],
}  # fmt: skip


class Lines:
    """Counts the lines of the core that run, each turn of a loop for itself: work that no other load changes."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _call(self, frame: Any, _event: str, _arg: object) -> Any:
        return self._line if "/streams/core/" in frame.f_code.co_filename else None

    def _line(self, _frame: object, event: str, _arg: object) -> Any:
        self.count += event == "line"
        return self._line


def work(kind: str, how_many: int) -> list[int]:
    """Return what it costs to learn of so many, to tell of them, and to tell again when a little came."""
    many = [message for number in range(how_many) for message in KINDS[kind](number)]
    messages = [opened(day="2000-01-01"), target(amount="36500000.00"), *many]
    core, told = Core(), Told()
    costs = []
    for news in messages, [remittance(100_000, "2026-07-03", "7.00")], [opened(5, issued="2026-07-04", headcount=2)]:
        with Lines() as lines:
            for message in news:
                core.fold(message)
            core.tell(told, DAY)
            core.statuses(DAY)
        costs.append(lines.count)
    return costs


@pytest.mark.parametrize("kind", KINDS)
def test_the_work_grows_with_how_many_there_are(kind: str) -> None:
    """10,000 levies of one group held a worker up for 20 seconds, and again with each remittance of that group."""
    few, many = work(kind, FEW), work(kind, MANY)
    grown = [after / before for before, after in zip(few, many, strict=True)]
    assert all(growth < MOST_GROWTH for growth in grown), grown
