"""Short ways to say wire messages in tests; what is not said is the plainest that the design allows."""

from __future__ import annotations

from uuid import UUID

POLICY, EVENT = 0x10000, 0x20000


def uid(number: int) -> str:
    """Make a uuid from a number; larger numbers are larger ids."""
    return str(UUID(int=number))


def at(day: str, clock: str = "12:00:00Z") -> str:
    """Make a time of a day."""
    return f"{day}T{clock}"


def remittance(number: int, day: str, amount: str, currency: str = "USD", *, group: str = "g", levy=None):
    """Make money that came in at noon."""
    return {
        "schema_version": 1,
        "type": "remittance",
        "event_id": uid(EVENT + number),
        "group_id": group,
        "amount": amount,
        "currency": currency,
        "occurred_at": at(day),
        "channel": "bank_transfer",
        "levy_id": levy,
        "reference": None,
    }


def reversal(number: int, of: int, day: str = "2026-12-30", group: str = "g"):
    """Make a reversal of a remittance, by number."""
    return {
        "schema_version": 1,
        "type": "reversal",
        "event_id": uid(EVENT + number),
        "group_id": group,
        "reverses": uid(EVENT + of),
        "occurred_at": at(day),
        "reason": "bounced",
    }


def policy(number: int, kind: str, issued: str, **fields):
    """Make any policy, issued at noon of a day unless a time is given."""
    issued_at = issued if "T" in issued else at(issued)
    message = {"schema_version": 1, "policy_id": uid(POLICY + number), "type": kind, "issued_at": issued_at}
    return message | fields


def opened(
    number: int = 1, day: str = "2025-01-01", group: str = "g", region: str = "north", headcount: int = 1, **more
):
    """Make the opening of a group, issued on its day."""
    issued = more.pop("issued", day)
    return policy(
        number, "group_opened", issued, group_id=group, region=region, opened_on=day, headcount=headcount, **more
    )


def target(number: int = 2, amount: str = "365000.00", issued: str = "2025-12-01", year: int = 2026, **more):
    """Make a fixed and linear target in dollars."""
    fields = {"group_id": "g", "currency": "USD", "basis": "fixed", "pace": {"kind": "linear"}} | more
    return policy(number, "target_set", issued, plan_year=year, amount=amount, **fields)


def adjusted(number: int, issued: str, effective_on: str, applies: str = "remaining", year: int = 2026, **change):
    """Make an adjustment for all; say factor, or delta and currency."""
    fields = {"scope": {"all": True}, "plan_year": year, "applies": applies, "effective_on": effective_on}
    return policy(number, "target_adjusted", issued, **(fields | change))


def levy(number: int, issued: str, from_day: str, due_day: str, amount: str = "1000.00", **more):
    """Make a fixed levy in dollars on all."""
    fields = {
        "levy_id": "rail",
        "scope": {"all": True},
        "amount": amount,
        "currency": "USD",
        "basis": "fixed",
        "from_day": from_day,
        "due_day": due_day,
        "purpose": "a railway",
    }
    return policy(number, "levy_imposed", issued, **(fields | more))


def suspended(number: int, issued: str, from_day: str, until_day: str | None = None, **more):
    """Make a suspension of all."""
    fields = {"scope": {"all": True}, "from_day": from_day, "until_day": until_day} | more
    return policy(number, "suspended", issued, **fields)


def resumed(number: int, issued: str, of: int, effective_on: str, **more):
    """Make a resumption for all of a suspension, by number."""
    fields = {"resumes": uid(POLICY + of), "scope": {"all": True}, "effective_on": effective_on} | more
    return policy(number, "resumed", issued, **fields)


def rate(number: int, currency: str, per: str, value: str, effective_on: str, *, issued=None):
    """Make a rate: 1 currency is so many per."""
    return policy(
        number,
        "exchange_rate_set",
        issued or effective_on,
        currency=currency,
        per=per,
        rate=value,
        effective_on=effective_on,
    )


def rules(number: int, effective_on: str, issued: str = "2025-12-01", **thresholds):
    """Make thresholds for all."""
    scope = thresholds.pop("scope", {"all": True})
    return policy(number, "alert_rules_set", issued, scope=scope, effective_on=effective_on, **thresholds)


def revoked(number: int, issued: str, of: int):
    """Make the revocation of a policy, by number."""
    return policy(number, "revoked", issued, revokes=uid(POLICY + of))
