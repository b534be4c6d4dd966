"""How often routers write down how far they are: at once where a worker may wait for it, else seldom."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types.tuples import TP
from prometheus_client import CollectorRegistry

from streams.shell import packs, router
from streams.shell.metrics import Metrics
from streams.shell.topics import Names

HOMES, INPUTS = 3, 2


class Run:
    """Plays a router's stamps: `a_look` records are routed, and acknowledged, between two looks at what is due."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, a_look: int) -> None:
        self.now, self.front, self.ends_at, self.a_look = 1000.0, 0, 0.0, a_look
        self.sent: list[tuple[float, int]] = []
        names = Names()
        consumer = SimpleNamespace(
            epoch=1, fronts=lambda: {TP(names.remittances, p): self.front for p in range(INPUTS)}
        )
        outbox = SimpleNamespace(send=self.send)
        self.router = router.Router(names, outbox, None, consumer, Metrics(CollectorRegistry()))  # type: ignore[arg-type]
        self.router._home_partitions = HOMES
        self.consumer: Any = consumer
        monkeypatch.setattr(router, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(router, "asyncio", SimpleNamespace(sleep=self.sleep))

    async def send(self, messages: list[Any]) -> list[Any]:
        """Take stamps; say where they are."""
        self.sent.append((self.now, len(messages)))
        return [SimpleNamespace(offset=100 + place) for place in range(len(messages))]

    async def sleep(self, seconds: float) -> None:
        """Let time go by, and records come."""
        if self.now >= self.ends_at:
            raise asyncio.CancelledError
        self.now += seconds
        self.front += self.a_look
        self.router._count("remittances", self.a_look, self.a_look)

    def play(self, seconds: float) -> list[tuple[float, int]]:
        """Return the stamps of the next seconds: when, and how many."""
        self.ends_at, before = self.now + seconds, len(self.sent)
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(self.router.stamp_forever())
        return self.sent[before:]


def test_who_takes_over_finds_stamps_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new worker tells nothing before it knows how far the inputs were when it came."""
    stamps = Run(monkeypatch, a_look=1).play(10)
    assert stamps[0] == (1000.0 + router.STAMP_SECONDS, HOMES)
    assert len(stamps) > 25


def test_a_trickle_writes_few_stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them is kept for ever, in every home partition: three a second were more than all remittances."""
    run = Run(monkeypatch, a_look=1)
    run.play(router.EAGER_SECONDS + 1)
    run.router._unstamped = 0
    an_hour = 3600
    run.consumer.epoch = -1  # as if no partition had been given for long
    stamps = run.play(an_hour)
    assert len(stamps) < 5 * an_hour / router.SELDOM_SECONDS
    assert len(stamps) >= an_hour / router.SELDOM_SECONDS - 1


def test_a_catch_up_is_stamped_as_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take longer than routers are eager, and a worker waits for its end."""
    run = Run(monkeypatch, a_look=1000)
    run.consumer.epoch = -1
    assert len(run.play(10)) > 25


def test_nothing_new_writes_no_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle installation would fill its logs."""
    assert Run(monkeypatch, a_look=0).play(3600) == []


def test_stamps_are_known_to_be_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack that follows a stamp would else wait until the stamp is read back."""
    run, heard = Run(monkeypatch, a_look=1), list[Any]()
    run.router.on_logged = heard.extend
    run.play(1)
    assert {(pack.partition, pack.offset) for pack in heard} >= {(0, 100), (HOMES - 1, 100 + HOMES - 1)}
    assert heard[0].pack == packs.stamps("remittances", [packs.Source(p, 1, 0) for p in range(INPUTS)])
