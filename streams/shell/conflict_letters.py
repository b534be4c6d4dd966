"""The dead letters of conflicting duplicates, which only the fold finds: their originals are read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faust.types.tuples import TP

from streams.shell.codec import BadRecord
from streams.shell.originals import read_originals
from streams.shell.outbox import Message
from streams.shell.told import conflict_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.shell.ledger import Conflict
    from streams.shell.workplace import Workplace


async def conflict_letters(place: Workplace, partition: int, conflicts: Sequence[Conflict]) -> list[Message]:
    """Return the letters of conflicts, and for each the note of it that a home partition's teller keeps."""
    if not conflicts:
        return []
    names = place.names
    topics = {"remittances": names.remittances, "policy-changes": names.policy_changes}
    places = [(topics[c.topic], c.partition, c.offset) for c in conflicts]
    letters = [
        place.router.dead_letter(
            TP(record.topic, record.partition), record, _conflicting(record.topic == names.remittances)
        )
        for record in await read_originals(place.bootstrap_servers, places)
    ]
    place.metrics.dead_letters.labels("conflicting_duplicate").inc(len(letters))
    return letters + [Message(names.told, partition, conflict_key(c), b"{}") for c in conflicts]


def _conflicting(is_event: bool) -> BadRecord:
    field = "event_id" if is_event else "policy_id"
    return BadRecord("conflicting_duplicate", f"{field}: known already, with other fields; the first stands")
