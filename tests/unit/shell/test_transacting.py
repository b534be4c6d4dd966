"""A transaction in three requests: what is tried again, under which numbers, and what only a takeover mends."""

from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from aiokafka.errors import InvalidTxnState, KafkaConnectionError, ProducerFenced, TopicAuthorizationFailedError
from aiokafka.record.memory_records import MemoryRecords

from streams.shell import outbox, transacting
from streams.shell.outbox import Message
from streams.shell.transacting import TransactionalProducer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CONCURRENT, NOT_COORDINATOR, NOT_LEADER, DUPLICATE, OLD_EPOCH, FENCED = 51, 16, 6, 46, 47, 90
NOT_ATTEMPTED, FORBIDDEN, INVALID_STATE = 55, 29, 48
T = TypeVar("T")
MESSAGES = [Message("alerts", 0, b"k", b"1"), Message("told", 2, b"k", b"2"), Message("alerts", 0, b"k", b"3")]


class Broker:
    """Answers requests as a test says, and else with yes."""

    def __init__(self, producer: TransactionalProducer, says: dict[str, list[Any]]) -> None:
        self.says = says
        self.asked: list[str] = []
        self.added: list[set[tuple[str, int]]] = []
        self.ended: list[bool] = []  # committed
        self.sequences: list[tuple[str, int, int, int]] = []  # of each batch: place, its sequence number, its records
        self.looked_up = 0
        producer.client.send = self.send
        producer.client._wait_on_metadata = self.nothing
        producer.client.force_metadata_update = self.nothing
        producer.client.cluster.leader_for_partition = lambda tp: tp.partition
        producer._sender._find_coordinator = self.find

    async def nothing(self, *_: Any) -> None:
        """Do nothing."""

    async def find(self, *_: Any) -> int:
        """Return the coordinator."""
        self.looked_up += 1
        return 0

    async def send(self, _node: int, request: Any, **_: Any) -> Any:
        """Answer."""
        await asyncio.sleep(0)
        kind = type(request).__name__.removesuffix("Request")
        self.asked.append(kind)
        said = self.says[kind].pop(0) if self.says.get(kind) else 0
        if isinstance(said, float):  # yes, some seconds later
            await asyncio.sleep(said)
            said = 0
        if isinstance(said, Exception):
            raise said
        if kind == "AddPartitionsToTxn":
            self.added.append({(topic, partition) for topic, rows in request._topics for partition in rows})
            codes = [said] if isinstance(said, int) else said
            return SimpleNamespace(errors=[("alerts", list(enumerate(codes)))])
        if kind == "EndTxn":
            self.ended.append(request._transaction_result)
            return SimpleNamespace(error_code=said)
        return SimpleNamespace(topics=[(topic, [*self.taken(topic, rows, said)]) for topic, rows in request._topics])

    def taken(self, topic: str, rows: Any, code: int) -> Any:
        """Note batches, and yield the answer to each: it stands at 100 and its partition."""
        for partition, data in rows:
            batch = MemoryRecords(bytes(data)).next_batch()
            self.sequences.append((topic, partition, batch.base_sequence, len(list(batch))))
            yield partition, code, 100 + partition, -1


def transact(says: dict[str, list[Any]], times: int = 1) -> tuple[Broker, dict[tuple[str, int], int]]:
    """Have MESSAGES sent in transactions; return the broker and what the last said."""

    async def run(producer: TransactionalProducer) -> dict[tuple[str, int], int]:
        for _ in range(times):
            offsets = await producer.transact(MESSAGES)
        return offsets

    return with_producer(run, says)


def with_producer(
    run: Callable[[TransactionalProducer], Awaitable[T]], says: dict[str, list[Any]]
) -> tuple[Broker, T]:
    """Return a broker that answered as `says` has it, and what came of its producer."""

    async def ran() -> tuple[Broker, T]:
        producer = TransactionalProducer(bootstrap_servers="nowhere:1", transactional_id="t", acks="all")
        producer._txn_manager.set_pid_and_epoch(7, 3)
        broker = Broker(producer, says)
        try:
            return broker, await run(producer)
        finally:
            producer._closed = True  # it was never started, and would complain when it is collected

    return asyncio.run(ran())


@pytest.fixture(autouse=True)
def _in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transacting, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(transacting, "ENDING_PAUSE_SECONDS", 0)


def test_partitions_are_added_before_batches_come_and_the_end_is_last() -> None:
    """A batch that came before would be refused; sequence numbers go on from one transaction to the next."""
    broker, offsets = transact({}, times=2)
    assert broker.asked == ["AddPartitionsToTxn", "Produce", "Produce", "EndTxn"] * 2
    assert broker.sequences == [("alerts", 0, 0, 2), ("told", 2, 0, 1), ("alerts", 0, 2, 2), ("told", 2, 1, 1)]
    assert offsets == {("alerts", 0): 100, ("told", 2): 102}


def begun_ahead(places: set[tuple[str, int]], says: dict[str, list[Any]], wait_seconds: float) -> Broker:
    """Have a transaction begun ahead with some partitions, then MESSAGES sent; return the broker."""

    async def run(producer: TransactionalProducer) -> None:
        producer.begin_ahead(places)
        await asyncio.sleep(wait_seconds)
        await producer.transact(MESSAGES)

    return with_producer(run, says)[0]


def test_what_was_begun_ahead_is_not_asked_for_again() -> None:
    """What comes waits for two requests."""
    broker = begun_ahead({("alerts", 0), ("told", 2)}, {}, 0.05)
    assert broker.asked == ["AddPartitionsToTxn", "Produce", "Produce", "EndTxn"]
    assert broker.added == [{("alerts", 0), ("told", 2)}]


def test_what_was_not_thought_of_is_added() -> None:
    """As a status, where alerts were expected."""
    broker = begun_ahead({("alerts", 0), ("alerts", 5)}, {}, 0.05)
    assert broker.asked == ["AddPartitionsToTxn", "AddPartitionsToTxn", "Produce", "Produce", "EndTxn"]
    assert broker.added == [{("alerts", 0), ("alerts", 5)}, {("told", 2)}]


def test_what_comes_before_it_was_begun_is_begun_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka may still be ending the transaction before: whoever waits for nothing yet waits a little."""
    monkeypatch.setattr(transacting, "ENDING_PAUSE_SECONDS", 1)
    broker = begun_ahead({("alerts", 0)}, {}, 0)
    assert broker.added == [{("alerts", 0), ("told", 2)}]


def test_what_is_being_begun_is_waited_for() -> None:
    """And then it isn't asked for again."""
    broker = begun_ahead({("alerts", 0), ("told", 2)}, {"AddPartitionsToTxn": [0.1]}, 0.05)
    assert broker.asked == ["AddPartitionsToTxn", "Produce", "Produce", "EndTxn"]


def test_what_is_begun_just_as_it_is_wanted_is_not_waited_for_any_longer() -> None:
    """Kafka's answer comes after it was looked for, and before it is waited for."""

    async def run(producer: TransactionalProducer) -> None:
        answer = asyncio.get_running_loop().create_future()
        add, producer._add = producer._add, lambda _: answer  # type: ignore[method-assign,assignment]
        producer.begin_ahead({("alerts", 0), ("told", 2)})
        await asyncio.sleep(0.05)
        producer._add = add  # type: ignore[method-assign]
        answer.set_result(None)
        async with asyncio.timeout(1):
            await producer.transact(MESSAGES)

    broker, _ = with_producer(run, {})
    assert broker.asked == ["Produce", "Produce", "EndTxn"]


def test_what_is_being_aborted_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came then would be in the transaction that is aborted."""
    monkeypatch.setattr(transacting, "AHEAD_SECONDS", 0.01)
    broker = begun_ahead({("alerts", 0), ("told", 2)}, {"EndTxn": [0.1]}, 0.05)
    assert broker.asked == ["AddPartitionsToTxn", "EndTxn", "AddPartitionsToTxn", "Produce", "Produce", "EndTxn"]
    assert broker.ended == [False, True]


def test_what_was_begun_for_nothing_is_aborted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka would abort it later, and have nobody go on under the same epoch."""
    monkeypatch.setattr(transacting, "AHEAD_SECONDS", 0.01)
    broker = begun_ahead({("alerts", 0), ("told", 2)}, {}, 0.05)
    assert broker.asked == ["AddPartitionsToTxn", "EndTxn", "AddPartitionsToTxn", "Produce", "Produce", "EndTxn"]
    assert broker.ended == [False, True]


@pytest.mark.parametrize("kind", ["AddPartitionsToTxn", "EndTxn"])
def test_what_fails_ahead_is_raised_with_what_comes_next(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """How the transaction stands isn't known: only a takeover finds out."""
    monkeypatch.setattr(transacting, "AHEAD_SECONDS", 0.01)
    with pytest.raises(ProducerFenced):
        begun_ahead({("alerts", 0)}, {kind: [FENCED]}, 0.05)


def test_a_producer_that_stops_after_a_failure_says_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    """Another worker has its id, and it is let go for that."""

    async def run(producer: TransactionalProducer) -> None:
        producer.begin_ahead({("alerts", 0)})
        await asyncio.sleep(0.05)
        await producer.stop()
        producer._ahead = None

    with_producer(run, {"AddPartitionsToTxn": [FENCED]})
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_a_producer_that_stops_leaves_nothing_waiting() -> None:
    """What was begun ahead is whoever's who has the id next."""

    async def run(producer: TransactionalProducer) -> bool:
        producer.begin_ahead({("alerts", 0)})
        await asyncio.sleep(0.05)
        ahead = producer._ahead
        assert ahead is not None
        await producer.stop()
        return ahead.done()

    broker, is_done = with_producer(run, {})
    assert is_done
    assert broker.asked == ["AddPartitionsToTxn"]


@pytest.mark.parametrize("said", [CONCURRENT, NOT_COORDINATOR, KafkaConnectionError(), [NOT_ATTEMPTED, CONCURRENT]])
@pytest.mark.parametrize("kind", ["AddPartitionsToTxn", "EndTxn"])
def test_what_may_pass_is_asked_again(kind: str, said: Any) -> None:
    """The transaction before may still be being ended; a coordinator may have moved, and is looked for again."""
    if kind == "EndTxn" and isinstance(said, list):
        said = CONCURRENT
    broker, _ = transact({kind: [said]})
    assert broker.asked.count(kind) == 2
    assert broker.looked_up == 3


@pytest.mark.parametrize("said", [NOT_LEADER, KafkaConnectionError()])
def test_a_batch_that_is_produced_again_keeps_its_sequence_number(said: Any) -> None:
    """The broker then knows it for the same, should it have it already; others of the request are not sent again."""
    broker, offsets = transact({"Produce": [said]})
    assert offsets == {("alerts", 0): 100, ("told", 2): 102}
    assert broker.asked.count("Produce") == 3
    assert set(broker.sequences) == {("alerts", 0, 0, 2), ("told", 2, 0, 1)}


def test_a_batch_that_is_there_already_is_there() -> None:
    """An answer was lost, and the batch came twice."""
    broker, _ = transact({"Produce": [DUPLICATE]})
    assert broker.asked.count("Produce") == 2


@pytest.mark.parametrize(
    ("says", "error"),
    [
        *[({kind: [code]}, ProducerFenced) for kind in ("AddPartitionsToTxn", "Produce", "EndTxn")
          for code in (OLD_EPOCH, FENCED)],
        ({"AddPartitionsToTxn": [[NOT_ATTEMPTED, FORBIDDEN]]}, TopicAuthorizationFailedError),
        ({"AddPartitionsToTxn": [[CONCURRENT, FORBIDDEN]]}, TopicAuthorizationFailedError),
        ({"EndTxn": [INVALID_STATE]}, InvalidTxnState),
    ],
)  # fmt: skip
def test_what_does_not_pass_is_raised(says: dict[str, list[Any]], error: type[Exception]) -> None:
    """The teller takes over anew; where another has its id, it first finds out whether it is a member."""
    with pytest.raises(error):
        transact(says)


def test_more_than_a_batch_holds_comes_in_several_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request may have one batch of a partition; what comes of it is the newest batch's offset."""

    def one_each(fits: Callable[..., bool]) -> Callable[..., bool]:
        return lambda batch, message: batch.record_count() == 0 and fits(batch, message)

    monkeypatch.setattr(outbox, "_fits", one_each(outbox._fits))
    broker, _ = transact({})
    assert broker.sequences == [("alerts", 0, 0, 1), ("told", 2, 0, 1), ("alerts", 0, 1, 1)]
