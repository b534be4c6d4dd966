"""A made-up year, reproducible to the byte: groups in four regions, what they send in, and what is decreed.

The shape is that of the reports: targets cut by 15 % in the middle of the year, headcounts scaled down, levies for a
fertiliser purchase and a railway, one region where the money dries up. No figure or group in it is real.
"""

from __future__ import annotations

import random
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    Message = dict[str, Any]

REGIONS = ("dandong", "hunchun", "primorye", "dalian")
DRY_REGION = "primorye"
DRY_FROM_MONTH = 8
DRY_SHARE = 0.12  # what still comes in of the dry region's money
FERTILISER_LEVY = "fertiliser-spring"
RAILWAY_LEVY = "railway"
LOCAL_CURRENCY = {"dandong": "CNY", "hunchun": "CNY", "primorye": "RUB", "dalian": "CNY"}
UTC_OFFSET_HOURS = {"dandong": 8, "hunchun": 8, "primorye": 10, "dalian": 8}
USD_PER = {"CNY": 0.14, "RUB": 0.011}
CHANNELS = ("bank_transfer", "cash", "goods", "other")
CHANNEL_WEIGHTS = (60, 30, 8, 2)
LUMPY_WEIGHTS = (0.5, 0.5, 0.8, 1, 1, 1.2, 1.2, 1.2, 1.2, 1, 1, 0.9)

LOCAL_SHARE = 0.15  # of remittances in the local currency
EARMARKED_SHARE = 0.04
REVERSED_SHARE = 0.004
REPEATED_SHARE = 0.006
LATE_SHARE = 0.01


class _Group(NamedTuple):
    name: str
    region: str
    headcount: int
    target_usd: int  # of the whole group
    per_worker: bool
    monthly: bool
    diligence: float  # the share of the first target that it would send in, were nothing to change


def year(seed: int, groups: int, remittances: int, plan_year: int) -> Iterator[Message]:
    """Yield the wire messages of one year in the order in which they become known.

    There are exactly `remittances` remittances; policies, reversals and repeats of whole messages come on top.
    """
    rng = random.Random(f"quotastream {seed} {groups} {remittances} {plan_year}")
    cast = [_group(rng, number) for number in range(groups)]
    known: list[tuple[float, int, Message]] = []
    for message in _policies(rng, cast, plan_year):
        known.append((datetime.fromisoformat(message["issued_at"]).timestamp(), len(known), message))
    for group, count in zip(cast, _shares(cast, remittances), strict=True):
        for at, message in _remittances(rng, group, count, plan_year):
            known.append((at, len(known), message))
    known.sort(key=lambda entry: entry[:2])
    return (message for _, _, message in known)


def _group(rng: random.Random, number: int) -> _Group:
    region = REGIONS[number % len(REGIONS)]
    headcount = rng.randint(15, 140)
    per_worker_usd = rng.randrange(4_000, 9_000, 100)
    return _Group(
        name=f"{region}-{number // len(REGIONS) + 1:02d}",
        region=region,
        headcount=headcount,
        target_usd=headcount * per_worker_usd,
        per_worker=number % 4 == 1,
        monthly=number % 3 == 2,
        diligence=rng.choices((rng.uniform(0.9, 1.15), rng.uniform(0.72, 0.9), rng.uniform(0.4, 0.7)), (55, 32, 13))[
            0
        ],
    )


def _shares(cast: list[_Group], remittances: int) -> list[int]:
    """Split the number of remittances by headcount; what rounding leaves goes to the first groups."""
    heads = sum(group.headcount for group in cast)
    counts = [remittances * group.headcount // heads for group in cast]
    for number in range(remittances - sum(counts)):
        counts[number % len(counts)] += 1
    return counts


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


# --- what is decreed ------------------------------------------------------------------------------------------------


def _policy(rng: random.Random, kind: str, issued_on: date, **fields: Any) -> Message:
    issued_at = datetime(issued_on.year, issued_on.month, issued_on.day, rng.randrange(1, 20), tzinfo=UTC)
    head = {"schema_version": 1, "policy_id": _uuid(rng), "type": kind, "issued_at": issued_at.isoformat()}
    return head | fields


def _policies(rng: random.Random, cast: list[_Group], plan_year: int) -> Iterator[Message]:
    yield from _exchange_rates(rng, plan_year)
    for group in cast:
        yield from _plan(rng, group, plan_year)
    yield from _levies(rng, plan_year)
    yield _policy(
        rng, "target_adjusted", date(plan_year, 6, 24), reason="orders fell away: all targets cut by 15 %",
        scope={"all": True}, plan_year=plan_year, applies="whole_period", effective_on=f"{plan_year}-07-01",
        factor="0.85",
    )  # fmt: skip
    yield _policy(
        rng, "target_adjusted", date(plan_year, 9, 28), reason="a share of the railway's rolling stock",
        scope={"region": "dandong"}, plan_year=plan_year, applies="remaining", effective_on=f"{plan_year}-10-01",
        delta="12000.00", currency="USD",
    )  # fmt: skip
    yield _policy(
        rng, "alert_rules_set", date(plan_year, 1, 2), scope={"region": "hunchun"}, effective_on=f"{plan_year}-01-02",
        slack_days=7, reason="sends in once a week",
    )  # fmt: skip
    yield from _changes(rng, cast, plan_year)


def _exchange_rates(rng: random.Random, plan_year: int) -> Iterator[Message]:
    for currency, usd in USD_PER.items():
        rate = usd
        for month in range(1, 13):
            rate *= rng.uniform(0.97, 1.025)
            first = date(plan_year, month, 1)
            yield _policy(
                rng, "exchange_rate_set", first, currency=currency, per="USD", rate=f"{rate:.6f}",
                effective_on=first.isoformat(),
            )  # fmt: skip


def _plan(rng: random.Random, group: _Group, plan_year: int) -> Iterator[Message]:
    first = date(plan_year, 1, 1)
    yield _policy(
        rng, "group_opened", first, group_id=group.name, region=group.region, opened_on=first.isoformat(),
        headcount=group.headcount,
    )  # fmt: skip
    weights = [f"{weight:g}" for weight in LUMPY_WEIGHTS]
    yield _policy(
        rng, "target_set", first, group_id=group.name, plan_year=plan_year,
        amount=f"{group.target_usd // group.headcount if group.per_worker else group.target_usd}.00", currency="USD",
        basis="per_worker" if group.per_worker else "fixed",
        pace={"kind": "monthly", "weights": weights} if group.monthly else {"kind": "linear"},
    )  # fmt: skip


def _levies(rng: random.Random, plan_year: int) -> Iterator[Message]:
    yield _policy(
        rng, "levy_imposed", date(plan_year, 2, 20), levy_id=FERTILISER_LEVY, scope={"all": True}, amount="3500.00",
        currency="USD", basis="fixed", from_day=f"{plan_year}-03-01", due_day=f"{plan_year}-05-31",
        purpose="fertiliser for the spring",
    )  # fmt: skip
    railway = _policy(
        rng, "levy_imposed", date(plan_year, 8, 3), levy_id=RAILWAY_LEVY, scope={"all": True}, amount="60.00",
        currency="USD", basis="per_worker", from_day=f"{plan_year}-08-15", due_day=f"{plan_year}-11-30",
        purpose="railway",
    )  # fmt: skip
    mistaken = railway | {
        "policy_id": _uuid(rng),
        "issued_at": f"{plan_year}-08-01T02:00:00+00:00",
        "amount": "600.00",
    }
    yield mistaken
    yield _policy(rng, "revoked", date(plan_year, 8, 2), revokes=mistaken["policy_id"], reason="a nought too many")
    yield railway
    yield _policy(
        rng, "levy_lifted", date(plan_year, 11, 2), levy_id=RAILWAY_LEVY, effective_on=f"{plan_year}-11-10",
        reason="the purchase was put off",
    )  # fmt: skip


def _changes(rng: random.Random, cast: list[_Group], plan_year: int) -> Iterator[Message]:
    """Yield what befalls single groups: fewer heads, a site closed for a while, one that ends."""
    for group in cast:
        if rng.random() < 0.4:
            day = date(plan_year, rng.randint(4, 10), rng.randint(1, 28))
            yield _policy(
                rng, "headcount_changed", day, group_id=group.name, effective_on=day.isoformat(),
                headcount=max(1, round(group.headcount * rng.uniform(0.55, 0.9))),
            )  # fmt: skip
    dry = [group for group in cast if group.region == DRY_REGION]
    for number, group in enumerate(dry[: max(1, len(dry) // 4)]):
        day = date(plan_year, 9, 5 + number % 20)
        shut = _policy(
            rng, "suspended", day, scope={"group_id": group.name}, from_day=day.isoformat(), reason="site closed",
        )  # fmt: skip
        yield shut
        if number == 0:
            yield _policy(
                rng, "resumed", date(plan_year, 10, 26), resumes=shut["policy_id"], scope={"group_id": group.name},
                effective_on=f"{plan_year}-11-02",
            )  # fmt: skip
    if len(cast) > 8:
        closed_on = date(plan_year, 10, 15)
        yield _policy(rng, "group_closed", closed_on, group_id=cast[-1].name, closed_on=closed_on.isoformat())


# --- what is sent in ------------------------------------------------------------------------------------------------


def _remittances(rng: random.Random, group: _Group, count: int, plan_year: int) -> Iterator[tuple[float, Message]]:
    """Yield (when it becomes known, message): remittances, some taken back, some told twice."""
    if not count:
        return
    months, mean_cents = _months(rng, group, count)
    zone = timezone(timedelta(hours=UTC_OFFSET_HOURS[group.region]))
    for month in months:
        local = datetime(plan_year, month, rng.randint(1, _days_in(plan_year, month)), 11, tzinfo=zone)
        local += timedelta(seconds=rng.randrange(6 * 3600))
        message = _remittance(rng, group, local, mean_cents)
        known_at = local.timestamp() + rng.expovariate(1 / 20_000)
        if rng.random() < LATE_SHARE:
            known_at += rng.uniform(10, 40) * 86_400
        yield known_at, message
        chance = rng.random()
        if chance < REPEATED_SHARE:
            yield known_at + rng.uniform(60, 9 * 86_400), dict(message)
        elif chance < REPEATED_SHARE + REVERSED_SHARE:
            back = local + timedelta(days=rng.uniform(0.5, 6))
            yield (
                back.timestamp(),
                {
                    "schema_version": 1,
                    "type": "reversal",
                    "event_id": _uuid(rng),
                    "group_id": group.name,
                    "reverses": message["event_id"],
                    "occurred_at": back.isoformat(timespec="seconds"),
                    "reason": "bounced",
                },
            )


def _months(rng: random.Random, group: _Group, count: int) -> tuple[list[int], float]:
    """Return the month of each remittance, and what one is worth on average, so that the year adds up."""
    pace = LUMPY_WEIGHTS if group.monthly else (1.0,) * 12
    shares = [weight / sum(pace) * rng.uniform(0.8, 1.2) for weight in pace]
    if group.region == DRY_REGION:
        shares = [
            share * (DRY_SHARE if month >= DRY_FROM_MONTH else 1) for month, share in enumerate(shares, start=1)
        ]
    elif rng.random() < 0.08:  # silent from autumn on, though nothing was decreed about it
        shares[9:] = [0.0, 0.0, 0.0]
    # After the cut nobody sends in what is no longer asked for.
    shares[7:] = [share * 0.85 for share in shares[7:]]
    total_cents = group.target_usd * 100 * group.diligence * sum(shares)
    return rng.choices(range(1, 13), shares, k=count), total_cents / count


def _days_in(plan_year: int, month: int) -> int:
    return (date(plan_year + month // 12, month % 12 + 1, 1) - date(plan_year, month, 1)).days


def _remittance(rng: random.Random, group: _Group, local: datetime, mean_cents: float) -> Message:
    cents = mean_cents * rng.uniform(0.4, 1.6)
    currency = "USD"
    if rng.random() < LOCAL_SHARE:
        currency = LOCAL_CURRENCY[group.region]
        cents /= USD_PER[currency]
    whole = max(1, round(cents))
    levy_id = None
    if rng.random() < EARMARKED_SHARE:
        levy_id = {3: FERTILISER_LEVY, 4: FERTILISER_LEVY, 5: FERTILISER_LEVY, 9: RAILWAY_LEVY, 10: RAILWAY_LEVY}.get(
            local.month
        )
    return {
        "schema_version": 1,
        "type": "remittance",
        "event_id": _uuid(rng),
        "group_id": group.name,
        "amount": f"{whole // 100}.{whole % 100:02d}",
        "currency": currency,
        "occurred_at": local.isoformat(timespec="seconds"),
        "channel": rng.choices(CHANNELS, CHANNEL_WEIGHTS)[0],
        "levy_id": levy_id,
        "reference": None,
    }
