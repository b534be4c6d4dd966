"""Made-up histories of wire messages in which things collide: few groups, few days, every kind of message.

One description (tests/model/making.py) serves twice: `histories()` draws from Hypothesis, `seeded_history(seed)` from
a seeded Random. All messages are valid; ids are unique unless duplicates are asked for, which then say the same in
other words.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from typing import NamedTuple

from hypothesis import strategies as st

from tests.model.clusters import preamble
from tests.model.making import KINDS, Choices, Message, Scene, draft, finish, make_scene


class History(NamedTuple):
    """Messages in the order in which they are told, and the day reached."""

    messages: list[Message]
    day_reached: date


class Seeded:
    """Decisions from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def pick(self, options):
        """Choose one of some."""
        return options[self._random.randrange(len(options))]

    def between(self, low: int, high: int) -> int:
        """Choose an integer from low to high."""
        return self._random.randint(low, high)


class Drawn:
    """Decisions from Hypothesis, which shrinks them to the first and the lowest."""

    def __init__(self, draw) -> None:
        self._draw = draw

    def pick(self, options):
        """Choose one of some."""
        return self._draw(st.sampled_from(options))

    def between(self, low: int, high: int) -> int:
        """Choose an integer from low to high."""
        return self._draw(st.integers(low, high))


def reworded(choices: Choices, message: Message) -> Message:
    """Say the same in other words: another offset, more zeros, letters, null for absent."""
    told = dict(message)
    for name, value in message.items():
        if name in ("occurred_at", "issued_at") and choices.between(0, 1):
            moment = datetime.fromisoformat(value).astimezone(UTC)
            told[name] = moment.replace(tzinfo=None).isoformat() + choices.pick(["Z", "+00:00"])
        elif name in ("event_id", "policy_id", "reverses", "resumes", "revokes"):
            told[name] = choices.pick([value, value.upper()])
        elif name in ("rate", "factor", "margin") and value is not None and "." in value:
            told[name] = value[:11] + "0" if len(value) < 9 else value
        elif name == "amount" and "." in value and value.endswith("0"):
            told[name] = value[:-1]
    optional = {"remittance": "reference", "reversal": "reason"}.get(message["type"], "reason")
    return told | {optional: None} if choices.between(0, 1) else told


def duplicated(choices: Choices, messages: list[Message]) -> list[Message]:
    """Tell some again, anywhere after."""
    told = list(messages)
    for _ in range(choices.between(1, 4) if messages else 0):
        again = reworded(choices, choices.pick(messages))
        told.insert(choices.between(0, len(told)), again)
    return told


@st.composite
def histories(draw, max_messages: int = 24) -> History:
    """Draw a history, in no particular order."""
    choices = Drawn(draw)
    scene = make_scene(choices)
    one = st.sampled_from(list(dict.fromkeys(KINDS)) + KINDS).flatmap(lambda kind: drafts_of(scene, kind))
    drafts = preamble(choices, scene) + draw(st.lists(one, max_size=max_messages))
    return History(finish(drafts), scene.day_reached)


@st.composite
def drafts_of(draw, scene: Scene, kind: str) -> Message:
    """Draw one message of a kind."""
    return draft(Drawn(draw), scene, kind)


@st.composite
def tellings(draw, messages: list[Message]) -> list[Message]:
    """Draw another order of the same messages, some of them told more than once."""
    return duplicated(Drawn(draw), draw(st.permutations(messages)))


def seeded_history(
    seed: int, messages: int = 40, groups: int | None = None, year: int | None = None, duplicates: bool = False
) -> History:
    """Make the history of a seed: always the same one."""
    choices = Seeded(seed)
    scene = make_scene(choices, groups, year)
    drafts = preamble(choices, scene)
    while len(drafts) < messages:
        drafts.append(draft(choices, scene, choices.pick(KINDS)))
    told = finish(drafts)
    told = [told.pop(choices.between(0, len(told) - 1)) for _ in range(len(told))]
    return History(duplicated(choices, told) if duplicates else told, scene.day_reached)
