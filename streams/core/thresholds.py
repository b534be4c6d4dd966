"""The thresholds of a day, each field by itself from the newest alert rules that name it ("Alerts")."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.events import AlertRulesSet, Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streams.core.events import Day

ONE = Fraction(1)
FIELDS = tuple(
    field.name
    for field in fields(AlertRulesSet)
    if field.name not in {*(own.name for own in fields(Policy)), "scope", "effective_on"}
)


class _Named(NamedTuple):
    """The thresholds that alert rules name; ratios are exact, days are counts."""

    warning_below: Fraction = Fraction(90, 100)
    critical_below: Fraction = Fraction(75, 100)
    margin: Fraction = Fraction(5, 100)
    slack_days: int = 0
    for_days: int = 1
    grace_days: int = 30
    levy_grace_days: int = 7
    unreachable_factor: Fraction = Fraction(2)
    unreachable_grace_days: int = 90
    silent_days: int = 35


class Thresholds(_Named):
    """What alerts are judged by; what follows from the thresholds that are named is worked out once."""

    @cached_property
    def critical(self) -> Fraction:
        """critical_below as taken: never above warning_below."""
        return min(self.critical_below, self.warning_below)

    @cached_property
    def eased(self) -> Fraction:
        """The ratio from which a critical episode is a warning again."""
        return self.critical + self.margin

    @cached_property
    def recovered(self) -> Fraction:
        """The ratio from which an episode is resolved."""
        return min(ONE, self.warning_below + self.margin)


DEFAULTS = Thresholds()


def thresholds_on(rules: Sequence[AlertRulesSet], day: Day) -> Thresholds:
    """Return the thresholds of a day under the rules in force, given in ascending rank."""
    return next(thresholds_of(rules, (day,)))


def thresholds_of(rules: Iterable[AlertRulesSet], days: Iterable[Day]) -> Iterator[Thresholds]:
    """Yield the thresholds of each of some ascending days under the rules in force, given in ascending rank."""
    coming = iter(rules)
    rule = next(coming, None)
    held = DEFAULTS
    for day in days:
        named: dict[str, Any] = {}  # a ratio or a count, as Thresholds has it
        while rule is not None and rule.effective_on <= day:  # that day comes first in the rank
            named |= {name: value for name in FIELDS if (value := getattr(rule, name)) is not None}
            rule = next(coming, None)
        if named:
            held = held._replace(**named)
        yield held
