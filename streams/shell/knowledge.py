"""Reads everything known of all groups out of the internal logs, for questions asked once or again and again.

The logs hold each event in the order that settles which of two with one id stands, so folding them from their
beginnings gives what a worker knows, without a worker. Nothing is written, and there is no consumer group.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from schemas.currencies import MINOR_DIGITS
from streams.core.book import Book
from streams.core.events import Policy
from streams.core.ledger import GroupLedger
from streams.questions.knowledge import Knowledge
from streams.shell import codec, packs, subscriber

if TYPE_CHECKING:
    from streams.shell.subscriber import Progress
    from streams.shell.topics import Names


class KnowledgeError(Exception):
    """The logs cannot be read; the text is one line that says what to do."""


def read_knowledge(bootstrap_servers: str, names: Names, progress: Progress | None = None) -> Knowledge:
    """Return what the internal logs hold as of the call; `progress` is told (records read, of how many)."""
    with closing(KnowledgeReader(bootstrap_servers, names)) as reader:
        return reader.read_on(progress)


class KnowledgeReader:
    """Stays at the logs' ends, so that asking again reads only what came since. For one thread at a time."""

    def __init__(self, bootstrap_servers: str, names: Names) -> None:
        """UnreachableError or RefusedError where Kafka can't be got to, MissingTopicError where there are no logs."""
        self._consumer = subscriber.at_the_start(bootstrap_servers, [names.policies, names.home])
        self._policies_topic = names.policies
        self._folding = _Folding()

    def close(self) -> None:
        """Close the client."""
        self._consumer.close(autocommit=False)

    def read_on(self, progress: Progress | None = None) -> Knowledge:
        """Return what the logs hold as of the call, at least; what an earlier call returned grows along."""
        ends = self._consumer.end_offsets(list(self._consumer.assignment()))
        if any(self._consumer.position(tp) > end for tp, end in ends.items()):  # the logs were made anew
            self._folding = _Folding()
            self._consumer.seek_to_beginning()
        for record in subscriber.to_the_end(self._consumer, ends, progress):
            if record.topic == self._policies_topic:
                self._folding.policy(record)
            else:
                self._folding.pack(record)
        return Knowledge(self._folding.book, self._folding.ledgers)


class _Folding:
    """What the records read so far add up to."""

    def __init__(self) -> None:
        self.book = Book(MINOR_DIGITS)
        self.ledgers: dict[str, GroupLedger] = {}

    def policy(self, record: Any) -> None:
        """Add a record of the policies log; a stamp has no value."""
        if record.value is None:
            return
        try:
            policy = codec.decode("policy-changes", record.value)
        except codec.BadRecord as bad:  # a router of another version let it in
            if bad.reason in {"unknown_version", "unknown_type"}:
                raise KnowledgeError(
                    f"the policy at offset {record.offset} of the log is of a later version ({bad.detail}): passing "
                    "over it would answer wrongly; install the version that wrote it"
                ) from None
            return  # this program's workers pass over it too
        assert isinstance(policy, Policy)
        self.book.add(policy)

    def pack(self, record: Any) -> None:
        """Add a record of the home log."""
        for event in packs.columns(record.value).events.single():
            ledger = self.ledgers.get(event.group_id)
            if ledger is None:
                ledger = self.ledgers[event.group_id] = GroupLedger()
            ledger.add(event)
