"""A log in memory that keeps Kafka's promises: partitions, offsets, transactions, fencing, one consumer group.

Each append and each commit is shown to the auditor as it happens. Nothing here waits; the clients do.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.shell.topics import Names

NAMES = Names()
Tp = tuple[str, int]


class Record(NamedTuple):
    """A record as consumers see it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int
    timestamp_type: int = 0


@dataclass
class Transaction:
    """What one producer wrote since its last commit: visible to all readers or none."""

    owner: Any
    messages: list[Any] = field(default_factory=list)


class Cluster:
    """The topics, and who may write and commit."""

    def __init__(self, inputs: int, homes: int) -> None:
        sizes = {NAMES.remittances: inputs, NAMES.policy_changes: 2, NAMES.status: 2, NAMES.alerts: 2,
                 NAMES.dead_letters: 1, NAMES.home: homes, NAMES.policies: 1, NAMES.told: homes}  # fmt: skip
        self.sizes = sizes
        self.logs: dict[Tp, list[Record | None]] = {(t, p): [] for t, n in sizes.items() for p in range(n)}
        self.committed: dict[Tp, int] = {}
        self.marks: dict[Tp, int] = {}  # the offsets of the group of dead letters, which has no members
        self.epochs: defaultdict[str, int] = defaultdict(int)
        self.open: dict[str, tuple[int, list[Tp]]] = {}
        self.generation = 0
        self.members: dict[Any, set[Tp]] = {}
        self.auditor: Any = None
        self._clock = 0

    # --- writing ---

    def append(self, message: Any, writer: Any = None) -> int:
        """Append one record that readers see at once; return its offset."""
        tp = (message.topic, message.partition)
        self._clock += 1
        offset = len(self.logs[tp])
        record = Record(*tp, offset, message.key, message.value, tuple(message.headers), self._clock)
        self.logs[tp].append(record)
        if self.auditor is not None:
            self.auditor.appended(record, writer)
        return offset

    def init_producer(self, transactional_id: str) -> int:
        """Fence whoever had the id; return the new epoch."""
        self.epochs[transactional_id] += 1
        return self.epochs[transactional_id]

    def commit_transaction(
        self, messages: list[Any], writer: Any, marks: dict[Tp, int], torn: Tp | None = None
    ) -> None:
        """Append all of a transaction at once, and its marker in each partition; what is in a torn one is aborted."""
        self.marks.update(marks)
        if not marks:
            self.auditor.telling(messages, writer)
        for message in messages:
            if (message.topic, message.partition) == torn:
                self.logs[torn].append(None)
            else:
                self.append(message, writer)
        for tp in sorted({(m.topic, m.partition) for m in messages}):
            self.logs[tp].append(None)  # the marker takes an offset, too

    def abort_transaction(self, messages: list[Any]) -> None:
        """Leave nothing but gaps where the aborted records stood."""
        for message in messages:
            self.logs[message.topic, message.partition].append(None)

    # --- reading ---

    def read(self, tp: Tp, offset: int, limit: int) -> tuple[list[Record], int]:
        """Return the records from an offset on, at most so many, and the position after them."""
        found: list[Record] = []
        log = self.logs[tp]
        while offset < len(log) and len(found) < limit:
            record = log[offset]
            offset += 1
            if record is not None:
                found.append(record)
        return found, offset

    def records(self, topic: str, partition: int | None = None, until: int | None = None) -> list[Record]:
        """Return every record of a topic, or of a partition before an offset."""
        tps = [(topic, p) for p in (range(self.sizes[topic]) if partition is None else [partition])]
        return [record for tp in tps for record in self.logs[tp][:until] if record is not None]

    def input_ends(self) -> dict[tuple[str, int], int]:
        """Return where the inputs end, by the names that stamps use."""
        return {tp: len(self.logs[tp]) for tp in self.logs if tp[0] in NAMES.inputs}

    # --- the group ---

    def commit_offsets(self, offsets: dict[Tp, int]) -> None:
        """Take a commit of the group's current members."""
        for tp, offset in offsets.items():
            self.auditor.committing(tp, offset)
            self.committed[tp] = offset

    def spread(self, members: list[Any]) -> dict[Any, set[Tp]]:
        """Give the partitions of the subscribed topics out by turns, in a new generation."""
        self.generation += 1
        tps = sorted(tp for tp in self.logs if tp[0] in (*NAMES.inputs, NAMES.home))
        turn = self.generation  # so that a rebalance moves partitions even where the members stay
        self.members = {member: set() for member in members}
        for number, tp in enumerate(tps):
            if members:
                self.members[members[(number + turn) % len(members)]].add(tp)
        return self.members
