"""A transaction that Kafka ended in all partitions but one (KAFKA-20734): what is there and the notes of it differ.

Kafka can't be asked to do so; but what a takeover finds then can be written: notes of before, or of what never came.
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

from streams.shell.told import META_KEY
from streams.shell.topic_admin import admin_client, create_missing
from tests.faults.harness import expected
from tests.integration.told_house import DAY
from tests.model.wire import reversal
from tests.reading import read_records
from tests.running import PARTITIONS, await_gone, value

if TYPE_CHECKING:
    from tests.integration.told_house import Known

    Notes = dict[tuple[int, bytes], bytes | None]


def notes(known: Known) -> Notes:
    """Return the newest notes of what was told, by partition and key."""
    records = read_records(known.house.bootstrap_servers, known.house.names.told)
    return {(record.partition, record.key): record.value for record in records}


def of_groups(notes: Notes) -> dict[bytes, Any]:
    """Return what the notes say of the story's groups."""
    return {key: json.loads(note or b"null") for (_, key), note in notes.items() if key.startswith(b"g")}


def write(known: Known, changed: Notes) -> None:
    """Write notes, for a worker that takes over to find."""
    for (partition, key), note in changed.items():
        known.house.producer.send(known.house.names.told, note, key, partition=partition)
    known.house.producer.flush()


def revisions(known: Known) -> dict[str, list[int]]:
    """Return the revisions of each episode in the order in which they were told."""
    found: dict[str, list[int]] = {}
    for alert in map(value, known.told()[0]):
        found.setdefault(alert["episode_id"], []).append(alert["revision"])
    return found


def goes_on(known: Known, *news: dict[str, Any]) -> None:
    """Have the worker tell of news, and see that it follows on what a subscriber has."""
    known.house.publish(list(news))
    known.model = expected([*known.messages, *news], DAY)
    known.house.seen.until(known.equals_the_model)
    assert all(told == list(range(1, len(told) + 1)) for told in revisions(known).values()), revisions(known)
    assert known.worker.stop() == 0


def test_what_was_told_is_there_and_not_the_note_of_it(known: Known) -> None:
    """It isn't told a second time; what comes next has the next revision."""
    before = notes(known)
    had = len(known.told()[0])
    known.house.publish([reversal(60, 1, group="g0")])
    known.house.seen.until(lambda: len(known.told()[0]) > had)
    assert known.worker.stop() == 0
    had = len(known.told()[0])
    write(known, {place: before[place] for place, note in notes(known).items() if before.get(place) != note})
    assert notes(known) == before
    known.worker.start()
    known.one_more_of_each_home()
    assert len(known.told()[0]) == had
    assert known.worker.log.read_text().count("wasn't whole") == 1
    mended = notes(known)
    assert {place for place in before if place[1] != META_KEY and mended[place] != before[place]}
    goes_on(known, reversal(60, 1, group="g0"), reversal(61, 3, group="g0"))


def never_came(note: bytes) -> bytes:
    """Return the note of an account with a further revision of each episode, and an episode more."""
    account = json.loads(note)
    told = [[revision + 1, "0" * 16, *rest] for revision, _, *rest in account["episodes"]]
    more = [[1, "0" * 16, "silent", None, "2026-03-01"]]
    return json.dumps({"status": "0" * 18, "episodes": told + more}, separators=(",", ":")).encode()


def test_what_is_noted_is_not_there(known: Known) -> None:
    """What a subscriber has is what counts: it is gone on from there."""
    assert known.worker.stop() == 0
    had = len(known.told()[0])
    before = notes(known)
    wrong: Notes = {place: never_came(note) for place, note in before.items() if place[1].startswith(b"g") and note}
    for (partition, key), note in before.items():
        if key == META_KEY:
            meta = json.loads(note or b"")
            reached = [[topic, output, offset, "never came"] for topic, output, offset, _ in meta["reached"]]
            wrong[partition, key] = json.dumps(meta | {"reached": reached}).encode()
    write(known, wrong)
    known.worker.start()
    known.one_more_of_each_home()
    known.house.seen.until(known.equals_the_model)
    assert len(known.told()[0]) == had
    log = known.worker.log.read_text()
    assert "all of it is held against the notes" in log
    assert of_groups(notes(known)) == of_groups(before)
    goes_on(known, reversal(61, 3, group="g0"))


def test_the_notes_are_lost(known: Known) -> None:
    """Then what is there is noted: no alert comes twice, and revisions go on; what no worker told says nothing."""
    names = known.house.names
    assert known.worker.stop() == 0
    for topic, partition in product((names.alerts, names.status), range(PARTITIONS)):
        for junk in (b'{"group_id":"junk"}', None):
            known.house.producer.send(topic, junk, b"junk", partition=partition)
    known.house.producer.flush()
    had = len(known.told()[0])
    before = notes(known)
    with admin_client(known.house.bootstrap_servers) as admin:
        admin.delete_topics([names.told])
        await_gone(admin, names.told)
        create_missing(admin, names, PARTITIONS)
    known.worker.start()
    known.one_more_of_each_home()
    known.house.seen.until(known.equals_the_model)
    assert len(known.told()[0]) == had
    assert of_groups(notes(known)) == of_groups(before)
    goes_on(known, reversal(61, 3, group="g0"))
