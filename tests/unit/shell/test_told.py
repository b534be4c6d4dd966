"""What was told, written to its topic and read back, record by record, in any state of compaction."""

from __future__ import annotations

import json

import pytest

from streams.core.telling import ToldEpisode
from streams.shell.ledger import Conflict
from streams.shell.told import META_KEY, Told, ToldAccount, account_record, conflict_key

OPEN = ToldEpisode(2, "digest", "behind_pace", None, "2026-06-01")
LEVY = ToldEpisode(1, "other", "levy_behind", "rail", "2026-06-02")


def test_an_account_comes_back_as_it_was() -> None:
    """Its status' digest and each episode, under the key `group/year`; the newest record counts."""
    told = Told()
    told.take(b"g.1/2026", account_record(ToldAccount("s1", {"e1": OPEN})))
    told.take(b"g.1/2026", account_record(ToldAccount("s2", {"e1": OPEN, "e2": LEVY})))
    told.take(b"g.1/2025", account_record(ToldAccount("s3", {})))
    assert told.of_group("g.1") == {2026: ToldAccount("s2", {"e1": OPEN, "e2": LEVY}), 2025: ToldAccount("s3", {})}
    assert told.of_group("g.1")[2026].episodes["e2"].opened_on == "2026-06-02"
    assert list(told.groups()) == ["g.1"]


def test_nothing_to_remember_is_a_tombstone() -> None:
    """An account without status and episodes leaves nothing; one whose status was taken back keeps its revisions."""
    assert account_record(ToldAccount(None, {})) is None
    told = Told()
    told.take(b"g/2026", account_record(ToldAccount("s", {})))
    told.take(b"g/2026", None)
    told.take(b"unheard-of/2026", None)
    assert not told.groups()
    told.take(b"g/2026", account_record(ToldAccount(None, {"e1": OPEN})))
    assert told.of_group("g") == {2026: ToldAccount(None, {"e1": OPEN})}


def test_how_far_the_knowledge_reached_comes_back() -> None:
    """Day, the policies' offset and the log that it is of."""
    again = Told()
    again.take(META_KEY, Told(day=739_800, policies=17, policies_log="log-id").meta())
    assert (again.day, again.policies, again.policies_log) == (739_800, 17, "log-id")
    assert not again.groups()


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
