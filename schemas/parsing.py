"""What the wire's texts mean: the patterns of times, days, decimals and names, and the values that they stand for.

The parsers take text that matches its pattern; what the pattern cannot say (a 30 February) is their ValueError.
"""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Final

NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$"
UUID: Final = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
DAY: Final = r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
# The year is not held to 20xx here: the UTC day decides, and an offset moves it over midnight of a new year.
TIME: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
MONEY: Final = r"^[0-9]{1,18}(\.[0-9]+)?$"
SIGNED_MONEY: Final = r"^-?[0-9]{1,18}(\.[0-9]+)?$"
DECIMAL: Final = r"^-?[0-9]{1,9}(\.[0-9]{1,9})?$"
CURRENCY: Final = r"^[A-Z]{3}$"

MEANING: Final = {
    NAME: "not 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit",
    UUID: "not a uuid in its form of 36 characters",
    DAY: "not a day from 2000-01-01 to 2099-12-31",
    TIME: "not an RFC 3339 time with an offset",
    MONEY: "not a decimal text with at most 18 digits before the point",
    SIGNED_MONEY: "not a decimal text with at most 18 digits before the point",
    DECIMAL: "not a decimal text with at most 9 digits before the point and 9 after",
    CURRENCY: "not three capital letters",
}
"""What is wrong with a text that does not match a pattern, for people."""

FIRST_DAY: Final = date(2000, 1, 1).toordinal()
LAST_DAY: Final = date(2099, 12, 31).toordinal()
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_SECOND_US: Final = 1_000_000
FIRST_US: Final = (FIRST_DAY - _EPOCH_DAY) * 86_400 * _SECOND_US
END_US: Final = (LAST_DAY + 1 - _EPOCH_DAY) * 86_400 * _SECOND_US

_FRACTION_AND_OFFSET: Final = re.compile(r"(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))")


@lru_cache(1 << 14)
def day_ordinal(text: str) -> int:
    """Return the ordinal of a day such as 2026-06-01."""
    return date(int(text[:4]), int(text[5:7]), int(text[8:10])).toordinal()


def time_us(text: str) -> int:
    """Return the microseconds since 1970-01-01T00:00Z of an RFC 3339 time; decimals beyond microseconds are cut."""
    tail = _FRACTION_AND_OFFSET.fullmatch(text, 19)
    if tail is None:
        raise ValueError(MEANING[TIME])
    fraction, sign, hours, minutes = tail.groups()
    seconds = (day_ordinal(text[:10]) - _EPOCH_DAY) * 86_400
    seconds += int(text[11:13]) * 3_600 + int(text[14:16]) * 60 + int(text[17:19])
    if sign:
        offset = int(hours) * 3_600 + int(minutes) * 60
        seconds += offset if sign == "-" else -offset
    return seconds * _SECOND_US + (int(fraction[:6].ljust(6, "0")) if fraction else 0)


def decimals_of(text: str) -> int:
    """Return how many digits a decimal text has after its point."""
    return len(text) - text.index(".") - 1 if "." in text else 0


def minor_units(text: str, digits: int) -> int:
    """Return an amount in minor units of a currency with `digits` decimals, none of them cut."""
    missing = digits - decimals_of(text)
    if missing < 0:
        raise ValueError("more decimals than the currency has")
    return int(text.replace(".", "") + "0" * missing)


def fraction(text: str) -> Fraction:
    """Return the exact value of a decimal text."""
    return Fraction(int(text.replace(".", "")), 10 ** decimals_of(text))
