"""What a teller that takes over remembers: the notes of what was told, held against what is there.

A transaction is all or nothing, with one exception: where a partition has no leader just as Kafka ends it, the end is
left out there (KAFKA-20734). Then messages are there of which there is no note, or the other way round; in the last
transaction alone, for a takeover follows. So the notes say where the outputs stood before it, and which message of it
was the first in each partition (`transactions.py`):

- What is there from that offset on and isn't noted, is noted.
- Where that message isn't there, the whole partition is held against the notes, and what is noted and isn't there is
  told again. Without any note the same is done.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from math import gcd
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.core.telling import remembered
from streams.shell import cloudevents, connection
from streams.shell.logs import located
from streams.shell.told import UNKNOWN, Reached, Told, ToldAccount, account_record, told_of
from streams.shell.topics import home_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from streams.core.history import EpisodeKey
    from streams.core.telling import ToldEpisode
    from streams.shell.told import Records
    from streams.shell.workplace import Workplace

    Account = tuple[str, int]  # a group and its plan year

log = logging.getLogger(__name__)


class Recalled(NamedTuple):
    """What was told, and which of its notes are otherwise in their topic."""

    told: Told
    mended: Records


async def recall(
    place: Workplace, partition: int, output_partitions: Mapping[str, int], came_on: Callable[[], None]
) -> Recalled:
    """Read what was told of a home partition to its end, calling `came_on` as it does so.

    Call it after fencing, or it may still grow. `output_partitions`: how many the topics of statuses and alerts have.
    NewerStateError where a newer worker told.
    """
    notes, *outputs = written_by(place, partition, output_partitions)
    async with connection.started(_consumer(place.bootstrap_servers)) as consumer:
        # Asked before anything is fetched: the answer would wait behind a fetch.
        ends = await consumer.end_offsets([notes, *outputs])
        reading = _Reading(consumer, ends, came_on)
        newest: dict[bytes, bytes | None] = {}
        await reading.since(notes, 0, lambda record: newest.update({record.key: record.value}))
        told = await told_of(newest)
        held = _Holding(told, lambda group_id: home_partition(group_id, place.home_partitions) == partition)
        if told.reached is not None:  # else it was written by an older worker, or brought from elsewhere
            for output in outputs:
                look = held.look_at_alerts if output.topic == place.names.alerts else held.look_at_statuses
                await look(reading, output, output_partitions[output.topic])
    told.reached = {(output.topic, output.partition): Reached(ends[output], None) for output in outputs}
    if held.mended:
        log.warning("home partition %d: the last transaction wasn't whole: the notes of %d accounts are mended",
                    partition, len(held.mended))  # fmt: skip
    return Recalled(told, held.mended)


def written_by(place: Workplace, partition: int, output_partitions: Mapping[str, int]) -> list[TopicPartition]:
    """Return the partitions that the teller of a home partition writes to: its notes, alerts, statuses."""
    outputs = [
        TopicPartition(topic, number)
        for topic in (place.names.alerts, place.names.status)
        for number in _reachable(partition, place.home_partitions, output_partitions[topic])
    ]
    return [TopicPartition(place.names.told, partition), *outputs]


def _reachable(home: int, home_partitions: int, partitions: int) -> list[int]:
    """Return in which partitions of an output the groups at home in one may be: a name's CRC-32 leaves both rests."""
    shared = gcd(home_partitions, partitions)
    return [number for number in range(partitions) if number % shared == home % shared]


def _consumer(bootstrap_servers: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **connection.aiokafka(bootstrap_servers), group_id=None, enable_auto_commit=False,
        auto_offset_reset="earliest", isolation_level="read_committed", max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=20,  # what is read next waits for the fetch behind the end of what was read last
    )  # fmt: skip


async def ends_of(bootstrap_servers: str, partitions: Collection[TopicPartition]) -> list[int]:
    """Return where partitions end now (what is committed or acknowledged)."""
    async with connection.started(_consumer(bootstrap_servers)) as consumer:
        ends = await consumer.end_offsets(list(partitions))
    return [ends[partition] for partition in partitions]


class _Reading:
    """Reads partitions up to ends that were asked for before."""

    def __init__(
        self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], came_on: Callable[[], None]
    ) -> None:
        self._consumer = consumer
        self.ends = ends
        self._came_on = came_on

    async def since(self, tp: TopicPartition, offset: int, take: Callable[[Any], None]) -> None:
        """Pass a partition's records from an offset on to `take`."""
        if offset >= self.ends[tp]:
            return
        self._consumer.assign([tp])
        self._consumer.seek(tp, offset)
        while await self._consumer.position(tp) < self.ends[tp]:
            for record in (await self._consumer.getmany(tp, timeout_ms=200)).get(tp, ()):
                self._came_on()
                take(record)


def _is_newer(seen: ToldEpisode, noted: ToldEpisode | None) -> bool:
    return noted is None or noted.revision < seen.revision


class _Holding:
    """Holds notes against what is there; `mended` are those that were otherwise."""

    def __init__(self, told: Told, at_home: Callable[[str], bool]) -> None:
        self._told = told
        self._at_home = at_home
        self.mended: Records = {}

    async def look_at_alerts(self, reading: _Reading, tp: TopicPartition, partitions: int) -> None:
        """Hold the episodes that are noted against those in a partition of the alerts."""
        there: defaultdict[Account, dict[EpisodeKey, ToldEpisode]] = defaultdict(dict)

        def take(record: Any) -> None:
            alert = json.loads(record.value)
            if self._at_home(alert["group_id"]):
                one = remembered(alert)
                there[alert["group_id"], alert["plan_year"]][one.key] = one

        is_all = await self._read(reading, tp, take)
        for account in {*there, *(self._accounts(tp, partitions) if is_all else ())}:
            noted = self._told.of_account(*account).episodes
            seen = there.get(account, {})
            if not is_all:
                seen = noted | {key: one for key, one in seen.items() if _is_newer(one, noted.get(key))}
            if seen != noted:
                self._mend(account, seen)

    async def look_at_statuses(self, reading: _Reading, tp: TopicPartition, partitions: int) -> None:
        """Hold the digests that are noted against those in a partition of the statuses."""
        there: dict[Account, str | None] = {}

        def take(record: Any) -> None:
            group_id, year, digest = cloudevents.id_of(record.headers).rsplit("/", 2)
            if self._at_home(group_id):
                there[group_id, int(year)] = None if record.value is None else digest

        is_all = await self._read(reading, tp, take)
        for account in {*there, *(self._accounts(tp, partitions) if is_all else ())}:
            noted = self._told.of_account(*account)
            if noted.status not in (UNKNOWN, there.get(account)):
                self._mend(account, noted.episodes)

    async def _read(self, reading: _Reading, tp: TopicPartition, take: Callable[[Any], None]) -> bool:
        """Read what may not be noted; all, where something that is noted isn't there. Return whether it was all."""
        assert self._told.reached is not None
        offset, message_id = self._told.reached.get((tp.topic, tp.partition), Reached(0, None))
        if offset > reading.ends[tp]:
            log.warning("%s[%d] is shorter than when it was last written to; it is not held against the notes",
                        *tp, extra=located(tp, offset))  # fmt: skip
            return False
        ids: set[str | None] = {None}

        def look(record: Any) -> None:
            ids.add(cloudevents.id_of(record.headers))
            try:
                take(record)
            except (AttributeError, LookupError, TypeError, ValueError):
                log.warning("%s[%d]@%d: nothing that a worker tells; passed over", *tp, record.offset,
                            extra=located(tp, record.offset))  # fmt: skip

        await reading.since(tp, offset, look)
        if message_id in ids:
            return offset == 0
        log.warning("%s[%d]: what was told last isn't there; all of it is held against the notes",
                    *tp, extra=located(tp, offset))  # fmt: skip
        await reading.since(tp, 0, look)
        return True

    def _accounts(self, tp: TopicPartition, partitions: int) -> Iterator[Account]:
        for group_id in self._told.groups():
            if home_partition(group_id, partitions) == tp.partition:
                for year in self._told.years(group_id):
                    yield group_id, year

    def _mend(self, account: Account, episodes: Mapping[EpisodeKey, ToldEpisode]) -> None:
        """Note which episodes are there; the status is told again, whichever is there."""
        record = account_record(ToldAccount(UNKNOWN, dict(episodes)))
        self._told.note(*account, record)
        self.mended[account] = record
