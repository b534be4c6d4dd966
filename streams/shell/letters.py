"""Reading `quota-dead-letters` again: which letters there are, and what of them would be usable today.

A record may have several letters (after a crash, a rebuild): here they are one, the newest.
Not here: how a letter is made (`dead_letters.py`), sending originals again (`replaying.py`).
"""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.shell import codec, subscriber

if TYPE_CHECKING:
    from streams.shell.topics import Names

CONFLICT = "conflicting_duplicate"


class LetterError(Exception):
    """A dead letter that is named is not there; the text is one line that says what to do."""


class Place(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """Return the place as it is written on a command line."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """The newest dead letter of a record, and where each letter of it is."""

    body: dict[str, Any]
    written_ms: int
    own: list[tuple[int, int]]  # (partition, offset) in the dead letters' topic, in the order of being read

    @property
    def place(self) -> Place:
        """Where the original is, or was."""
        return Place(self.body["topic"], self.body["partition"], self.body["offset"])

    @property
    def reason(self) -> str:
        """Why it could not be used then."""
        return str(self.body["reason"])

    @property
    def key(self) -> bytes | None:
        """The beginning of the original's key."""
        return _bytes(self.body["key_base64"])

    @property
    def value(self) -> bytes | None:
        """The beginning of the original's value."""
        return _bytes(self.body["value_base64"])

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        """The original's headers, each cut after 4 KiB."""
        return [(name, _bytes(said)) for name, said in self.body["headers"]]

    @property
    def is_whole(self) -> bool:
        """Whether the letter has all of the value."""
        return self.body["value_bytes"] in {None, len(self.value or b"")}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; what is empty leaves out none."""

    reasons: frozenset[str] = frozenset()
    topic: str | None = None  # in full
    since_ms: int | None = None
    named: frozenset[Place | tuple[int, int]] = field(default_factory=frozenset)

    def has(self, letter: Letter) -> bool:
        """Return whether the letter is meant."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and self.topic in {None, letter.place.topic}
            and (self.since_ms is None or letter.written_ms >= self.since_ms)
            and (not self.named or self.names(letter))
        )

    def names(self, letter: Letter) -> bool:
        """Return whether the letter is meant by name: its own place, or its original's."""
        return bool(self.named & {letter.place, *letter.own})


def input_kind(names: Names, topic: str) -> codec.Topic | None:
    """Return which of the input topics this is, None where it is none of the installation's."""
    if topic == names.remittances:
        return "remittances"
    return "policy-changes" if topic == names.policy_changes else None


def reason_today(names: Names, letter: Letter) -> str | None:
    """Return the reason for which the original can't be used today either, None where it can."""
    kind = input_kind(names, letter.place.topic)
    if kind is None or not letter.is_whole or letter.reason == CONFLICT:
        return letter.reason
    try:
        codec.decode(kind, letter.value, letter.headers)
    except codec.BadRecord as bad:
        return bad.reason
    return None


def choose(letters: list[Letter], selection: Selection) -> list[Letter]:
    """Return the letters that are meant; LetterError where one is named that is not there."""
    chosen = [letter for letter in letters if selection.has(letter)]
    there = {name for letter in letters for name in (letter.place, *letter.own)}
    for name in sorted(selection.named - there, key=str):
        shown = name if isinstance(name, Place) else f"{name[0]}:{name[1]}"
        raise LetterError(
            f"no dead letter {shown}: `quotastream dead-letters list` shows them (they are kept 14 days)"
        )
    return chosen


def read_letters(bootstrap_servers: str, names: Names) -> list[Letter]:
    """Return every dead letter there is, one for each record that could not be used, the oldest first."""
    consumer = subscriber.at_the_start(bootstrap_servers, [names.dead_letters])
    found: dict[Place, Letter] = {}
    try:
        for record in subscriber.to_the_end(consumer):
            body = json.loads(record.value)
            place = Place(body["topic"], body["partition"], body["offset"])
            before = found.get(place)
            own = [*(before.own if before else ()), (record.partition, record.offset)]
            if before and before.written_ms > record.timestamp:
                found[place] = Letter(before.body, before.written_ms, own)
            else:
                found[place] = Letter(body, record.timestamp, own)
    finally:
        consumer.close(autocommit=False)
    return sorted(found.values(), key=lambda letter: (letter.written_ms, letter.place))


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
