"""A broker that refuses to say what a group committed hasn't said that it is nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import consumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError
from aiokafka.protocol.commit import OffsetFetchResponse_v1, OffsetFetchResponse_v3

from streams.shell.committed_offsets import HeedingCoordinator, install_heeding_coordinator

TP = TopicPartition("remittances", 1)
LOADING, NOT_COORDINATOR, UNAUTHORIZED = 14, 16, 30


def said(offset: int) -> OffsetFetchResponse_v3:
    """Return the answer that an offset is committed."""
    return OffsetFetchResponse_v3(0, [(TP.topic, [(TP.partition, offset, "", 0)])], 0)


def refused(code: int) -> OffsetFetchResponse_v3:
    """Return a refusal as brokers write it since version 2: no partition is in it."""
    return OffsetFetchResponse_v3(0, [], code)


class Broker:
    """Stands in for aiokafka's client, with answers given."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    async def send(self, _node: int, _request: Any, **_: Any) -> Any:
        """Return the next answer."""
        return self.answers.pop(0)


def committed(kind: type[GroupCoordinator], *answers: Any) -> tuple[dict[TopicPartition, Any], int]:
    """Return what a coordinator of some kind makes of answers, and how often it looked for another broker."""

    class Known(kind):  # type: ignore[misc,valid-type]
        def __init__(self) -> None:
            self.group_id, self.coordinator_id, self._client, self._retry_backoff_ms = "g", 1, Broker(*answers), 1
            self.looked = 0

        async def ensure_coordinator_known(self) -> None:
            self.looked += self.coordinator_id is None
            self.coordinator_id = 1

        def coordinator_dead(self) -> None:
            self.coordinator_id = None

    async def ask() -> tuple[dict[TopicPartition, Any], int]:
        known = Known()
        found = await known.fetch_committed_offsets([TP])
        return {tp: at.offset for tp, at in found.items()}, known.looked

    return asyncio.run(ask())


def test_a_refusal_is_asked_again() -> None:
    """Where the broker is the wrong one, another is looked for; where it is not ready yet, it is waited for."""
    assert committed(HeedingCoordinator, refused(NOT_COORDINATOR), refused(LOADING), said(7)) == ({TP: 7}, 1)


def test_what_is_answered_counts() -> None:
    """Nothing committed is an answer, and so is that of a broker too old to refuse so."""
    assert committed(HeedingCoordinator, said(-1)) == ({}, 0)
    old = OffsetFetchResponse_v1([(TP.topic, [(TP.partition, 7, "", 0)])])
    assert committed(HeedingCoordinator, old) == ({TP: 7}, 0)


def test_what_asking_again_does_not_mend_is_raised() -> None:
    """Whoever may not see the offsets is not told that there are none."""
    with pytest.raises(GroupAuthorizationFailedError):
        committed(HeedingCoordinator, refused(UNAUTHORIZED))


def test_aiokafka_by_itself_takes_a_refusal_for_nothing_committed() -> None:
    """Once it doesn't any more, ours can go."""
    assert committed(GroupCoordinator, refused(NOT_COORDINATOR)) == ({}, 0)


def test_a_worker_s_consumers_heed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a process that are in a group: the inputs' and the dead letters'."""
    monkeypatch.setattr(consumer, "GroupCoordinator", GroupCoordinator)
    install_heeding_coordinator()
    assert consumer.GroupCoordinator is HeedingCoordinator
