"""The watchdog, looking at a consumer that is made up, on a clock that is moved."""

from __future__ import annotations

import asyncio

import pytest
from faust.types.tuples import TP

from streams.shell.watchdog import JOIN_SECONDS, NUDGE_SECONDS, RESTART_SECONDS, Watchdog

ONE, OTHER = TP("remittances", 0), TP("quotastream-home", 2)


class FakeConsumer:
    """A consumer of two partitions, with what a test says of it."""

    def __init__(self) -> None:
        self.silent = False
        self.joined = True
        self.at = {ONE: 5, OTHER: 7}
        self.ends = {ONE: 5, OTHER: 7}
        self.epochs = 0
        self.unreachable = False

    def assignment(self) -> set[TP]:
        """Return its partitions."""
        return set(self.at)

    def fronts(self) -> dict[TP, int]:
        """Return where it stands."""
        return dict(self.at)

    async def read_ends(self) -> dict[TP, int]:
        """Return where the partitions end."""
        if self.unreachable:
            raise OSError("no broker")
        return dict(self.ends)

    def begin_epoch(self) -> None:
        """Count that it was told to read again."""
        self.epochs += 1


class Watch:
    """A watchdog, its consumer, and the time."""

    def __init__(self, now: float) -> None:
        self.consumer = FakeConsumer()
        self.tellers: dict[int, object] = {}
        self.dog = Watchdog(self.consumer, lambda: self.tellers, now)
        self.now = now

    async def after(self, seconds: float) -> str | None:
        """Look, so many seconds later."""
        self.now += seconds
        await self.dog.read_ends()
        return self.dog.look(self.now)


@pytest.fixture
def watch() -> Watch:
    """Give a watchdog that saw everything in order."""
    return Watch(1_000.0)


def look(watch: Watch, seconds: float) -> str | None:
    """Look, so many seconds later."""
    return asyncio.run(watch.after(seconds))


def test_idle_is_no_stall(watch: Watch) -> None:
    """Without lag a partition may stand for ever."""
    assert look(watch, 0) is None
    assert look(watch, 10 * RESTART_SECONDS) is None
    assert watch.dog.stalled == []
    assert watch.consumer.epochs == 0


def test_progress_is_no_stall(watch: Watch) -> None:
    """A partition whose front moves is well, however far it lags behind."""
    watch.consumer.ends[ONE] = 1_000_000
    for _ in range(20):
        watch.consumer.at[ONE] += 1
        assert look(watch, NUDGE_SECONDS - 1) is None
    assert watch.dog.stalled == []
    assert watch.consumer.epochs == 0


def test_lag_without_progress_is_read_again_first(watch: Watch) -> None:
    """It is named, and a new epoch begun, once in a while, before anything harder."""
    assert look(watch, 0) is None
    watch.consumer.ends[OTHER] = 8
    assert look(watch, NUDGE_SECONDS - 1) is None
    assert watch.dog.stalled == []
    assert look(watch, 2) is None
    assert watch.dog.stalled == ["quotastream-home[2]"]
    assert watch.consumer.epochs == 1
    assert look(watch, 1) is None
    assert watch.consumer.epochs == 1


def test_what_moves_again_is_forgotten(watch: Watch) -> None:
    """After progress the partition is stalled no more, and its time begins anew."""
    look(watch, 0)
    watch.consumer.ends[OTHER] = 9
    look(watch, NUDGE_SECONDS + 1)
    watch.consumer.at[OTHER] = 8
    assert look(watch, 1) is None
    assert watch.dog.stalled == []
    assert look(watch, RESTART_SECONDS / 2) is None
    assert watch.dog.stalled == ["quotastream-home[2]"]


def test_a_long_stall_needs_a_new_start(watch: Watch) -> None:
    """What reading again didn't help is a reason to be put together anew, with the partition's name."""
    look(watch, 0)
    watch.consumer.ends[ONE] = 6
    reason = look(watch, RESTART_SECONDS + 1)
    assert reason is not None
    assert "remittances[0]" in reason


def test_a_partition_without_a_place_to_read_from_stalls(watch: Watch) -> None:
    """An assigned partition of which nobody knows where it stands is noticed too."""
    look(watch, 0)
    watch.consumer.fronts = dict  # type: ignore[method-assign]
    assert look(watch, RESTART_SECONDS + 1) is not None


def test_what_is_taken_away_is_not_missed(watch: Watch) -> None:
    """A partition that moves to another worker is this one's care no more."""
    look(watch, 0)
    watch.consumer.ends[ONE] = 6
    del watch.consumer.at[ONE]
    assert look(watch, RESTART_SECONDS + 1) is None
    assert watch.dog.stalled == []


def test_a_silent_consumer_needs_a_new_start(watch: Watch) -> None:
    """A routine of the client that ended is a reason at once."""
    watch.consumer.silent = True
    assert look(watch, 0) is not None


def test_a_worker_outside_the_group_needs_a_new_start(watch: Watch) -> None:
    """A while without membership is a rebalance; a minute is a reason."""
    watch.consumer.joined = False
    assert look(watch, JOIN_SECONDS - 1) is None
    assert look(watch, 2) is not None


def test_a_broker_that_is_away_is_no_stall(watch: Watch) -> None:
    """Where Kafka can't be asked, what it said last holds."""
    look(watch, 0)
    watch.consumer.unreachable = True
    assert look(watch, RESTART_SECONDS + 1) is None


def test_a_teller_that_hangs_needs_a_new_start(watch: Watch) -> None:
    """A takeover that waits for ever leaves its groups untold, though nothing lags: named first, then begun anew."""
    watch.tellers = {2: "reads what was told", 3: 1}
    assert look(watch, 0) is None
    watch.tellers[3] = 2
    assert look(watch, NUDGE_SECONDS + 1) is None
    assert watch.dog.stalled == ["teller[2]"]
    assert watch.consumer.epochs == 0
    reason = look(watch, RESTART_SECONDS)
    assert reason is not None
    assert "teller[2]" in reason


def test_a_teller_that_comes_on_or_goes_is_no_stall(watch: Watch) -> None:
    """However long a takeover lasts, each step begins its time anew; one that moved away is another worker's care."""
    for step in range(20):
        watch.tellers = {2: step}
        assert look(watch, NUDGE_SECONDS - 1) is None
    watch.tellers = {}
    assert look(watch, RESTART_SECONDS + 1) is None
    assert watch.dog.stalled == []


def test_no_teller_comes_on_without_a_broker(watch: Watch) -> None:
    """A worker that is put together anew helps no broker; once it answers, a teller has its time."""
    watch.tellers = {2: "waits"}
    watch.consumer.unreachable = True
    assert look(watch, 0) is None
    assert look(watch, RESTART_SECONDS + 1) is None
    watch.consumer.unreachable = False
    assert look(watch, NUDGE_SECONDS) is None
    assert watch.dog.stalled == []
    assert look(watch, RESTART_SECONDS + 1) is not None
