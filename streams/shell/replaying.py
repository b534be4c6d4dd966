"""Sending the originals of dead letters again, to the topic and partition that they came from.

What counts once is not settled here: a record that is sent again has the same event_id, and the ledger knows it. What
is settled here is that nothing is sent which would only become a dead letter once more.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from kafka import KafkaProducer, TopicPartition

from streams.shell import codec, connection, subscriber
from streams.shell.dead_letters import KEPT_KEY_BYTES
from streams.shell.letters import CONFLICT, Place, input_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kafka import KafkaConsumer

    from streams.shell.letters import Letter, Selection
    from streams.shell.topics import Names

REPLAY_HEADER = "quotastream_replay_of"
BATCH = 500  # letters whose originals are in memory at once
NEAR = 2_000  # offsets to read over rather than seek
SENT_WITHIN_S = 60


class Original(NamedTuple):
    """A record as it was sent."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class Outcome(NamedTuple):
    """What became of a letter: sent again, or left alone and why."""

    letter: Letter
    left_alone: str | None
    original: Original | None  # what was sent, or would be

    @property
    def expected(self) -> bool:
        """Whether it is as it should be: sent, or left alone as one that nobody named."""
        return self.left_alone in {None, UNNAMED_CONFLICT}


UNNAMED_CONFLICT = "it would conflict again, and the first stand: name it to replay it all the same"
GONE = "the original is no longer in Kafka: mend it with --file"
UNREADABLE = "the original stands among records with a header name that is not UTF-8: mend it with --file"


def replay(
    bootstrap_servers: str,
    names: Names,
    letters: list[Letter],
    selection: Selection,
    mended: Mapping[Place, bytes],
    *,
    send: bool,
) -> Iterator[Outcome]:
    """Yield what becomes of each letter, after it was sent and acknowledged; with `send` false nothing is sent."""
    consumer = subscriber.committed_reader(bootstrap_servers)
    producer = (
        connection.idempotent_producer(bootstrap_servers, linger_ms=5, max_request_size=4 << 20) if send else None
    )
    try:
        for at in range(0, len(letters), BATCH):
            batch = letters[at : at + BATCH]
            there = originals(consumer, {letter.place for letter in batch if input_kind(names, letter.place.topic)})
            outcomes = [judge(names, letter, there.get(letter.place), selection, mended) for letter in batch]
            if producer is not None:
                _send(producer, [outcome for outcome in outcomes if outcome.left_alone is None])
            yield from outcomes
    finally:
        consumer.close(autocommit=False)
        if producer is not None:
            producer.close(timeout=5)


def judge(
    names: Names,
    letter: Letter,
    found: Original | str | None,
    selection: Selection,
    mended: Mapping[Place, bytes],
) -> Outcome:
    """Return what is to become of a letter, whose original was `found` (or why it can't be read, or None: gone)."""
    kind = input_kind(names, letter.place.topic)
    if kind is None:
        return Outcome(letter, f"{letter.place.topic} is no input topic of this installation", None)
    is_mended = letter.place in mended
    if not isinstance(found, Original):
        if not is_mended:
            return Outcome(letter, found or GONE, None)
        key = (
            letter.key if len(letter.key or b"") < KEPT_KEY_BYTES else None
        )  # it may be cut; no key decides anything
        found = Original(key, None, [])
    original = Original(found.key, mended[letter.place], found.headers) if is_mended else found
    try:
        codec.decode(kind, original.value, original.headers)
    except codec.BadRecord as bad:
        return Outcome(letter, f"it would be a dead letter again: {bad.reason} ({bad.detail})", None)
    named = is_mended or selection.names(letter) or CONFLICT in selection.reasons
    if letter.reason == CONFLICT and not named:
        return Outcome(letter, UNNAMED_CONFLICT, None)
    return Outcome(letter, None, Original(original.key, original.value, _headers(original.headers, letter.place)))


def _headers(headers: list[tuple[str, bytes | None]], place: Place) -> list[tuple[str, bytes | None]]:
    """Add where the original is; one that was itself a replay names the first of them already."""
    if any(name == REPLAY_HEADER for name, _ in headers):
        return headers
    return [*headers, (REPLAY_HEADER, str(place).encode())]


def originals(consumer: KafkaConsumer, places: Iterable[Place]) -> dict[Place, Original | str]:
    """Return the records that are still there, or why one can't be read."""
    wanted: dict[TopicPartition, set[int]] = defaultdict(set)
    for place in places:
        wanted[TopicPartition(place.topic, place.partition)].add(place.offset)
    there = [tp for tp in wanted if tp.partition in (consumer.partitions_for_topic(tp.topic) or ())]
    found: dict[Place, Original | str] = {}
    begins, ends = consumer.beginning_offsets(there), consumer.end_offsets(there)
    for tp in there:
        _read_some(consumer, tp, sorted(o for o in wanted[tp] if begins[tp] <= o < ends[tp]), found)
    return found


def _read_some(
    consumer: KafkaConsumer, tp: TopicPartition, offsets: list[int], found: dict[Place, Original | str]
) -> None:
    consumer.assign([tp])
    patience = subscriber.Patience()
    left = offsets
    position = -NEAR
    while left:
        if left[0] - position >= NEAR or left[0] < position:
            consumer.seek(tp, left[0])
        try:
            records = consumer.poll(timeout_ms=subscriber.POLL_MS).get(tp, [])
        except UnicodeDecodeError:  # the client reads a batch whole, and gives up on all of it
            found[Place(tp.topic, tp.partition, left[0])] = UNREADABLE
            left, position = left[1:], -NEAR
            continue
        wanted = set(left)
        for record in records:
            if record.offset in wanted:
                found[Place(tp.topic, tp.partition, record.offset)] = Original(
                    record.key, record.value, list(record.headers)
                )
        position = consumer.position(tp)
        left = [offset for offset in left if offset >= position]
        patience.seen((len(left), position))


def _send(producer: KafkaProducer, outcomes: list[Outcome]) -> None:
    """Send them and wait for each; KafkaError where one is not acknowledged."""
    futures: list[Any] = []
    for letter, _, original in outcomes:
        assert original is not None
        futures.append(
            producer.send(
                letter.place.topic,
                key=original.key,
                value=original.value,
                headers=original.headers,
                partition=letter.place.partition,
            )
        )
    producer.flush()
    for future in futures:
        future.get(SENT_WITHIN_S)
