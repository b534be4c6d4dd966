"""Which currencies money can be in: those of ISO 4217 that have a minor unit, as the library `iso4217` lists them.

Funds, metals and test codes (XDR, XAU, XTS, XXX, ...) have none: an amount in them has no smallest step to count in.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from iso4217 import Currency

if TYPE_CHECKING:
    from collections.abc import Mapping

MINOR_DIGITS: Final[Mapping[str, int]] = MappingProxyType(
    {currency.code: int(currency.exponent) for currency in Currency if currency.exponent is not None},
)
