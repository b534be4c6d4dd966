"""What was told, written to its topic and read back, record by record, in any state of compaction."""

from __future__ import annotations

import asyncio
import json

import pytest

from streams.core.telling import ToldEpisode
from streams.shell.ledger import Conflict
from streams.shell.told import (
    META_KEY,
    Reached,
    Told,
    ToldAccount,
    account_record,
    conflict_key,
    status_digest,
    told_of,
)

OPEN = ToldEpisode(2, "digest", "behind_pace", None, "2026-06-01")
LEVY = ToldEpisode(1, "other", "levy_behind", "rail", "2026-06-02")


def test_an_account_comes_back_as_it_was() -> None:
    """Its status' digest and each episode, under the key `group/year`; the newest record counts."""
    told = Told()
    told.take(b"g.1/2026", account_record(ToldAccount("s1", {OPEN.key: OPEN})))
    told.take(b"g.1/2026", account_record(ToldAccount("s2", {OPEN.key: OPEN, LEVY.key: LEVY})))
    told.take(b"g.1/2025", account_record(ToldAccount("s3", {})))
    assert told.of_account("g.1", 2026) == ToldAccount("s2", {OPEN.key: OPEN, LEVY.key: LEVY})
    assert told.of_account("g.1", 2026).episodes[LEVY.key].opened_on == "2026-06-02"
    assert told.of_account("g.1", 2025) == ToldAccount("s3", {})
    assert told.statuses("g.1") == {2026: "s2", 2025: "s3"}
    assert list(told.groups()) == ["g.1"]


def test_what_an_older_worker_noted_is_read() -> None:
    """It had episodes by their ids; another status leaves them so, another episode doesn't."""
    told = Told()
    longer = OPEN._replace(history_digest="0123456789abcdef" * 2)
    older = {"status": "s1", "episodes": {"an id": longer, "another": LEVY}}
    told.take(b"g/2026", json.dumps(older).encode())
    both = {OPEN.key: longer._replace(history_digest="0123456789abcdef"), LEVY.key: LEVY}
    assert told.of_account("g", 2026) == ToldAccount("s1", both)
    told.note("g", 2026, told.record("g", 2026, "s2", {}))
    assert told.of_account("g", 2026) == ToldAccount("s2", both)
    resolved = OPEN._replace(revision=3, history_digest="later")
    record = told.record("g", 2026, "s3", {resolved.key: resolved})
    assert record == account_record(ToldAccount("s3", both | {resolved.key: resolved}))


def test_nothing_to_remember_is_a_tombstone() -> None:
    """An account without status and episodes leaves nothing; one whose status was taken back keeps its revisions."""
    assert account_record(ToldAccount(None, {})) is None
    told = Told()
    told.take(b"g/2026", account_record(ToldAccount("s", {})))
    told.take(b"g/2026", None)
    told.take(b"unheard-of/2026", None)
    assert not told.groups()
    told.take(b"g/2026", account_record(ToldAccount(None, {OPEN.key: OPEN})))
    assert told.of_account("g", 2026) == ToldAccount(None, {OPEN.key: OPEN})


def test_another_status_leaves_the_episodes_as_they_are_written() -> None:
    """Most notes only have another status: they would be read and written whole for each of many groups."""
    told = Told()
    told.take(b"g/2026", account_record(ToldAccount("s1", {OPEN.key: OPEN})))
    assert told.record("g", 2026, "s2", {}) == account_record(ToldAccount("s2", {OPEN.key: OPEN}))
    both = ToldAccount("s2", {OPEN.key: OPEN, LEVY.key: LEVY})
    assert told.record("g", 2026, "s2", {LEVY.key: LEVY}) == account_record(both)
    assert told.record("g", 2026, None, {}) == account_record(ToldAccount(None, {OPEN.key: OPEN}))
    told.take(b"h/2026", account_record(ToldAccount("s1", {})))
    assert told.record("h", 2026, None, {}) is None
    assert told.record("new", 2026, "s1", {OPEN.key: OPEN}) == account_record(ToldAccount("s1", {OPEN.key: OPEN}))


def test_a_status_is_told_apart_by_all_but_its_day() -> None:
    """A status that differs in as_of alone would be told each day; one that differs in more would not."""
    value = b'{"group_id":"g","as_of":"2026-06-01","region":"as_of"}'
    assert status_digest(value, "2026-06-01") == status_digest(value.replace(b"-01", b"-02"), "2026-06-02")
    assert status_digest(value, "2026-06-01") != status_digest(value.replace(b'"g"', b'"h"'), "2026-06-01")


def test_how_far_the_knowledge_reached_comes_back() -> None:
    """Day, the policies' offset and the log that it is of."""
    again = Told()
    reached = {("quota-alerts", 2): Reached(40, "an id"), ("quota-status", 2): Reached(0, None)}
    again.take(META_KEY, Told(day=739_800, policies=17, policies_log="log-id", reached=reached).meta())
    assert (again.day, again.policies, again.policies_log, again.reached) == (739_800, 17, "log-id", reached)
    assert not again.groups()


def test_where_the_outputs_stood_is_unknown_of_older_notes_and_of_those_that_were_moved() -> None:
    """Else an offset of another topic would be taken for one of this; where nothing is noted, all is looked at."""
    older = {name: v for name, v in json.loads(Told().meta()).items() if name != "reached"}
    for meta in (Told(day=739_800).meta(), json.dumps(older).encode()):
        assert asyncio.run(told_of({META_KEY: meta})).reached is None
    assert asyncio.run(told_of({})).reached == {}


def test_conflicts_whose_letters_were_sent_come_back() -> None:
    """By their place in the input; no group's name can look like one."""
    told = Told()
    for conflict in (Conflict("remittances", 2, 30), Conflict("policy-changes", 0, 0)):
        told.take(conflict_key(conflict), b"")
    assert told.conflicts == {Conflict("remittances", 2, 30), Conflict("policy-changes", 0, 0)}
    assert not told.groups()


def test_what_a_newer_worker_told_is_refused() -> None:
    """Better no telling than a false one."""
    meta = json.loads(Told().meta())
    with pytest.raises(ValueError, match="newer worker"):
        Told().take(META_KEY, json.dumps(meta | {"version": meta["version"] + 1}).encode())
