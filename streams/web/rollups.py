"""Sums over groups, kept as statuses come and go: by plan year, currency and region, in minor units.

Lives here: exact sums that reconcile (overall is the sum of its regions, regions of their groups). Not here: which
statuses there are (board.py).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.currencies import MINOR_DIGITS
from streams.core.money import decimal_text, ratio_text
from streams.questions.amounts import minor_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.web.messages import StatusRow

SUMMED = (
    "original_target",
    "adjusted_target",
    "expected_to_date",
    "remitted_to_date",
    "shortfall",
    "surplus",
    "policy_effect",
    "remittance_effect",
)


class Place(NamedTuple):
    """What a sum is over; a group without a target has no currency."""

    plan_year: int
    currency: str | None
    region: str | None


class _Sums:
    """The groups of one place."""

    def __init__(self) -> None:
        self.groups = 0
        self.without_effects = 0  # whose first plan has no exchange rate yet: in neither effect
        self.levels: Counter[str] = Counter()
        self.totals = dict.fromkeys(SUMMED, 0)

    def add(self, row: StatusRow, sign: int) -> None:
        self.groups += sign
        self.levels[row.level] += sign
        if row.currency is not None and row.policy_effect is None:
            self.without_effects += sign
        for name in SUMMED:
            text = getattr(row, name)
            if text is not None:
                self.totals[name] += sign * minor_of(text)

    def take(self, other: _Sums) -> None:
        self.groups += other.groups
        self.without_effects += other.without_effects
        self.levels.update(other.levels)
        for name in SUMMED:
            self.totals[name] += other.totals[name]


class RollUps:
    """Every sum, in step with the statuses."""

    def __init__(self) -> None:
        self._places: dict[Place, _Sums] = {}

    def add(self, row: StatusRow, sign: int = 1) -> None:
        """Count a status, or (sign -1) count it no longer."""
        place = Place(row.plan_year, row.currency, row.region)
        sums = self._places.setdefault(place, _Sums())
        sums.add(row, sign)
        if not sums.groups:
            del self._places[place]

    def plan_years(self) -> list[int]:
        """Return the plan years that there are statuses of, the newest first."""
        return sorted({place.plan_year for place in self._places}, reverse=True)

    def regions(self) -> list[dict[str, Any]]:
        """Return a sum for each plan year, currency and region."""
        return [_value(place, self._places[place]) for place in _in_order(self._places)]

    def overall(self) -> list[dict[str, Any]]:
        """Return a sum for each plan year and currency."""
        whole: dict[Place, _Sums] = {}
        for place, sums in self._places.items():
            whole.setdefault(place._replace(region=None), _Sums()).take(sums)
        return [_value(place, whole[place]) for place in _in_order(whole)]


def _in_order(places: Iterable[Place]) -> list[Place]:
    return sorted(places, key=lambda place: (-place.plan_year, place.currency or "~", place.region or "~"))


def _value(place: Place, sums: _Sums) -> dict[str, Any]:
    texts: dict[str, str | None] = dict.fromkeys(SUMMED)
    attained = None
    if place.currency is not None:
        digits = MINOR_DIGITS[place.currency]
        texts = {name: decimal_text(total, digits) for name, total in sums.totals.items()}
        attained = ratio_text(sums.totals["remitted_to_date"], sums.totals["expected_to_date"])
    return {
        **place._asdict(),
        "groups": sums.groups,
        "levels": {level: count for level, count in sorted(sums.levels.items()) if count},
        **texts,
        "attainment_to_date": attained,
        "without_effects": sums.without_effects,
    }
