"""Episodes of alerts and their histories: what they are, what they are called, how two histories are told apart.

Lives here: ids and digests. Not here: how a history comes about (walk.py) and how it is told (telling.py).
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from uuid import NAMESPACE_URL

from streams.core.events import Day
from streams.core.rules import LAPSED, RESOLVED
from streams.core.years import DAWN, day_text

if TYPE_CHECKING:
    from collections.abc import Iterable

#: By what an episode is known among those of its account: kind, levy_id, the day on which it opened.
EpisodeKey = tuple[str, str | None, Day]


class Step(NamedTuple):
    """One transition of an episode; severity is the one that it then has, or had last."""

    on_day: Day
    transition: str
    severity: str


@lru_cache(maxsize=1 << 15)  # one for all accounts in which the same happened on a day
def step_of(on_day: Day, transition: str, severity: str) -> Step:
    """Return a step."""
    return Step(on_day, transition, severity)


class Episode(NamedTuple):
    """One alert of some account from its opening on, with all that happened to it up to the day reached.

    It doesn't say of which account: many accounts have the same (`episode_of`).
    """

    kind: str
    levy_id: str | None
    history: tuple[Step, ...]

    @property
    def opened_on(self) -> Day:
        """The day on which it opened."""
        return self.history[0].on_day

    @property
    def key(self) -> EpisodeKey:
        """By what it is known in its account."""
        return self.kind, self.levy_id, self.opened_on

    def id_in(self, group_id: str, plan_year: int) -> str:
        """Return its id in an account; not kept, for there are many."""
        return episode_id(group_id, plan_year, self.kind, self.levy_id, self.opened_on)

    @property
    def is_open(self) -> bool:
        """Whether it was neither resolved nor did it lapse."""
        return self.history[-1].transition not in {RESOLVED, LAPSED}

    @property
    def severity(self) -> str:
        """The severity that it has, or had last."""
        return self.history[-1].severity


@lru_cache(maxsize=1 << 16)  # one for all accounts to which the same happened on the same days
def episode_of(kind: str, levy_id: str | None, history: tuple[Step, ...]) -> Episode:
    """Return an episode."""
    return Episode(kind, levy_id, history)


class Known(NamedTuple):
    """What an earlier evaluation found, and of what: so much of it still holds that only later days are walked."""

    day: Day  # d
    policies: int  # the book's version
    money: int  # the money's version
    episodes: tuple[Episode, ...]
    open: tuple[Episode, ...]  # of those; most evaluations look at no others
    last_moved: Day  # the last day on which anything happened to any


def known_of(day: Day, policies: int, money: int, episodes: tuple[Episode, ...]) -> Known:
    """Return what an evaluation found."""
    return Known(
        day, policies, money, episodes,
        tuple(episode for episode in episodes if episode.is_open),
        max((episode.history[-1].on_day for episode in episodes), default=DAWN),
    )  # fmt: skip


def name_uuid(name: str) -> str:
    """Return the UUIDv5 of a name in the URL namespace (`uuid.uuid5` takes five times as long)."""
    digest = bytearray(hashlib.sha1(NAMESPACE_URL.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def episode_id(group_id: str, plan_year: int, kind: str, levy_id: str | None, opened_on: Day) -> str:
    """Return the id of an episode, the same wherever and whenever it is found ("Alerts")."""
    name = f"urn:quotastream:episode:{group_id}:{plan_year}:{kind}:{levy_id or ''}:{day_text(opened_on)}"
    return name_uuid(name)


def history_value(history: Iterable[Step]) -> list[dict[str, object]]:
    """Return a history as it stands in a message."""
    return [
        {"on_day": day_text(step.on_day), "transition": step.transition, "severity": step.severity}
        for step in history
    ]


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def canonical_json(value: object) -> bytes:
    """Return the one JSON text that equal values share."""
    return _encode(value).encode()


@lru_cache(maxsize=1 << 14)  # an open episode is compared with what was told each time that money comes
def history_digest(history: tuple[Step, ...]) -> str:
    """Return a short text that differs where histories differ."""
    return value_digest(history_value(history))


HISTORY_DIGITS = 16  # hexadecimal, of a digest: it tells apart the two histories of one episode


def value_digest(history: object) -> str:
    """Return the same of a history as it stands in a message."""
    return hashlib.sha256(canonical_json(history)).hexdigest()[:HISTORY_DIGITS]


EMPTY_HISTORY_DIGEST = history_digest(())
