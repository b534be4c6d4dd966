"""Amounts of messages as integers of minor units, and sums of them that stay apart by currency.

Lives here: text to minor units, sums with their counts. Not here: how figures come about (streams.core).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from streams.core.money import decimal_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The figures of a status that add up over groups of one currency.
SUMMED = (
    "original_target",
    "adjusted_target",
    "expected_to_date",
    "remitted_to_date",
    "shortfall",
    "policy_effect",
    "remittance_effect",
)


def minor_of(text: str) -> int:
    """Return an amount of a message, which has all decimals of its currency, in minor units."""
    return int(Decimal(text.replace(".", "")))  # Python reads an int of at most 4300 digits


class Sums:
    """Sums of several figures over accounts of one currency; a figure that an account lacks adds nothing."""

    def __init__(self, fields: Iterable[str], decimals: int) -> None:
        self._totals = dict.fromkeys(fields, 0)
        self._decimals = decimals

    def add(self, figures: Mapping[str, object], sign: int = 1) -> None:
        """Add an account's figures, given as texts of messages; or (sign -1) take them out again."""
        for field in self._totals:
            text = figures[field]
            if text is not None:
                self._totals[field] += sign * minor_of(str(text))

    def take(self, other: Sums) -> None:
        """Add other sums of the same figures and currency."""
        for field in self._totals:
            self._totals[field] += other[field]

    def __getitem__(self, field: str) -> int:
        return self._totals[field]

    def texts(self) -> dict[str, str]:
        """Return the sums as they stand in messages."""
        return {field: decimal_text(total, self._decimals) for field, total in self._totals.items()}


def add_sums(into: dict[str, str], more: Mapping[str, str], digits: Mapping[str, int]) -> None:
    """Add amounts by currency, such as `unconverted`, to others."""
    for currency, text in more.items():
        total = minor_of(into.get(currency, "0")) + minor_of(text)
        into[currency] = decimal_text(total, digits[currency])
