"""All that is known from one set of messages: facts whenever they came, decrees since they were issued."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from itertools import accumulate

from tests.model.messages import Policy, Remittance, digits_of, policy_of, remittance_of, usable

ONE_DAY = timedelta(days=1)
NAMING = {"group_opened", "group_closed", "target_set", "headcount_changed"}


def days_of(year: int) -> list[date]:
    """All days of a year."""
    first = date(year, 1, 1)
    return [first + n * ONE_DAY for n in range((date(year + 1, 1, 1) - first).days)]


@dataclass(eq=False)
class Purse:
    """The money of one account, booked in its currency; what waits for a rate is not in it."""

    year: int
    counted: list[tuple[date, Fraction, Remittance]] = field(default_factory=list)
    _best: dict[date, Fraction] | None = None
    _received: dict[date, Fraction] = field(default_factory=dict)

    def received(self, until: date) -> Fraction:
        """R: the money of days up to and including this one."""
        if until not in self._received:
            self._received[until] = sum((amount for day, amount, _ in self.counted if day <= until), Fraction())
        return self._received[until]

    def best(self, before: date) -> Fraction:
        """Find the highest average of 30 days running within the year that end before this day (0 without any)."""
        if self._best is None:
            days = days_of(self.year)
            windows = [
                self.received(days[last]) - self.received(days[last - 29] - ONE_DAY) for last in range(29, len(days))
            ]
            highest = accumulate(windows, max)
            self._best = {day: total / 30 for day, total in zip(days[29:], highest, strict=True)}
        return self._best.get(before - ONE_DAY, Fraction())


class Known:
    """What the usable messages say, with nothing judged yet."""

    def __init__(self, messages, minor_digits=None) -> None:
        self._minor_digits = minor_digits or {}
        messages = usable(messages)
        self.policies = [policy_of(m) for m in messages if "policy_id" in m]
        self.revocations = [p for p in self.policies if p.type == "revoked"]
        self.decrees = [p for p in self.policies if p.type not in ("revoked", "exchange_rate_set")]
        never = {p.says["revokes"] for p in self.revocations}
        rates = [p for p in self.policies if p.type == "exchange_rate_set"]
        self.rates = [p for p in rates if p.policy_id not in never]
        self.all_remittances = [remittance_of(m) for m in messages if m["type"] == "remittance"]
        reversed_ids = {(m["group_id"], m["reverses"].lower()) for m in messages if m["type"] == "reversal"}
        self.remittances = [r for r in self.all_remittances if (r.group_id, r.event_id) not in reversed_ids]
        self._in_force: dict[date, tuple[Policy, ...]] = {}
        self._purses: dict[tuple, Purse] = {}

    def groups(self) -> set[str]:
        """Every group that a policy of its own or a remittance names."""
        named = {p.says["group_id"] for p in self.policies if p.type in NAMING}
        return named | {r.group_id for r in self.all_remittances}

    def years(self) -> set[int]:
        """Every plan year that anything names."""
        targets = {p.says["plan_year"] for p in self.policies if p.type == "target_set"}
        levies = {p.says["from_day"].year for p in self.policies if p.type == "levy_imposed"}
        return targets | levies | {r.day.year for r in self.all_remittances}

    def in_force(self, day: date) -> tuple[Policy, ...]:
        """List the decrees issued by this day that no revocation issued by this day names."""
        if day not in self._in_force:
            gone = {p.says["revokes"] for p in self.revocations if p.issued_on <= day}
            self._in_force[day] = tuple(p for p in self.decrees if p.issued_on <= day and p.policy_id not in gone)
        return self._in_force[day]

    def rate(self, a: str, b: str, day: date) -> Fraction | None:
        """How many b one a is worth on a day; None where nobody said."""
        if a == b:
            return Fraction(1)
        between = [
            p for p in self.rates if {p.says["currency"], p.says["per"]} == {a, b} and p.says["effective_on"] <= day
        ]
        if not between:
            return None
        newest = max(between, key=lambda p: p.rank)
        return newest.says["rate"] if newest.says["currency"] == a else 1 / newest.says["rate"]

    def purse(self, group_id: str, year: int, levy_id: str | None, currency: str) -> Purse:
        """Book the money of one account at the rates of its own days, rounded to the minor unit."""
        key = (group_id, year, levy_id, currency)
        if key not in self._purses:
            purse = self._purses[key] = Purse(year)
            for r in self.remittances:
                if (r.group_id, r.day.year, r.levy_id) != (group_id, year, levy_id):
                    continue
                rate = self.rate(r.currency, currency, r.day)
                if r.currency == currency:
                    purse.counted.append((r.day, r.amount, r))
                elif rate is not None:
                    purse.counted.append((r.day, self.rounded(r.amount * rate, currency), r))
        return self._purses[key]

    def digits(self, currency: str) -> int:
        """How many decimals a currency has."""
        return self._minor_digits[currency] if currency in self._minor_digits else digits_of(currency)

    def rounded(self, amount: Fraction, currency: str) -> Fraction:
        """Round half to even, to the currency's minor unit."""
        unit = 10 ** self.digits(currency)
        return Fraction(round(amount * unit), unit)

    def money(self, amount: Fraction | None, currency: str) -> str | None:
        """Write an amount with its currency's decimals, rounded once, half to even."""
        return decimal_text(amount, self.digits(currency))


def decimal_text(value: Fraction | None, decimals: int) -> str | None:
    """Write a number with so many decimals, half to even; null stays null, and zero has no sign."""
    if value is None:
        return None
    units = round(value * 10**decimals)
    digits = str(abs(units)).rjust(decimals + 1, "0")
    sign = "-" if units < 0 else ""
    return sign + (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits)


def ratio(over: Fraction, under: Fraction) -> Fraction | None:
    """Divide; what would be divided by 0 is null."""
    return over / under if under else None
