"""The story of a seed: what producers write, duplicates, conflicts and bad records among it, and which days go by."""

from __future__ import annotations

import json
import random
from typing import NamedTuple

from tests.simulation.cluster import NAMES
from tests.strategies import seeded_history

BAD = [b"", b"not json", b'{"schema_version":2,"type":"remittance"}', b'{"schema_version":1,"type":"tribute"}',
       b'{"schema_version":1,"type":"remittance","currency":"XXQ"}', b'{"schema_version":1,"type":"remittance"}',
       None]  # fmt: skip


class Story(NamedTuple):
    """Records in the order in which they are published, and the first and the last day of the clock."""

    records: list[tuple[str, bytes | None]]
    first_day: int
    last_day: int


def make_story(seed: int) -> Story:
    """Make the story of a seed: always the same one."""
    dice = random.Random(f"story {seed}")
    history = seeded_history(seed, messages=dice.randint(6, 30), groups=dice.randint(1, 4), duplicates=True)
    messages = list(history.messages)
    money = [m for m in messages if m["type"] == "remittance"]
    for _ in range(dice.randint(0, 3) if money else 0):  # the first stands, whichever that will be
        again = dict(dice.choice(money))
        again["amount"] = str(dice.randint(1, 900))
        messages.insert(dice.randint(0, len(messages)), again)
    policies = [m for m in messages if "policy_id" in m]
    if policies and dice.random() < 0.3:
        again = dice.choice(policies) | {"reason": "said otherwise"}
        messages.insert(dice.randint(0, len(messages)), again)
    records = [
        (NAMES.policy_changes if "policy_id" in m else NAMES.remittances, json.dumps(m).encode()) for m in messages
    ]
    for _ in range(dice.choice([0, 1, 2, 3, 20])):
        records.insert(dice.randint(0, len(records)), (dice.choice(NAMES.inputs), dice.choice(BAD)))
    last = history.day_reached.toordinal()
    return Story(records, last - dice.choice([0, 0, 1, 3]), last)
