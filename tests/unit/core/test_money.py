"""Amounts as text, however large."""

import pytest

from streams.core.money import decimal_text, grouped

CASES = [
    (0, 2, "0.00"),
    (-1234, 2, "-12.34"),
    (7, 0, "7"),
    (-7, 0, "-7"),
    (-5, 3, "-0.005"),
    (10**9000 + 25, 2, f"1{'0' * 8997}0.25"),
    (-(10**9000), 0, f"-1{'0' * 9000}"),
]


@pytest.mark.parametrize(("units", "decimals", "text"), CASES, ids=[text[:8] for _, _, text in CASES])
def test_an_amount_of_any_size_is_written_in_full(units: int, decimals: int, text: str) -> None:
    """Python refuses to write over 4300 digits, and a few hundred decreed factors make a target that has more."""
    assert decimal_text(units, decimals) == text


@pytest.mark.parametrize(
    ("text", "apart"),
    [("1.00", "1.00"), ("123", "123"), ("-1234.5", "-1,234.5"), ("1234567890.25", "1,234,567,890.25")],
)
def test_thousands_stand_apart(text: str, apart: str) -> None:
    """Long amounts in sentences can be read."""
    assert grouped(text) == apart
