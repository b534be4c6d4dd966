"""The fold of one group's events, and the money that it keeps."""

from __future__ import annotations

import random
from itertools import permutations
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from streams.core.curve import Curve, Sums
from streams.core.events import Added, Remittance, Reversal
from streams.core.ledger import GroupLedger
from streams.core.rates import Rates
from streams.core.takings import Entry, HeldMoney, Purse
from streams.core.years import plan_year
from tests.unit.core.making import DIGITS, GROUP, day, rate

if TYPE_CHECKING:
    from streams.core.curve import DaySum
    from streams.core.events import Day


def remittance(number: int, on: str = "03-01", amount: int = 100, digest: bytes = b"a") -> Remittance:
    """Return a remittance."""
    return Remittance(GROUP, UUID(int=number).bytes, digest, day(on), amount, "USD", None)


def reversal(number: int, of: int) -> Reversal:
    """Return a reversal."""
    return Reversal(GROUP, UUID(int=number).bytes, b"r", UUID(int=of).bytes)


def test_an_event_counts_once_and_the_first_stands() -> None:
    """Equal again is a repeat, other fields a conflict, and reversals share the ids."""
    ledger = GroupLedger()
    assert ledger.add(remittance(1)) is Added.NEW
    assert ledger.add(remittance(1)) is Added.REPEAT
    assert ledger.add(remittance(1, amount=5, digest=b"b")) is Added.CONFLICT
    assert ledger.add(reversal(1, 9)) is Added.CONFLICT
    assert len(ledger.money(2026)) == 1


def test_a_reversal_takes_the_remittance_out_whichever_comes_first() -> None:
    """Two reversals of one remittance, a repeat of it, in any order: it is out, and its year stays known."""
    for order in permutations([remittance(1), reversal(2, 1), reversal(3, 1), remittance(1), remittance(4)]):
        ledger = GroupLedger()
        for event in order:
            ledger.add(event)
        assert ledger.money(2026).of_day(day("03-01")) == [(UUID(int=4).bytes, Purse("USD", None))]
        assert set(ledger.plan_years()) == {2026}


def test_reversing_a_reversal_does_nothing() -> None:
    """A reversal names a remittance, or nothing."""
    ledger = GroupLedger()
    for event in (remittance(1), reversal(2, 1), reversal(3, 2)):
        ledger.add(event)
    assert not len(ledger.money(2026))


def test_what_was_taken_out_is_kept_by_day_whichever_came_first() -> None:
    """`explain` shows what reversals took out, each on its own day, in one order."""
    ledger = GroupLedger()
    for event in (remittance(1, "03-02"), reversal(9, 1), reversal(8, 2), remittance(2, "03-01"), remittance(3)):
        ledger.add(event)
    purse = Purse("USD", None)
    assert ledger.taken_out(2026) == [
        (UUID(int=2).bytes, Entry(day("03-01"), 100, purse)),
        (UUID(int=1).bytes, Entry(day("03-02"), 100, purse)),
    ]
    assert ledger.taken_out(2025) == []


def test_rates_between_two_currencies_are_found_in_either_direction() -> None:
    """`explain` shows which rate booked what."""
    rates = Rates(DIGITS)
    first, second = rate("2026-01-01", "EUR", "USD", "1.1"), rate("2026-02-01", "USD", "EUR", "0.9")
    for put in (second, first, rate("2026-01-01", "EUR", "JPY", "160")):
        rates.put(put)
    assert rates.between("USD", "EUR") == rates.between("EUR", "USD") == [first, second]
    assert rates.between("USD", "JPY") == []


def test_money_that_comes_and_goes_leaves_what_stays() -> None:
    """Sums, foreign bookings and days are those of the money that is left, whatever was asked in between."""
    rng = random.Random(3)
    rates = Rates(DIGITS)
    rates.put(rate("2026-01-01", "EUR", "USD", "1.105"))
    money, kept = HeldMoney(), {}
    for number in range(300):
        key = number.to_bytes(16, "big")
        kept[key] = (day("01-01") + rng.randrange(365), rng.randrange(1, 999), rng.choice(["USD", "EUR"]), None)
        money.add(key, *kept[key])
        if rng.random() < 0.5:
            gone = rng.choice(sorted(kept))
            del kept[gone]
            money.remove(gone)
        money.booked(Purse("EUR", None), "USD", rates)
        if number == 150:
            rates.put(rate("2026-06-01", "USD", "EUR", "0.9"))
    fresh = HeldMoney()
    for key, entry in kept.items():
        fresh.add(key, *entry)
    assert money.paid_days() == fresh.paid_days()
    for purse in (Purse("EUR", None), Purse("USD", None)):
        assert money.booked(purse, "USD", rates) == fresh.booked(purse, "USD", rates)


def test_a_curve_knows_its_best_thirty_days() -> None:
    """The best 30 days running are whole ones of the year, before the day asked about."""
    year = plan_year(2026)
    rng = random.Random(5)
    daily = {year.first + n: rng.randrange(100) for n in range(year.days)}
    sums = Sums()
    for y, amount in rng.sample(sorted(daily.items()), len(daily)):
        sums.add(y, amount)
    curve = Curve(year.first, sums)
    for x in range(year.first, year.after + 1):
        windows = [sum(daily[y - n] for n in range(30)) for y in range(year.first + 29, x)]
        assert curve.best_before(x) == max(windows, default=0)
    assert curve.best_run(year.first, year.after + 1) == [
        curve.best_before(x) for x in range(year.first, year.after + 1)
    ]


@pytest.mark.parametrize("largest", [900_00, 1 << 62])
def test_money_counted_at_once_is_counted_as_one_by_one(largest: int) -> None:
    """What is read from a store comes as sums, and so does a backlog: it would else be other money."""
    rng, first = random.Random(largest), plan_year(2026).first
    for _ in range(50):
        at_once, together, one_by_one = HeldMoney(), HeldMoney(), HeldMoney()
        for purse in (Purse("USD", None), Purse("EUR", None), Purse("USD", "rail")):
            last = first + rng.choice([2, 365])  # few days: several remittances of each
            came = sorted((rng.randrange(first, last), rng.randint(1, largest)) for _ in range(rng.randint(1, 40)))
            for on_day, amount in rng.sample(came, len(came)):
                one_by_one.count(purse, [(on_day, amount, 1)])
            at_once.begin(purse, *zip(*_by_day(came), strict=True))
            begun, later = _split(came, rng)
            if begun:
                together.begin(purse, *zip(*_by_day(begun), strict=True))
            if later:
                together.count(purse, _by_day(later))
            assert at_once.day_sums(purse) == together.day_sums(purse) == one_by_one.day_sums(purse)
        assert list(at_once.paid_days()) == list(together.paid_days()) == list(one_by_one.paid_days())
        counted = [
            [money.count_by(x) for x in range(first, first + 366)] for money in (at_once, together, one_by_one)
        ]
        assert counted[0] == counted[1] == counted[2]


def _by_day(came: list[tuple[Day, int]]) -> list[DaySum]:
    """Return what came, by day: a day, the amounts of it, and how many."""
    days = dict.fromkeys(on_day for on_day, _ in came)
    of_day = {on_day: [amount for one, amount in came if one == on_day] for on_day in days}
    return [(on_day, sum(amounts), len(amounts)) for on_day, amounts in of_day.items()]


def _split(came: list[tuple[Day, int]], rng: random.Random) -> tuple[list[tuple[Day, int]], list[tuple[Day, int]]]:
    """Return what is there before, and what comes later: of any days, or of the last ones."""
    if rng.random() < 0.5:
        at = rng.randrange(len(came))
        return came[:at], came[at:]
    comes_later = [rng.random() < 0.5 for _ in came]
    return ([one for one, is_late in zip(came, comes_later, strict=True) if not is_late],
            [one for one, is_late in zip(came, comes_later, strict=True) if is_late])  # fmt: skip
