"""A teller that was fenced takes over again only after the group has said that its worker is still a member.

A worker that stood still (SIGSTOP, a long pause) believes that its partitions are its own. Its tellers would fence
those of the worker that has them now, be fenced by them in turn, and so on: nobody would be told of anything.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError, KafkaConnectionError, KafkaError, ProducerFenced
from faust.types.tuples import TP

from streams.shell import teller as telling
from streams.shell.teller import Teller
from tests.simulation.worker import App, SimulatedConsumer

MONEY = TP("remittances", 0)


class Group:
    """A client whose commits a group takes, or refuses."""

    def __init__(self) -> None:
        self.commits: list[dict[Any, int]] = []
        self.refuses: Exception | None = None

    async def commit(self, offsets: dict[Any, int]) -> None:
        """Take a commit."""
        if self.refuses is not None:
            raise self.refuses
        self.commits.append(offsets)


def a_member(group: Group) -> SimulatedConsumer:
    """Return a consumer that has committed up to an offset of its one partition."""
    consumer = SimulatedConsumer(App(), group)  # type: ignore[arg-type]
    consumer._sought_epoch = consumer.epoch
    consumer._committed = {MONEY: 7}
    return consumer


def test_a_member_commits_again_what_is_committed() -> None:
    """Another offset would say that something was finished, or not, which nobody knows here."""
    group = Group()
    asyncio.run(a_member(group).prove_membership())
    assert group.commits == [{MONEY: 7}]


def test_who_is_no_member_is_told_so() -> None:
    """The group's refusal must come through."""
    group = Group()
    group.refuses = CommitFailedError("the group has rebalanced")
    with pytest.raises(KafkaError):
        asyncio.run(a_member(group).prove_membership())


@pytest.mark.parametrize("what", ["no offsets", "another epoch"])
def test_what_was_committed_in_another_epoch_proves_nothing(what: str) -> None:
    """After a rebalance the offsets held are those of partitions that may be another worker's."""
    group = Group()
    consumer = a_member(group)
    if what == "no offsets":
        consumer._committed = {}
    else:
        consumer.begin_epoch()
    with pytest.raises(KafkaConnectionError):
        asyncio.run(consumer.prove_membership())
    assert group.commits == []


def test_a_fenced_teller_waits_until_it_is_a_member(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks before it fences anybody, again and again, and only a member takes over."""
    steps: list[str] = []
    answers = iter([CommitFailedError(), KafkaConnectionError(), None])

    async def prove_membership() -> None:
        steps.append("asks")
        if (refused := next(answers)) is not None:
            raise refused

    async def take_over(_: Teller) -> None:
        steps.append("takes over")

    async def tell(_: Teller) -> None:
        if steps.count("takes over") == 1:
            raise ProducerFenced
        raise asyncio.CancelledError  # it was seen telling again

    monkeypatch.setattr(telling, "FENCED_SECONDS", 0)
    monkeypatch.setattr(telling, "AGAIN_SECONDS", 0)
    monkeypatch.setattr(Teller, "_take_over", take_over)
    monkeypatch.setattr(Teller, "_tell_for_ever", tell)
    names = SimpleNamespace(home="quotastream-home")
    place: Any = SimpleNamespace(
        names=names, prove_membership=prove_membership, day_reached=lambda: 1, with_news={0, 1}
    )
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(Teller(0, SimpleNamespace(position=0), place).run())  # type: ignore[arg-type]
    assert steps == ["takes over", "asks", "asks", "asks", "takes over"]
    assert place.with_news == {1}  # the others don't wait for what it had to judge
