"""Sums over groups, kept as statuses come and go: by plan year, currency and region, in minor units.

Lives here: exact sums that reconcile (overall is the sum of its regions, regions of their groups). Not here: which
statuses there are (board.py).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.currencies import MINOR_DIGITS
from streams.core.money import ratio_text
from streams.questions.amounts import SUMMED, Sums

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.web.messages import StatusRow

SHOWN = (*SUMMED, "surplus")


class Place(NamedTuple):
    """What a sum is over; a group without a target has no currency."""

    plan_year: int
    currency: str | None
    region: str | None


class _Totals:
    """The groups of one place."""

    def __init__(self, currency: str | None) -> None:
        self.groups = 0
        self.without_effects = 0  # whose first plan has no exchange rate yet: in neither effect
        self.levels: Counter[str] = Counter()
        self.figures = Sums(SHOWN, 0 if currency is None else MINOR_DIGITS[currency])

    def add(self, row: StatusRow, sign: int) -> None:
        self.groups += sign
        self.levels[row.level] += sign
        if row.currency is not None and row.policy_effect is None:
            self.without_effects += sign
        self.figures.add({name: getattr(row, name) for name in SHOWN}, sign)

    def take(self, other: _Totals) -> None:
        self.groups += other.groups
        self.without_effects += other.without_effects
        self.levels.update(other.levels)
        self.figures.take(other.figures)


class RollUps:
    """Every sum, in step with the statuses."""

    def __init__(self) -> None:
        self._places: dict[Place, _Totals] = {}

    def add(self, row: StatusRow, sign: int = 1) -> None:
        """Count a status, or (sign -1) count it no longer."""
        place = Place(row.plan_year, row.currency, row.region)
        totals = self._places.setdefault(place, _Totals(place.currency))
        totals.add(row, sign)
        if not totals.groups:
            del self._places[place]

    def plan_years(self) -> list[int]:
        """Return the plan years that there are statuses of, the newest first."""
        return sorted({place.plan_year for place in self._places}, reverse=True)

    def regions(self) -> list[dict[str, Any]]:
        """Return a sum for each plan year, currency and region."""
        return [_value(place, self._places[place]) for place in _in_order(self._places)]

    def overall(self) -> list[dict[str, Any]]:
        """Return a sum for each plan year and currency."""
        whole: dict[Place, _Totals] = {}
        for place, totals in self._places.items():
            whole.setdefault(place._replace(region=None), _Totals(place.currency)).take(totals)
        return [_value(place, whole[place]) for place in _in_order(whole)]


def _in_order(places: Iterable[Place]) -> list[Place]:
    return sorted(places, key=lambda place: (-place.plan_year, place.currency or "~", place.region or "~"))


def _value(place: Place, totals: _Totals) -> dict[str, Any]:
    texts: dict[str, str | None] = dict.fromkeys(SHOWN)
    attained = None
    if place.currency is not None:
        figures = totals.figures
        texts |= figures.texts()
        attained = ratio_text(figures["remitted_to_date"], figures["expected_to_date"])
    return {
        **place._asdict(),
        "groups": totals.groups,
        "levels": {level: count for level, count in sorted(totals.levels.items()) if count},
        **texts,
        "attainment_to_date": attained,
        "without_effects": totals.without_effects,
    }
