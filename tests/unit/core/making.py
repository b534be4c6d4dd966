"""Policies, days and money for the core's tests, written briefly."""

from __future__ import annotations

import os
from datetime import date
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

from streams.core import events
from streams.core.book import Book
from streams.core.events import DAY_US, EPOCH_DAY, Policy, Scope
from streams.core.takings import HeldMoney

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from streams.core.events import Day

GROUP = "dandong-07"
DIGITS = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3, "RUB": 2}
ALL = Scope()
HERE = Scope(group_id=GROUP)
_ids = count(1)


def seeds(number: int) -> range:
    """Return the seeds of a test: so many, or as many as SEEDS says, where that is fewer (`make mutants`)."""
    return range(min(number, int(os.environ.get("SEEDS", number))))


def day(text: str) -> Day:
    """Return a day from `2026-06-01`, or from `06-01` in 2026."""
    return date.fromisoformat(text if len(text) == 10 else f"2026-{text}").toordinal()


def at(text: str, hour: int = 1) -> int:
    """Return a time on a day, in microseconds since the epoch."""
    return (day(text) - EPOCH_DAY) * DAY_US + hour * 3_600_000_000


def policy(kind: type[Policy], issued: str, **fields: Any) -> Any:
    """Return a policy with an id of its own, unless one is given."""
    fields.setdefault("policy_id", str(UUID(int=next(_ids))))
    return kind(issued_at_us=at(issued), **fields)


def opened(issued: str = "2025-10-01", **fields: Any) -> Any:
    """Return an opening of the group."""
    fields = {"group_id": GROUP, "region": "north", "opened_on": day(issued), "headcount": 1} | fields
    return policy(events.GroupOpened, issued, **fields)


def target(issued: str = "2025-12-01", amount: int = 365_000_00, **fields: Any) -> Any:
    """Return a target of the group for 2026: 1000.00 USD a day unless said otherwise."""
    fields = {"plan_year": 2026, "currency": "USD", "per_worker": False, "weights": None, "group_id": GROUP} | fields
    return policy(events.TargetSet, issued, amount_minor=amount, **fields)


def factor(issued: str, value: str, *, remaining: bool = False, effective: str | None = None, **fields: Any) -> Any:
    """Return an adjustment by a factor."""
    fields = {"scope": ALL, "plan_year": 2026, "delta_minor": None, "currency": None} | fields
    return policy(
        events.TargetAdjusted,
        issued,
        remaining=remaining,
        effective_on=day(effective or issued),
        factor=Fraction(value),
        **fields,
    )


def delta(issued: str, amount: int, *, remaining: bool = False, effective: str | None = None, **fields: Any) -> Any:
    """Return an adjustment by an amount."""
    fields = {"scope": ALL, "plan_year": 2026, "currency": "USD"} | fields
    return policy(
        events.TargetAdjusted,
        issued,
        remaining=remaining,
        effective_on=day(effective or issued),
        factor=None,
        delta_minor=amount,
        **fields,
    )


def rules(issued: str, **fields: Any) -> Any:
    """Return alert rules, ratios given as text."""
    fields = {name: Fraction(value) if isinstance(value, str) else value for name, value in fields.items()}
    fields = {"scope": ALL, "effective_on": day(issued)} | fields
    return policy(events.AlertRulesSet, issued, **fields)


def levy(issued: str, first: str, due: str, amount: int, **fields: Any) -> Any:
    """Return a levy called rail."""
    fields = {
        "levy_id": "rail",
        "scope": ALL,
        "currency": "USD",
        "per_worker": False,
        "purpose": "a railway",
    } | fields
    return policy(events.LevyImposed, issued, amount_minor=amount, from_day=day(first), due_day=day(due), **fields)


def rate(effective: str, currency: str, per: str, value: str, **fields: Any) -> Any:
    """Return an exchange rate, issued on the day it is about."""
    fields = {"issued": effective} | fields
    return policy(
        events.ExchangeRateSet,
        fields.pop("issued"),
        currency=currency,
        per=per,
        rate=Fraction(value),
        effective_on=day(effective),
        **fields,
    )


def suspended(issued: str, first: str, until: str | None = None, scope: Scope = ALL) -> Any:
    """Return a suspension."""
    return policy(
        events.Suspended, issued, scope=scope, from_day=day(first), until_day=None if until is None else day(until)
    )


def revoked(issued: str, named: Policy) -> Any:
    """Return a revocation of a policy."""
    return policy(events.Revoked, issued, revokes=named.policy_id)


def book_of(*policies: Policy) -> Book:
    """Return a book of policies."""
    book = Book(DIGITS)
    for each in policies:
        book.add(each)
    return book


def money_of(*rows: tuple[Any, ...]) -> HeldMoney:
    """Return money from rows of (day, minor units[, currency[, levy_id]])."""
    money = HeldMoney()
    for number, row in enumerate(rows, start=1):
        text, amount, currency, levy_id = (*row, "USD", None)[:4] if len(row) != 3 else (*row, None)
        money.add(UUID(int=number << 64).bytes, day(text), amount, currency, levy_id)
    return money


def random_policies(rng: random.Random, how_many: int) -> list[Policy]:
    """Return policies of all types that concern the group, or almost, mostly issued in 2026."""
    made: list[Policy] = []
    for _ in range(how_many):
        made.append(_random_policy(rng, made))
    return made


def _any_day(rng: random.Random, first: str = "2025-11-15", after: str = "2027-01-05") -> str:
    return date.fromordinal(rng.randrange(day(first), day(after))).isoformat()


def _random_policy(rng: random.Random, before: list[Policy]) -> Policy:
    issued, about = _any_day(rng), _any_day(rng)
    scope = rng.choice([ALL, HERE, Scope(region="north"), Scope(region="south"), Scope(group_id="other")])
    weights = rng.choice(
        [None, (*tuple(Fraction(rng.randrange(4), rng.choice([1, 3])) for _ in range(11)), Fraction(1))]
    )
    in_year = sorted(_any_day(rng, "2026-01-01", "2027-01-01") for _ in range(2))
    currency = rng.choice(["USD", "USD", "USD", "EUR", "JPY"])
    makers = [
        lambda: opened(
            issued, opened_on=day(about), region=rng.choice(["north", "south"]), headcount=rng.randrange(1, 4)
        ),
        lambda: target(
            issued, rng.choice([0, 1, 9_999_99, 365_000_00]), currency=currency,
            per_worker=rng.random() < 0.4, weights=weights,
        ),
        lambda: target(issued, currency=currency),
        lambda: factor(
            issued, rng.choice(["0", "0.85", "1.5"]), remaining=rng.random() < 0.5, effective=about, scope=scope
        ),
        lambda: delta(
            issued, rng.randrange(-200_000_00, 200_000_00), remaining=rng.random() < 0.5, effective=about,
            scope=scope, currency=currency,
        ),
        lambda: levy(
            issued,
            in_year[0],
            in_year[1],
            rng.randrange(1, 50_000_00),
            scope=scope,
            levy_id=rng.choice(["rail", "urea"]),
            currency=currency,
            per_worker=rng.random() < 0.3,
        ),
        lambda: policy(events.LevyLifted, issued, levy_id=rng.choice(["rail", "urea"]), effective_on=day(about)),
        lambda: policy(
            events.HeadcountChanged, issued, group_id=GROUP, headcount=rng.randrange(4), effective_on=day(about)
        ),
        lambda: suspended(issued, about, rng.choice([None, "2027-01-05"]), scope),
        lambda: policy(
            events.Resumed,
            issued,
            resumes=next((p.policy_id for p in before if isinstance(p, events.Suspended)), "none"),
            scope=scope,
            effective_on=day(about),
        ),
        lambda: policy(events.GroupClosed, issued, group_id=GROUP, closed_on=day(about)),
        lambda: rate(
            about, *rng.choice([("EUR", "USD"), ("USD", "JPY"), ("JPY", "EUR")]), rng.choice(["1.1", "7", "0.3"])
        ),
        lambda: _random_rules(rng, issued, about, scope),
        lambda: policy(events.Revoked, issued, revokes=rng.choice(before).policy_id if before else "none"),
    ]  # fmt: skip
    return rng.choice(makers)()


def _random_rules(rng: random.Random, issued: str, about: str, scope: Scope) -> Policy:
    choices: dict[str, list[Any]] = {
        "warning_below": ["1", "0.8"],
        "critical_below": ["0.95", "0.5"],
        "margin": ["0", "0.2"],
        "slack_days": [0, 9],
        "for_days": [2, 5],
        "grace_days": [0, 3],
        "levy_grace_days": [0, 3],
        "unreachable_factor": ["0.5", "1"],
        "unreachable_grace_days": [0, 40],
        "silent_days": [1, 8],
    }
    named = rng.sample(sorted(choices), rng.randrange(1, 5))
    return rules(issued, scope=scope, effective_on=day(about), **{name: rng.choice(choices[name]) for name in named})


def random_money(rng: random.Random, how_many: int) -> list[tuple[Any, ...]]:
    """Return rows for `money_of`."""
    rows: list[tuple[Any, ...]] = []
    for _ in range(how_many):
        levy_id = rng.choice([None, None, None, "rail", "urea"])
        when = _any_day(rng, "2026-01-01", "2027-01-01")
        rows.append((when, rng.randrange(1, 30_000_00), rng.choice(["USD", "USD", "EUR", "JPY"]), levy_id))
    return rows


def all_days(first: str, after: str) -> Iterable[Day]:
    """Return the days from `first` to the one before `after`."""
    return range(day(first), day(after))
