"""The ledger on disk and the pure fold that it repeats: one suite of behaviour for both."""

from __future__ import annotations

import random
from datetime import date
from itertools import permutations
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.unit.shell.folds import FOLDS, HUGE, remit, reverse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.shell.folds import Event, Fold


@pytest.fixture(params=FOLDS)
def fold(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fold]:
    """Give each ledger in turn."""
    made = FOLDS[request.param](tmp_path)
    yield made
    getattr(made, "close", lambda: None)()


def amounts(fold: Fold, group: str = "g", year: int = 2026) -> list[int]:
    """Return the amounts that count."""
    return sorted(entry.amount_minor for _, entry in fold.money(group, year))


@pytest.mark.parametrize("together", [True, False])
def test_an_event_counts_once(fold: Fold, together: bool) -> None:
    """Again in the same batch or a later one: once, and no conflict."""
    for batch in [[remit(1), remit(2, 5), remit(1)]] if together else [[remit(1)], [remit(1), remit(2, 5)]]:
        fold.take(*batch)
    assert amounts(fold) == [5, 100]
    assert fold.conflicts() == set()


@pytest.mark.parametrize("together", [True, False])
def test_of_two_that_differ_the_first_stands(fold: Fold, together: bool) -> None:
    """The other is a conflict, told by where it stood; so is a reversal with a remittance's id: it takes nothing."""
    events = [remit(1), remit(1, 7, digest=b"b" * 8), reverse(1, of=1)]
    for batch in [events] if together else [[event] for event in events]:
        fold.take(*batch)
    assert amounts(fold) == [100]
    assert fold.conflicts() == ({1, 2} if together else {100, 200})


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("together", [True, False])
def test_a_reversal_counts_whenever_it_comes(fold: Fold, order: tuple[int, ...], together: bool) -> None:
    """Before, after or with its remittance, once or twice: out it is, and its year stays known."""
    events = [remit(1), reverse(2, of=1), reverse(3, of=1), remit(4, 9)]
    ordered = [events[n] for n in order]
    for batch in [ordered] if together else [[event] for event in ordered]:
        fold.take(*batch)
    assert amounts(fold) == [9]
    assert fold.years("g") == {2026}
    assert fold.conflicts() == set()


def test_a_reversal_alone_makes_no_year(fold: Fold) -> None:
    """A group of which only a reversal is known has no plan year; the remittance, once it comes, doesn't count."""
    fold.take(reverse(2, of=1))
    assert fold.years("g") == set()
    fold.take(remit(1))
    assert fold.years("g") == {2026}
    assert amounts(fold) == []


def test_a_reversal_takes_out_neither_a_reversal_nor_a_strangers_money(fold: Fold) -> None:
    """Ids are those of one group, and a reversal names a remittance."""
    fold.take(remit(1), remit(1, 30, group="other"))
    fold.take(reverse(2, of=1))
    fold.take(reverse(3, of=2), reverse(4, of=1))
    assert amounts(fold) == []
    assert amounts(fold, "other") == [30]


def test_amounts_beyond_64_bits_are_exact(fold: Fold) -> None:
    """The largest amount that the wire allows comes back to the last digit."""
    fold.take(remit(1, HUGE), remit(2, 1 << 63), remit(3, (1 << 63) - 1))
    fold.take(remit(4, HUGE - 1, currency="KWD", levy_id="rail"), reverse(5, of=2))
    assert amounts(fold) == [(1 << 63) - 1, HUGE - 1, HUGE]


def test_money_belongs_to_the_year_of_its_day(fold: Fold) -> None:
    """The last and the first day of a year are on different accounts, with their own day, currency and levy."""
    fold.take(remit(1, on="2025-12-31"), remit(2, 5, on="2026-01-01", currency="EUR", levy_id="rail"))
    fold.take(remit(3, 6, on="2026-12-31"), remit(4, 7, on="2027-01-01"))
    assert fold.years("g") == {2025, 2026, 2027}
    assert [amounts(fold, year=year) for year in (2025, 2026, 2027)] == [[100], [5, 6], [7]]
    (key, entry), _ = fold.money("g", 2026)
    assert key == UUID(int=2).bytes
    assert (date.fromordinal(entry.day), *entry.purse) == (date(2026, 1, 1), "EUR", "rail")


def test_an_unknown_group_has_nothing(fold: Fold) -> None:
    """Asking about a group makes none."""
    assert fold.money("nobody", 2026) == []
    assert fold.years("nobody") == set()


@pytest.mark.parametrize("seed", range(12))
def test_any_batches_end_as_the_pure_fold_does(tmp_path: Path, seed: int) -> None:
    """Few ids, so that all collides: money, sums, years and conflicts are those of the pure fold after each batch."""
    dice = random.Random(seed)
    folds = [make(tmp_path / str(n)) for n, make in enumerate(FOLDS.values())]
    for _ in range(12):
        batch = [chance(dice) for _ in range(dice.choice([0, 1, 2, 9]))]
        for fold in folds:
            fold.take(*batch)
        said = [
            (
                [(fold.money(g, y), fold.sums(g, y)) for g in "gh" for y in (2025, 2026)],
                fold.years("g"),
                fold.conflicts(),
            )
            for fold in folds
        ]
        assert all(one == said[0] for one in said)
    for fold in folds[1:]:
        fold.close()


def chance(dice: random.Random) -> Event:
    """Return any event of two groups and few ids."""
    group, digest = dice.choice("gh"), dice.choice([b"a" * 8] * 5 + [b"b" * 8])
    if dice.random() < 0.35:
        return reverse(dice.randrange(20), of=dice.randrange(20), group=group, digest=digest)
    on = dice.choice(["2025-12-31", "2026-01-01", "2026-07-01"])
    levy = dice.choice([None, None, "rail"])
    return remit(dice.randrange(20), dice.choice([1, HUGE]), group=group, on=on, digest=digest, levy_id=levy)
