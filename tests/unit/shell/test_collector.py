"""The collector of cycles leaves alone what is known, and collects what a worker left behind that starts anew."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from streams.shell import ledger as ledgers
from streams.shell.collector import GROWN, Collector
from streams.shell.ledger import HomeLedger
from streams.shell.packs import Part
from tests.unit.shell.folds import fold_in, remit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KNOWN = 5 * GROWN


class Knot:
    """Something in a cycle."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def looked_at() -> int:
    """Return how many objects a full look has before it."""
    return len(gc.get_objects())


def test_what_is_known_is_not_looked_at() -> None:
    """Once there is more of it; and again once there is more still, also where some went in between."""
    collector = Collector()
    collector.look(0)
    before = looked_at()
    known = [[[]] for _ in range(1_000)]
    collector.look(GROWN)
    assert looked_at() >= before + 2 * len(known)
    collector.look(KNOWN)
    assert looked_at() < before + len(known)
    frozen = gc.get_freeze_count()
    known += [[[]] for _ in range(1_000)]
    collector.look(KNOWN + GROWN)
    assert gc.get_freeze_count() <= frozen
    collector.look(0)  # a partition went
    collector.look(KNOWN)
    assert gc.get_freeze_count() > frozen + 1_000
    assert len(known) == 2_000


def test_what_is_garbage_by_then_is_collected() -> None:
    """What is left alone stays for good, if it is in a cycle."""
    collector = Collector()
    gone = weakref.ref(Knot())
    collector.look(KNOWN)
    assert gone() is None


def test_what_a_worker_before_left_behind_is_collected() -> None:
    """Much of it: the worker was put together anew in the same process."""
    knot = Knot()
    gone = weakref.ref(knot)
    Collector().look(KNOWN)
    del knot
    gc.collect()
    assert gone() is not None
    Collector()
    assert gone() is None


def test_accounts_go_with_their_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not when the collector comes by: it leaves them alone."""
    monkeypatch.setattr(ledgers, "FORGOTTEN_AT_ONCE", 1)
    ledger = HomeLedger(tmp_path / "home.sqlite", "log")
    fold_in(ledger, [Part("remittances", 0, 0, [(0, remit(1)), (1, remit(2, group="h"))])], 1)
    assert ledger.accounts_at_hand == 0
    gone = weakref.ref(ledger)  # each account holds it
    assert [len(ledger.money(group, 2026)) for group in "gh"] == [1, 1]
    assert ledger.accounts_at_hand == 2
    gc.disable()
    try:
        ledger.close()
        while ledger.forget_some():
            pass
        del ledger
        assert gone() is None
    finally:
        gc.enable()
