"""Packs that the home log has acknowledged are folded without being read back: in its order, none passed over."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry

from streams.core.events import Remittance
from streams.shell import folder as folding
from streams.shell import packs
from streams.shell.folder import Folder
from streams.shell.ledger import HomeLedger
from streams.shell.metrics import Metrics
from streams.shell.router import Logged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOME = 3


def logged(offset: int) -> Logged:
    """Return a pack with one remittance, as the log has it at an offset."""
    event = Remittance(f"group-{offset}", bytes([offset] * 16), b"digested", 739_000, 100, "USD", None)
    pack = packs.Part("remittances", 0, 0, [(offset, event)])
    return Logged(HOME, offset, pack.columns(), ())


class Home:
    """A folder with one home partition, and what its teller hears."""

    def __init__(self, path: Path, *, caught_up: bool = True) -> None:
        place: Any = SimpleNamespace(
            metrics=Metrics(CollectorRegistry()),
            policy_log=SimpleNamespace(traces=SimpleNamespace(take_pack=lambda _: None)),
        )
        self.heard: list[set[str]] = []
        self.folder = Folder(place, SimpleNamespace(), path, "log")  # type: ignore[arg-type]
        self.ledger = HomeLedger(path / "home.sqlite", "log")
        self.folder._tellers[HOME] = SimpleNamespace(  # type: ignore[assignment]
            partition=HOME,
            caught_up=caught_up,
            ledger=self.ledger,
            changed=lambda names, _: self.heard.append(set(names)),
        )

    def logged(self, *offsets: int) -> int:
        """Have packs acknowledged; return where the ledger stands then."""
        self.folder.logged(map(logged, offsets))
        return self.ledger.position


@pytest.fixture
def home(tmp_path: Path) -> Callable[..., Any]:
    """Run something with a home partition."""

    def run(story: Callable[[Home], None], **how: Any) -> None:
        async def inside() -> None:
            house = Home(tmp_path, **how)
            story(house)
            house.ledger.close()

        asyncio.run(inside())

    return run


def test_what_follows_is_folded_and_what_comes_early_waits(home: Callable[..., Any]) -> None:
    """Another worker's pack may lie between two of ours: what is after it is not folded before it was read."""

    def story(house: Home) -> None:
        assert house.logged(0, 1) == 2
        assert house.logged(3, 4) == 2
        assert house.logged(2) == 5
        assert house.heard == [{"group-0", "group-1"}, {"group-2", "group-3", "group-4"}]
        assert house.ledger.group_ids() == {f"group-{offset}" for offset in range(5)}

    home(story)


def test_what_was_read_meanwhile_is_passed_over(home: Callable[..., Any]) -> None:
    """A chunk of the log may have had it already; what has come after it goes on from there."""

    def story(house: Home) -> None:
        house.logged(2)
        house.ledger.fold([logged(offset).pack for offset in (0, 1)], 2)
        assert house.logged(0, 1) == 3
        assert house.heard == [{"group-2"}]
        assert not house.folder._logged

    home(story)


def test_nothing_waits_without_end(home: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the gap stays the chunks bring all of it; of a partition that is another's nothing is kept."""
    monkeypatch.setattr(folding, "LOGGED_AT_MOST", 3)

    def story(house: Home) -> None:
        house.logged(5, 6, 7)
        assert len(house.folder._logged[HOME]) == 3
        house.logged(8)
        assert not house.folder._logged
        house.folder.logged([logged(0)._replace(partition=HOME + 1)])
        assert not house.folder._logged

    home(story)


def test_what_is_behind_waits_for_its_chunks(home: Callable[..., Any]) -> None:
    """They are larger, and cost less for each event."""

    def story(house: Home) -> None:
        assert house.logged(0) == 0
        assert not house.folder._logged

    home(story, caught_up=False)
