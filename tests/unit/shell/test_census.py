"""The census: sums that are kept up to date say what counting everything anew would."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from schemas.currencies import MINOR_DIGITS
from streams.core.book import Book
from streams.core.events import Added
from streams.shell import codec
from streams.shell.census import OTHER_REGIONS, REGIONS, Census, PolicyCensus
from tests.model.wire import POLICY, adjusted, opened, policy, rate, target, uid

YEAR = 2026


def encoded(message: dict[str, Any]) -> bytes:
    """Put a message in bytes."""
    return json.dumps(message).encode()


def status(level: str = "ok", region: str | None = "north", ratio: str | None = "1.0000", **more: Any) -> Any:
    """Make what the census looks at of a status."""
    plain = {"open_episodes": [], "unconverted": {}, "unassigned": {}}
    return plain | {"level": level, "region": region, "attainment_to_date": ratio} | more


def test_sums_are_those_of_all_groups() -> None:
    """A group that is evaluated again, moves away or has no account any more would stay in the sums."""
    dice, census = random.Random(1), Census()
    held: dict[tuple[int, str], Any] = {}
    for _ in range(3_000):
        partition, group = dice.randrange(3), f"g{dice.randrange(40)}"
        ahead = dice.choice([0, 0, 2])
        statuses = _some_statuses(dice)
        census.note(partition, group, statuses, YEAR, ahead)
        held[partition, group] = statuses, ahead
        if dice.random() < 0.01:
            census.forget(partition)
            held = {key: value for key, value in held.items() if key[0] != partition}
        _compare(census, list(held.values()))
    for partition in range(3):
        census.forget(partition)
    _compare(census, [])


def _some_statuses(dice: random.Random) -> dict[int, Any]:
    years = dice.sample([YEAR - 1, YEAR, YEAR + 1], dice.randrange(4))
    return {
        year: status(
            dice.choice(["ok", "warning"]), dice.choice(["north", None]),
            dice.choice([None, "0.7500", "0.7501", "9.0"]),
            open_episodes=[{"kind": "silent", "severity": dice.choice(["warning", "critical"])}] * dice.randrange(3),
            unconverted={"RUB": "0.10"} if dice.random() < 0.3 else {},
            unassigned={"USD": "7.00", "JPY": "3"} if dice.random() < 0.3 else {},
        )
        for year in years
    }  # fmt: skip


def _compare(census: Census, held: list[Any]) -> None:
    running = [statuses[YEAR] for statuses, _ in held if YEAR in statuses]
    every = [one for statuses, _ in held for one in statuses.values()]
    assert census.groups() == Counter((s["level"], s["region"] or "") for s in running)
    ratios = [float(s["attainment_to_date"]) for s in running if s["attainment_to_date"]]
    assert census.at_attainment()["0.75",] == sum(ratio <= 0.75 for ratio in ratios)
    assert census.at_attainment()["+Inf",] == len(ratios)
    assert census.episodes == Counter((e["kind"], e["severity"]) for s in every for e in s["open_episodes"])
    rubles = sum(Decimal(s["unconverted"].get("RUB", 0)) for s in every)
    assert census.money("unconverted") == ({("RUB",): float(rubles)} if rubles else {})
    assert census.remittances_ahead == sum(ahead for _, ahead in held)


def test_many_regions_are_shown_as_few() -> None:
    """Labels would grow with the number of regions, and with them what Prometheus has to keep."""
    census = Census()
    for n in range(REGIONS + 20):
        census.note(0, f"g{n}", {YEAR: status(region=f"r{n}")}, YEAR)
    census.note(0, "one-more", {YEAR: status(region="r60")}, YEAR)
    groups = census.groups()
    assert len(groups) == REGIONS + 1
    assert (groups["ok", OTHER_REGIONS], groups["ok", "r60"]) == (20, 2)


def test_the_first_groups_are_shown_one_by_one() -> None:
    """The cap holds, what moves away makes room, and the rest is counted."""
    census = Census(per_group=2)
    for n in range(5):
        census.note(n % 2, f"g{n}", {YEAR: status(ratio=None if n else "0.5000")}, YEAR)
    assert census.of_each_group() == {"g0": ("ok", "0.5000"), "g1": ("ok", None)}
    assert census.left_out() == 3
    census.forget(1)
    census.note(0, "g4", {YEAR: status("critical")}, YEAR)
    assert census.of_each_group() == {"g0": ("ok", "0.5000"), "g4": ("critical", "1.0000")}
    assert census.left_out() == 1


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


NOON_MS = 1_782_907_200_000  # 2026-07-01T12:00Z


@pytest.mark.parametrize("seed", range(20))
def test_policies_in_force_are_those_that_a_recount_finds(seed: int) -> None:
    """Whatever order policies and their revocations come in, and however days pass, none is counted twice or left."""
    dice = random.Random(seed)
    days = [f"2026-0{month}-15" for month in range(1, 9)]
    messages = [opened(1, "2026-02-15"), target(2, issued="2026-03-15"), rate(3, "USD", "EUR", "0.9", "2026-05-15"),
                adjusted(4, "2026-06-15", "2026-06-20", factor="0.85")]  # fmt: skip
    messages += [policy(10 + n, "revoked", dice.choice(days), revokes=uid(POLICY + dice.choice([1, 2, 3, 4, 10, 99])))
                 for n in range(8)]  # fmt: skip
    dice.shuffle(messages)
    book = Book(MINOR_DIGITS)
    census = PolicyCensus(book)
    day = _day("2026-01-01")
    for message in messages:
        decoded: Any = codec.decode("policy-changes", encoded(message))
        if book.add(decoded) is Added.NEW:
            census.add(decoded, NOON_MS)
        day += dice.randrange(40)
        assert census.in_force(day) == _recounted(book, day)


def _recounted(book: Book, day: int) -> dict[str, int]:
    found: Counter[str] = Counter()
    names = {"GroupOpened": "group_opened", "TargetSet": "target_set", "TargetAdjusted": "target_adjusted",
             "ExchangeRateSet": "exchange_rate_set", "Revoked": "revoked"}  # fmt: skip
    for one in book.policies():
        kind = names[type(one).__name__]
        revoked_from = book.revoked_on(one.policy_id) if kind != "revoked" else day + 1
        if kind == "exchange_rate_set":
            found[kind] += not book.revocations(one.policy_id)
        else:
            found[kind] += one.issued_day <= day < revoked_from
    return {kind: count for kind, count in found.items() if count}


def test_decrees_that_came_late_or_early() -> None:
    """A decree issued days before it arrived rewrites history; rates are facts, and may be old."""
    book = Book(MINOR_DIGITS)
    census = PolicyCensus(book)
    issued = ["2026-07-01", "2026-06-30T12:00:00Z", "2026-06-30T11:59:00Z", "2026-01-01", "2026-07-03"]
    messages = [target(n, issued=day) for n, day in enumerate(issued)] + [rate(9, "USD", "EUR", "0.9", "2025-01-01")]
    for message in messages:
        decoded: Any = codec.decode("policy-changes", encoded(message))
        book.add(decoded)
        census.add(decoded, NOON_MS)
    assert (census.late, census.early) == (2, 1)
    assert census.latest_seconds == (_day("2026-07-01") - _day("2026-01-01")) * 86_400
