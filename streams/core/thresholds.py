"""The thresholds of a day, each field by itself from the newest alert rules that name it ("Alerts")."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import fields
from fractions import Fraction
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.events import AlertRulesSet, Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Judging:
    """The thresholds after each of some rules; sets of rules that follow each other have most of them in common."""

    def __init__(self) -> None:
        self._rules: list[AlertRulesSet] = []
        self._after: list[Thresholds] = []

    def on(self, rules: Sequence[AlertRulesSet], day: Day) -> Thresholds:
        """Return the thresholds of a day under the rules in force, given in ascending rank."""
        count = bisect_right(rules, day, key=_EFFECTIVE_ON)  # that day comes first in the rank
        if self._rules[:count] != rules[:count]:
            known = len(self._rules)
            while self._rules[:known] != rules[: min(known, count)]:
                known //= 2
            del self._rules[known:], self._after[known:]
            for rule in rules[known:count]:
                self._rules.append(rule)
                self._after.append(_renamed(self._after[-1] if self._after else DEFAULTS, rule))
        return self._after[count - 1] if count else DEFAULTS


_EFFECTIVE_ON = attrgetter("effective_on")


def _renamed(held: Thresholds, rule: AlertRulesSet) -> Thresholds:
    # a ratio or a count, as Thresholds has it
    named: dict[str, Any] = {name: value for name in FIELDS if (value := getattr(rule, name)) is not None}
    return held._replace(**named) if named else held
