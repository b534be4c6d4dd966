"""The rebuild: the internal logs, and so every ledger, made again from the input topics alone.

The order is what makes it safe to be cut off anywhere. First the group's committed offsets go, for a worker that
starts on empty logs with old offsets would take a half-known past for the whole one, and tell what is false; Kafka
deletes them only while the group has no member. Then the logs go and are made anew. What is left alone is what was
told: a worker that starts afterwards routes everything again, tells nothing before it has folded all of it, and then
finds that it is told already. Local stores void themselves, for they carry the id of the log that they are of.

With more home partitions, what was told is moved to the groups' new homes (`spreading.py`) before the logs go: while
the home log and what was told differ in partitions, no worker starts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import for_code

from streams.shell import connection, packs, spreading, topic_admin
from streams.shell.topic_admin import TopicAdminError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka import KafkaAdminClient

    from streams.shell.topics import Names

GONE_WITHIN_S = 30.0
TAIL_PACKS = 500  # of each home partition: they name how far each input was when they were written


class RebuildError(Exception):
    """The rebuild is refused, or stopped half-way; the text is one line that says what to do."""


class Log(NamedTuple):
    """An internal log that will be made anew."""

    topic: str
    partitions: int
    records: int


class Input(NamedTuple):
    """A partition of an input topic, and what of it is no longer there."""

    topic: str
    partition: int
    start: int
    end: int
    covered: int  # the offset up to which the logs to be deleted hold it, as far as their ends tell

    @property
    def lost(self) -> str | None:
        """What the rebuild would lose of it, None if nothing."""
        where = f"{self.topic}[{self.partition}]"
        if self.end < self.covered:
            return f"{where} ends at offset {self.end}, and the logs hold it up to {self.covered}: it was made anew"
        if self.start > 0:
            return f"{where} begins at offset {self.start}: the records before it are in the logs alone"
        return None


class Plan(NamedTuple):
    """What a rebuild would do, and on what."""

    members: int  # of the consumer group: workers that are alive
    logs: list[Log]
    inputs: list[Input]
    compacted: list[str]  # input topics of which Kafka keeps only the newest record of a key
    replication_factor: int
    partitions: int  # of the home log afterwards
    moves: bool  # whether what was told may be elsewhere than where the groups will be at home

    @property
    def losses(self) -> list[str]:
        """What of the past the inputs no longer hold, one sentence each."""
        gone = [one.lost for one in self.inputs if one.lost]
        return gone + [f"{topic} is compacted: of each key only the newest is there" for topic in self.compacted]

    @property
    def records(self) -> int:
        """How many records a worker will read again."""
        return sum(one.end - one.start for one in self.inputs)


def plan(admin: KafkaAdminClient, bootstrap_servers: str, names: Names, home_partitions: int | None = None) -> Plan:
    """Look at everything that a rebuild touches, to so many home partitions (None: as now); change nothing.

    RebuildError where an input topic is missing, or there are more home partitions now.
    """
    wanted = [*names.inputs, names.home, names.policies, names.told]
    topics = {topic["name"]: topic for topic in topic_admin.describe(admin, wanted)}
    missing = [name for name in names.inputs if topics[name]["error_code"]]
    if missing:
        raise RebuildError(f"no topic {', '.join(missing)}: there is nothing to make the logs from")
    compacted = [
        difference.topic
        for difference in topic_admin.check(admin, names)
        if difference.topic in names.inputs and difference.what == "cleanup.policy"
    ]
    there = [topics[name] for name in (names.home, names.policies) if not topics[name]["error_code"]]
    told, home = (0 if topics[n]["error_code"] else len(topics[n]["partitions"]) for n in (names.told, names.home))
    settled = told or home or topic_admin.DEFAULT_PARTITIONS
    partitions = home_partitions or settled
    if partitions < settled:
        raise RebuildError(f"there are {settled} home partitions, and they can only become more (docs/scaling.md)")
    with_logs = [len(topic["partitions"][0]["replica_nodes"]) for topic in there]
    logs, inputs = _read_ends(bootstrap_servers, names, topics)
    return Plan(
        members=members(admin, names),
        logs=logs,
        inputs=inputs,
        compacted=compacted,
        replication_factor=max(with_logs, default=0),
        partitions=partitions,
        # Where they differ already, an earlier command was cut off, or somebody else added some.
        moves=bool(told) and (partitions != told or home not in {0, told}),
    )


def members(admin: KafkaAdminClient, names: Names) -> int:
    """Return how many workers are members of the consumer group."""
    group = admin.describe_groups([names.consumer_group])[names.consumer_group]
    if group["error"] and group["group_state"] != "Dead":  # so Kafka calls a group that it doesn't know
        raise RebuildError(f"Kafka does not say who is in {names.consumer_group}: {group['error']}")
    return len(group["members"])


def rebuild(
    admin: KafkaAdminClient, bootstrap_servers: str, names: Names, planned: Plan, say: Callable[[str], None]
) -> None:
    """Do what was planned; `say` is told each step. RebuildError where a worker is alive."""
    if not planned.moves:  # how far dead letters were sent: what is read again is judged again, perhaps otherwise
        _delete_group(admin, names, names.letters_group)
    forget_offsets(admin, names)
    say(f"the committed offsets of {names.consumer_group} are gone")
    if planned.moves:
        topic_admin.add_partitions(admin, names.told, planned.partitions)
        require_nobody(admin, names)
        moved = spreading.move(bootstrap_servers, names, planned.partitions)
        say(f"what was told of {moved} accounts is moved, to {planned.partitions} partitions of {names.told}")
    for log in planned.logs:
        require_nobody(admin, names)
        _delete(admin, log.topic)
        say(f"{log.topic} is deleted")
    topic_admin.create_missing(admin, names, planned.partitions, planned.replication_factor or None)
    require_nobody(admin, names)
    say(f"{names.home} and {names.policies} are there again, empty")


def forget_offsets(admin: KafkaAdminClient, names: Names) -> None:
    """Have the next workers read the inputs from their beginnings. RebuildError where a worker is alive."""
    _delete_group(admin, names, names.consumer_group)


def _delete_group(admin: KafkaAdminClient, names: Names, group: str) -> None:
    result = admin.delete_groups([group])[group]
    if result in {"NonEmptyGroupError", "GroupNotEmptyError"}:
        require_nobody(admin, names)
        raise RebuildError("a worker is joining or leaving: stop every worker, and try again")
    if result not in {"OK", "GroupIdNotFoundError"}:
        raise RebuildError(f"Kafka did not remove the offsets of {group}: {result}")


def require_nobody(admin: KafkaAdminClient, names: Names) -> None:
    """Raise RebuildError where a worker is alive."""
    count = members(admin, names)
    if count:
        raise RebuildError(
            f"{count} worker{' is' if count == 1 else 's are'} alive in {names.consumer_group}: stop every worker "
            "(one that was killed is forgotten after its session timeout), and run this again"
        )


def _delete(admin: KafkaAdminClient, topic: str) -> None:
    """Delete a topic and wait until no broker knows it: one that is still going can't be made again."""
    answer = admin.delete_topics([topic], timeout_ms=30_000, raise_errors=False)["topics"][0]
    if answer["error_code"] not in {0, topic_admin.UNKNOWN_TOPIC_CODE}:
        raise RebuildError(f"{topic}: Kafka did not delete it: {for_code(answer['error_code']).__name__}")
    deadline = time.monotonic() + GONE_WITHIN_S
    while admin.describe_topics([topic])[0]["error_code"] != topic_admin.UNKNOWN_TOPIC_CODE:
        if time.monotonic() > deadline:
            raise RebuildError(f"{topic} is still there {GONE_WITHIN_S:.0f} s after its deletion: run this again")
        time.sleep(0.05)


# --- what is there ---


def _read_ends(
    bootstrap_servers: str, names: Names, topics: dict[str, dict[str, Any]]
) -> tuple[list[Log], list[Input]]:
    consumer = connection.opened(
        KafkaConsumer,
        bootstrap_servers,
        enable_auto_commit=False,
        allow_auto_create_topics=False,
        max_partition_fetch_bytes=8 << 20,
        metrics_enabled=False,
    )
    try:
        tps = {
            name: [TopicPartition(name, part["partition_index"]) for part in topic["partitions"]]
            for name, topic in topics.items()
            if not topic["error_code"]
        }
        every = [tp for parts in tps.values() for tp in parts]
        starts, ends = consumer.beginning_offsets(every), consumer.end_offsets(every)
        logs = [
            Log(name, len(tps[name]), sum(ends[tp] - starts[tp] for tp in tps[name]))
            for name in (names.home, names.policies)
            if name in tps
        ]
        reached = _reached(consumer, {tp: (starts[tp], ends[tp]) for tp in tps.get(names.home, ())})
        covered = {(names.remittances, partition): offset for partition, offset in reached.items()}
        inputs = [
            Input(name, tp.partition, starts[tp], ends[tp], covered.get((name, tp.partition), 0))
            for name in names.inputs
            for tp in sorted(tps[name])
        ]
    finally:
        consumer.close(autocommit=False)
    return logs, inputs


def _reached(consumer: KafkaConsumer, home: dict[TopicPartition, tuple[int, int]]) -> dict[int, int]:
    """Return how far the ends of the home log say that they hold each partition of the remittances."""
    covered: dict[int, int] = {}
    left = {tp: end for tp, (start, end) in home.items() if end > start}
    consumer.assign(list(left))
    for tp, end in left.items():
        consumer.seek(tp, max(home[tp][0], end - TAIL_PACKS))
    deadline = time.monotonic() + GONE_WITHIN_S
    while any(consumer.position(tp) < end for tp, end in left.items()):
        if time.monotonic() > deadline:
            raise TopicAdminError("Kafka answers no longer while the home log is read; try again once it is well")
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                for partition, stamp, _ in packs.columns(record.value).sources:
                    covered[partition] = max(covered.get(partition, 0), stamp)
    return covered
