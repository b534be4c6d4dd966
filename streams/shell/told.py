"""What was told of the groups at home in one partition: the compacted topic `quotastream-told`, read and written.

Written in the same transaction as the messages that it speaks of. One record an account (key `group/year`), one a
conflicting duplicate whose dead letter was sent (key `!topic/partition/offset` of the input), and one (`META_KEY`)
that says how far the knowledge reached that the telling used, and where the outputs stood. Read at a takeover:
`recall.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from streams.core.history import HISTORY_DIGITS
from streams.core.telling import ToldEpisode  # noqa: TC001  msgspec reads it
from streams.shell.ledger import Conflict
from streams.shell.pace import MESSAGES_A_TURN
from streams.shell.topics import LARGEST_BYTES
from streams.shell.versions import NewerStateError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from streams.core.history import EpisodeKey

VERSION = 2  # what version 1 wrote is read as well
META_KEY = b"~"
CONFLICT_MARK = b"!"


#: In the place of a status' digest: it is not known what a subscriber has, so that it is told in any case.
UNKNOWN = ""


class Reached(NamedTuple):
    """How far the telling has come in a partition of an output topic."""

    offset: int  # the last transaction that had messages in it began there, or later
    message_id: str | None  # the first of those (`ce_id`); None where there was none since a takeover


Records = dict[tuple[str, int], bytes | None]  # notes as they are written, by group and plan year
OutputsReached = dict[tuple[str, int], Reached]  # by topic and partition


class ToldAccount(NamedTuple):
    """What was told of one account: a digest of its last status (None: none, or taken back), and its episodes."""

    status: str | None
    episodes: dict[EpisodeKey, ToldEpisode]


class _Record(msgspec.Struct, frozen=True):
    """The same as it is written."""

    status: str | None
    episodes: list[ToldEpisode] | dict[str, ToldEpisode]


def _older(episodes: Mapping[str, ToldEpisode]) -> list[ToldEpisode]:
    """Return what version 1 wrote: by ids, with longer digests."""
    return [one._replace(history_digest=one.history_digest[:HISTORY_DIGITS]) for one in episodes.values()]


class _Noted(msgspec.Struct, frozen=True):
    """The same with the episodes as they are written: most often only the status is another."""

    status: str | None
    episodes: msgspec.Raw


class _NotedStatus(msgspec.Struct, frozen=True):
    """Only the status."""

    status: str | None


_decode = msgspec.json.Decoder(_Record).decode
_decode_noted = msgspec.json.Decoder(_Noted).decode
_decode_status = msgspec.json.Decoder(_NotedStatus).decode
_encode = msgspec.json.Encoder().encode
NOTHING = ToldAccount(None, {})
MOST_EPISODES = LARGEST_BYTES // 256  # of one account: its record has all of them


class Told:
    """What was told of one home partition; of each account as the bytes that the topic has, for there are many."""

    def __init__(
        self, day: int = 0, policies: int = 0, policies_log: str = "", reached: OutputsReached | None = None
    ) -> None:
        self.day = day
        self.policies = policies  # offset of the policies log up to which the telling knew it
        self.policies_log = policies_log  # that log's topic id: an offset of another log says nothing
        self.reached = reached  # None: unknown
        self.conflicts: set[Conflict] = set()  # whose dead letters were sent
        self._accounts: dict[str, tuple[tuple[int, bytes], ...]] = {}  # by group: (year, record)

    def take(self, key: bytes, value: bytes | None) -> None:
        """Take in one record of the topic."""
        if key == META_KEY:
            meta = json.loads(value or b"{}")
            if meta["version"] > VERSION:
                raise NewerStateError(f"what was told is in version {meta['version']}, known is {VERSION}")
            self.day, self.policies, self.policies_log = meta["day"], meta["policies"], meta["policies_log"]
            held = meta.get("reached")
            self.reached = None if held is None else {(topic, p): Reached(*reached) for topic, p, *reached in held}
            return
        if key.startswith(CONFLICT_MARK):
            topic, partition, offset = key[1:].decode().split("/")
            self.conflicts.add(Conflict(topic, int(partition), int(offset)))
            return
        group_id, year = key.decode().rsplit("/", 1)
        self.note(group_id, int(year), value)

    def note(self, group_id: str, year: int, record: bytes | None) -> None:
        """Take note of an account's record; None where nothing is remembered any more."""
        others = tuple(held for held in self._accounts.get(group_id, ()) if held[0] != year)
        if record is not None:
            self._accounts[group_id] = (*others, (year, record))
        elif others:
            self._accounts[group_id] = others
        else:
            self._accounts.pop(group_id, None)

    def groups(self) -> Collection[str]:
        """Return the groups of which anything is remembered."""
        return self._accounts.keys()

    def years(self, group_id: str) -> list[int]:
        """Return the years of which anything is remembered of a group."""
        return [year for year, _ in self._accounts.get(group_id, ())]

    def statuses(self, group_id: str) -> dict[int, str | None]:
        """Return the digest of the last status of each of the same years."""
        return {year: _decode_status(record).status for year, record in self._accounts.get(group_id, ())}

    def of_account(self, group_id: str, plan_year: int) -> ToldAccount:
        """Return what is remembered of one account."""
        record = self._record(group_id, plan_year)
        if record is None:
            return NOTHING
        held = _decode(record)
        episodes = _older(held.episodes) if isinstance(held.episodes, dict) else held.episodes
        return ToldAccount(held.status, {episode.key: episode for episode in episodes})

    def _record(self, group_id: str, plan_year: int) -> bytes | None:
        return next((record for year, record in self._accounts.get(group_id, ()) if year == plan_year), None)

    def record(
        self, group_id: str, plan_year: int, status: str | None, changed: Mapping[EpisodeKey, ToldEpisode]
    ) -> bytes | None:
        """Return an account's record with another status, and with those episodes that change."""
        before = self._record(group_id, plan_year)
        if before is not None and status is not None and not changed:
            return _encode(_Noted(status, _decode_noted(before).episodes))
        episodes = {**self.of_account(group_id, plan_year).episodes, **changed}
        if len(episodes) > MOST_EPISODES:
            raise ValueError(f"{len(episodes)} episodes in {plan_year}, more than can be noted as told")
        return account_record(ToldAccount(status, episodes))

    def meta(self) -> bytes:
        """Return the record that says how far the knowledge reached."""
        meta = {"version": VERSION, "day": self.day, "policies": self.policies, "policies_log": self.policies_log}
        reached = None if self.reached is None else [[*place, *there] for place, there in self.reached.items()]
        return _json(meta | {"reached": reached})


def conflict_key(conflict: Conflict) -> bytes:
    """Return the topic's key for a conflicting duplicate."""
    return CONFLICT_MARK + f"{conflict.topic}/{conflict.partition}/{conflict.offset}".encode()


def account_record(account: ToldAccount) -> bytes | None:
    """Return the topic's value for an account, None (a tombstone) where nothing needs to be remembered."""
    return None if account == NOTHING else _encode(_Record(account.status, list(account.episodes.values())))


def status_digest(value: bytes, as_of: str) -> str:
    """Return what tells two statuses apart, as they are sent, as_of aside."""
    # Nothing that comes before as_of in a status can have a quotation mark in it.
    timeless = value.replace(b'"as_of":"%b"' % as_of.encode(), b'"as_of":null', 1)
    return hashlib.blake2b(timeless, digest_size=9).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


async def told_of(newest: dict[bytes, bytes | None]) -> Told:
    """Return what the newest records of a partition say; NewerStateError where a newer worker wrote them."""
    told = Told(reached={})
    if META_KEY in newest:  # it has the version, by which alone the others can be read
        told.take(META_KEY, newest.pop(META_KEY))
    for number, (key, value) in enumerate(newest.items(), start=1):  # there may be a million
        told.take(key, value)
        if number % MESSAGES_A_TURN == 0:
            await asyncio.sleep(0)
    return told
