"""Wire messages, parsed for the naive model: what equal means, what stands, what each kind says.

Written from the design alone; shares no code with streams/ or schemas/.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cached_property
from typing import Any

DECIMALS = {"amount", "factor", "delta", "rate", "warning_below", "critical_below", "margin", "unreachable_factor"}
TIMES = {"occurred_at", "issued_at"}
DATES = {"opened_on", "closed_on", "effective_on", "from_day", "due_day", "until_day"}
IDS = {"event_id", "reverses", "policy_id", "resumes", "revokes"}
OWN_DAYS = ("effective_on", "from_day", "opened_on", "closed_on")

NO_MINOR_UNIT = {"CLP", "ISK", "JPY", "KRW", "PYG", "RWF", "UGX", "VND", "XAF", "XOF", "XPF"}
THREE_DECIMALS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}


def parsed(message: dict[str, Any]) -> dict[str, Any]:
    """Say what a message says, so that equal messages are equal: null is absent, 1.0 is 1.00, ids in lower case."""
    return {name: _field(name, value) for name, value in message.items() if value is not None}


def _field(name: str, value: Any) -> Any:
    if name in DECIMALS:
        return Fraction(value)
    if name in TIMES:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    if name in DATES:
        return date.fromisoformat(value)
    if name in IDS:
        return value.lower()
    if name == "weights":
        return [Fraction(weight) for weight in value]
    if isinstance(value, dict):
        return parsed(value)
    return value


def usable(messages) -> list[dict[str, Any]]:
    """Keep the first message of each id: what comes later with it is a duplicate, or conflicts, and is left out."""
    first = {}
    for message in messages:
        says = parsed(message)
        key = says["policy_id"] if "policy_id" in says else (says["group_id"], says["event_id"])
        first.setdefault(key, message)
    return list(first.values())


def digits_of(currency: str) -> int:
    """Say how many decimals a currency has in ISO 4217, for the currencies that tests use."""
    if currency in NO_MINOR_UNIT:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


@dataclass(frozen=True, eq=False)
class Remittance:
    """Money that a group sent in."""

    event_id: str
    group_id: str
    day: date
    amount: Fraction
    currency: str
    levy_id: str | None


@dataclass(frozen=True, eq=False)
class Policy:
    """A policy: who says what, since when."""

    policy_id: str
    type: str
    issued_at: datetime
    says: dict[str, Any]

    @cached_property
    def issued_on(self) -> date:
        """The UTC day on which it was issued."""
        return self.issued_at.date()

    @cached_property
    def own_day(self) -> date:
        """The day that it names, or its issue day where it names none."""
        return next((self.says[name] for name in OWN_DAYS if name in self.says), self.issued_on)

    @property
    def by_issue(self) -> tuple[datetime, str]:
        """Sort by issue: the last of these is the one issued last."""
        return self.issued_at, self.policy_id

    @property
    def rank(self) -> tuple[date, datetime, str]:
        """Sort by newness: own day, then issue, then id."""
        return self.own_day, self.issued_at, self.policy_id


def policy_of(message: dict[str, Any]) -> Policy:
    """Parse a policy."""
    says = parsed(message)
    return Policy(says["policy_id"], says["type"], says["issued_at"], says)


def remittance_of(message: dict[str, Any]) -> Remittance:
    """Parse a remittance."""
    says = parsed(message)
    day = says["occurred_at"].date()
    return Remittance(says["event_id"], says["group_id"], day, says["amount"], says["currency"], says.get("levy_id"))
