"""What was told as a whole: taken from all partitions of `quotastream-told`, and spread over as many as there are.

For more home partitions (`rebuilding.py`), and for backups (`backups.py`). Both write in one transaction, after every
teller there may be was fenced: either all of it is there or nothing, and nobody goes on telling by what was before.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from kafka import KafkaProducer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from streams.shell import connection, subscriber
from streams.shell.outbox import Message
from streams.shell.told import CONFLICT_MARK, META_KEY, Told
from streams.shell.topics import LARGEST_BYTES, home_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kafka import KafkaConsumer

    from streams.shell.topics import Names

    Send = Callable[[Message], None]

#: The longest that a broker lets a transaction take where nobody set transaction.max.timeout.ms.
TRANSACTION_SECONDS = 900


class SpreadError(Exception):
    """What was told was not moved or put back, and is as before; the text is one line."""


class Kept(NamedTuple):
    """A record of a compacted topic, the newest of its key."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Facts:
    """What was told that belongs to no group: the latest day reached, and whose dead letters were sent."""

    def __init__(self) -> None:
        self.day = 0
        self.conflicts: dict[bytes, bytes] = {}

    def take(self, key: bytes, value: bytes) -> bool:
        """Take a record in, and return whether it was one of these; NewerStateError where a newer worker wrote it."""
        if key == META_KEY:
            told = Told()
            told.take(key, value)
            self.day = max(self.day, told.day)
        elif key.startswith(CONFLICT_MARK):
            self.conflicts[key] = value  # of whichever group it is: each partition may know it
        else:
            return False
        return True

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield what each partition is told of them; how far policies were known isn't, for they are read again."""
        yield from self.conflicts.items()
        if self.day:
            yield META_KEY, Told(self.day).meta()


def newest(consumer: KafkaConsumer, topic: str, partitions: Iterable[int]) -> Iterator[Kept]:
    """Yield the newest committed record of each key, partition by partition, in the order in which they came."""
    for partition in partitions:
        found: dict[bytes, Any] = {}
        consumer.assign([TopicPartition(topic, partition)])
        consumer.seek_to_beginning()
        for record in subscriber.to_the_end(consumer):
            found.pop(record.key, None)
            if record.value is not None:
                found[record.key] = record
        for key, record in found.items():
            yield Kept(partition, key, record.value, record.headers)


def account_group(key: bytes) -> str:
    """Return the group of an account, by its key (`group/year`)."""
    return key.decode().rsplit("/", 1)[0]


def move(bootstrap_servers: str, names: Names, partitions: int) -> int:
    """Move what was told of each account to its home among so many partitions, which are there; return of how many.

    Moves only what is elsewhere, so that it can be done again.
    """
    moved = 0
    facts = Facts()
    with transaction(bootstrap_servers, names, partitions) as send, reader(bootstrap_servers) as consumer:
        for kept in newest(consumer, names.told, range(partitions)):
            if facts.take(kept.key, kept.value):
                continue
            home = home_partition(account_group(kept.key), partitions)
            if home != kept.partition:
                send(Message(names.told, home, kept.key, kept.value))
                send(Message(names.told, kept.partition, kept.key, None))
                moved += 1
        for partition in range(partitions):
            for key, value in facts.records():
                send(Message(names.told, partition, key, value))
    return moved


@contextmanager
def transaction(bootstrap_servers: str, names: Names, home_partitions: int) -> Iterator[Send]:
    """Fence the tellers of so many home partitions, then yield what sends a message, all in one transaction.

    Committed at the end of the with-block, aborted where that raises. SpreadError where Kafka doesn't do it.
    """
    with ExitStack() as closing:
        try:
            producer = _begun(bootstrap_servers, names, home_partitions)
        except AuthorizationError:
            raise
        except KafkaError as error:
            raise SpreadError(f"Kafka refused to begin a transaction, and nothing was changed: {error}") from error
        closing.callback(producer.close)
        failures: list[Exception] = []

        def send(message: Message) -> None:
            future = producer.send(
                message.topic, message.value, message.key, list(message.headers), message.partition
            )
            future.add_errback(failures.append)

        try:
            yield send
            _commit(producer, failures)
        except BaseException as error:
            _abort(producer)
            if isinstance(error, KafkaError) and not isinstance(error, AuthorizationError):
                raise SpreadError(f"Kafka did not take all of it, so none counts: {error}") from error
            raise


def _begun(bootstrap_servers: str, names: Names, home_partitions: int) -> KafkaProducer:
    """Return a producer in a transaction, once it, or one before it, has fenced every teller."""
    for partition in range(1, home_partitions):
        _fencing(bootstrap_servers, names.transactional_id(partition)).close()
    producer = _fencing(bootstrap_servers, names.transactional_id(0))
    producer.begin_transaction()
    return producer


def _commit(producer: KafkaProducer, failures: list[Exception]) -> None:
    producer.flush()
    if failures:
        raise failures[0]
    producer.commit_transaction()


def _fencing(bootstrap_servers: str, transactional_id: str) -> KafkaProducer:
    """Return a producer of this id, after which no other of the same id can commit anything."""
    producer = connection.idempotent_producer(
        bootstrap_servers, transactional_id=transactional_id, transaction_timeout_ms=TRANSACTION_SECONDS * 1000,
        linger_ms=20, max_request_size=LARGEST_BYTES + (1 << 20),
    )  # fmt: skip
    producer.init_transactions()
    return producer


def _abort(producer: KafkaProducer) -> None:
    try:
        producer.abort_transaction()
    except KafkaError:
        return  # the broker aborts what is not committed in time


@contextmanager
def reader(bootstrap_servers: str) -> Iterator[KafkaConsumer]:
    """Yield a consumer of committed records, of no group."""
    consumer = subscriber.committed_reader(bootstrap_servers)
    try:
        yield consumer
    finally:
        consumer.close(autocommit=False)
