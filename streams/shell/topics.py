"""Every Kafka name in one place: topics, the consumer group, transactional ids.

What each topic is for and how it is kept: docs/architecture.md. Names follow DESIGN "Topics"; a replay (`--as-of`)
has internal topics and a consumer group of its own.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import NamedTuple

DAY_MS = 86_400_000
LARGEST_BYTES = 8 << 20  # of a message of ours; a status lists every levy of its account, and there may be thousands


class TopicSpec(NamedTuple):
    """How a topic should be: `partitions` None means as many as the installation was told to have."""

    name: str
    partitions: int | None
    config: dict[str, str]


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one installation (`prefix`), or of one replay in it (`replay`, writing under `output_prefix`)."""

    prefix: str = ""
    replay: bool = False
    output_prefix: str = ""

    def _internal(self, what: str) -> str:
        if not self.replay:
            return f"{self.prefix}quotastream-{what}"
        middle = f"{self.output_prefix.rstrip('-')}-" if self.output_prefix else ""
        return f"{self.prefix}quotastream-replay-{middle}{what}"

    @property
    def remittances(self) -> str:
        """Input: money that groups sent in, and reversals."""
        return f"{self.prefix}remittances"

    @property
    def policy_changes(self) -> str:
        """Input: everything that moves a target."""
        return f"{self.prefix}policy-changes"

    @property
    def status(self) -> str:
        """Output: the newest status of each group and plan year."""
        return f"{self.prefix}{self.output_prefix}quota-status"

    @property
    def alerts(self) -> str:
        """Output: alert episodes, each told whole."""
        return f"{self.prefix}{self.output_prefix}quota-alerts"

    @property
    def dead_letters(self) -> str:
        """Output: input that could not be used, with the reason."""
        return f"{self.prefix}{self.output_prefix}quota-dead-letters"

    @property
    def home(self) -> str:
        """Internal log: what groups sent in, in the partition where the group is at home; kept for ever."""
        return self._internal("home")

    @property
    def policies(self) -> str:
        """Internal log of one partition: every policy, in the order that settles which of two stands."""
        return self._internal("policies")

    @property
    def told(self) -> str:
        """Internal, compacted: what was told of each account, one partition for each home partition."""
        return self._internal("told")

    @property
    def consumer_group(self) -> str:
        """The workers' consumer group."""
        if not self.replay:
            return f"{self.prefix}quotastream"
        return self._internal("workers")

    def transactional_id(self, home_partition: int) -> str:
        """Return the id that lets one worker at a time tell of the groups at home in a partition."""
        return f"{self.transactional_ids}{home_partition}"

    @property
    def transactional_ids(self) -> str:
        """What every transactional id begins with."""
        return self._internal("teller-")

    @property
    def letter_ids(self) -> str:
        """What the transactional ids begin with that let one worker at a time write an input partition's letters."""
        return self._internal("letters-")

    @property
    def letters_group(self) -> str:
        """A group without members: its offsets say how far each input partition's dead letters were sent."""
        return self._internal("letters")

    @property
    def subscriber_groups(self) -> str:
        """What the consumer groups of subscribers begin with; ours need none."""
        return f"{self.prefix}subscriber-"

    @property
    def notify_group(self) -> str:
        """The consumer group of `quotastream notify`."""
        return self._internal("notify")

    @property
    def inputs(self) -> tuple[str, str]:
        """The topics that producers write."""
        return (self.remittances, self.policy_changes)

    def plain(self, topic: str) -> str:
        """Return a topic's name without the prefix, as metrics and logs call it."""
        return topic.removeprefix(self.prefix)

    def specs(self) -> list[TopicSpec]:
        """Return how each topic should be (DESIGN "Topics"; the internal ones: docs/architecture.md)."""
        forever = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
        largest = {"max.message.bytes": str(LARGEST_BYTES)}
        compact = {"cleanup.policy": "compact"} | largest
        brokers_time = {"message.timestamp.type": "LogAppendTime"}  # workers hold their clocks against it
        largest_input = {"max.message.bytes": str(1 << 20)}
        return [
            TopicSpec(self.remittances, None, forever | largest_input),
            TopicSpec(self.policy_changes, None, forever | largest_input),
            TopicSpec(self.status, None, compact),
            TopicSpec(self.alerts, None, compact),
            TopicSpec(self.dead_letters, None, {"cleanup.policy": "delete", "retention.ms": str(14 * DAY_MS)}),
            TopicSpec(self.home, None, forever | largest | brokers_time),
            TopicSpec(self.policies, 1, forever | largest_input),
            TopicSpec(self.told, None, compact),
        ]


def home_partition(group_id: str, partitions: int) -> int:
    """Return the partition of a topic with `partitions` partitions in which a group is at home (CRC-32 of its name).

    No producer's partitioner plays a part, so librdkafka's and Java's cannot disagree about where a group is counted.
    """
    return zlib.crc32(group_id.encode()) % partitions
