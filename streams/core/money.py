"""How exact figures become what people read: rounding half to even, amounts and ratios as text.

Lives here: rounding and formatting. Not here: exchange (rates.py) and what is counted (takings.py).
"""

from __future__ import annotations

from decimal import Decimal

RATIO_DECIMALS = 4
_RATIO_SCALE = 10**RATIO_DECIMALS
_USUAL = 1 << 64  # up to here the quick way
_SHORT_BITS = 10_000  # Python writes an int of at most 4300 digits; a target may be multiplied beyond that by decrees


def round_half_even(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded to an integer, ties to the even one; denominator > 0."""
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient & 1):
        return quotient + 1
    return quotient


def digits_of(number: int) -> str:
    """Return a whole number in decimal digits, however many."""
    return str(number if number.bit_length() < _SHORT_BITS else Decimal(number))


def decimal_text(units: int, decimals: int) -> str:
    """Return an integer of 10**-decimals units as a decimal string: (-1234, 2) is "-12.34"."""
    sign, units = ("-", -units) if units < 0 else ("", units)
    digits = str(units) if units < _USUAL else digits_of(units)
    if not decimals:
        return sign + digits
    if len(digits) <= decimals:
        digits = digits.rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def ratio_text(numerator: int, denominator: int) -> str | None:
    """Return a ratio with four decimals, half to even; None where it would be divided by 0."""
    if not denominator:
        return None
    return decimal_text(round_half_even(numerator * _RATIO_SCALE, denominator), RATIO_DECIMALS)


def grouped(text: str) -> str:
    """Return a decimal text with its thousands apart."""
    return f"{Decimal(text):,f}"  # not by way of an int: Python reads no more than 4,300 digits
