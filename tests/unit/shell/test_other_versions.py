"""State that another version wrote: a local store is made again, logs that only a newer one can read are refused."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import date
from typing import TYPE_CHECKING

import msgspec
import pytest

from streams.core.events import Remittance
from streams.core.telling import ToldEpisode
from streams.shell import ledger, packs, told
from streams.shell.ledger import HomeLedger
from streams.shell.versions import NewerStateError

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 3, 5).toordinal()
PART = packs.Part("remittances", 0, 1, [(0, Remittance("g", b"e" * 16, b"d" * 8, DAY, 100, "USD", None))])


@pytest.mark.parametrize("version", [0, ledger.VERSION - 1, ledger.VERSION + 1])
def test_a_store_of_another_version_is_made_again(tmp_path: Path, version: int) -> None:
    """Older or newer, it is emptied, and so the home log is read from its beginning."""
    path = tmp_path / "store.sqlite"
    store = HomeLedger(path, "log")
    store.fold([PART.columns()], 1)
    store.close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {version}")
    store = HomeLedger(path, "log")
    assert (store.position, list(store.group_ids()), store.stamps) == (0, [], {})
    store.fold([PART.columns()], 1)
    assert store.position == 1
    store.close()


def test_a_store_of_another_log_is_made_again(tmp_path: Path) -> None:
    """After a rebuild the home log is another one: offsets in the old say nothing."""
    path = tmp_path / "store.sqlite"
    store = HomeLedger(path, "log")
    store.fold([PART.columns()], 1)
    store.close()
    store = HomeLedger(path, "log made anew")
    assert (store.position, store.stamps) == (0, {})
    store.close()


def test_a_newer_pack_is_refused_whatever_else_it_holds() -> None:
    """The version is looked at before the fields, of which a newer pack may have more."""
    fields = msgspec.msgpack.decode(packs.encode(PART.columns()))
    newer = msgspec.msgpack.encode([packs.VERSION + 1, *fields[1:], "a new field"])
    with pytest.raises(NewerStateError, match=f"home log is of version {packs.VERSION + 1}") as refused:
        packs.decode(newer)
    assert "\n" not in str(refused.value)
    assert packs.decode(packs.encode(PART.columns())) == [PART]


def test_what_a_newer_worker_told_is_refused_whatever_else_it_holds() -> None:
    """The version is looked at first, though the record that has it is written last."""
    newer = told.Told().meta().replace(b'"version":%d' % told.VERSION, b'"version":%d' % (told.VERSION + 1))
    with pytest.raises(NewerStateError, match=f"told is in version {told.VERSION + 1}"):
        asyncio.run(told.told_of({b"g/2026": b'{"in another":"way"}', told.META_KEY: newer}))


def test_what_was_told_is_read_as_it_was_written() -> None:
    """Accounts, conflicts and how far the knowledge reached, from the newest record of each key."""
    episode = ToldEpisode(3, "digest", "behind_pace", None, "2026-06-01")
    account = told.ToldAccount("digest", {episode.key: episode})
    conflict = ledger.Conflict("remittances", 1, 7)
    before = told.Told(day=DAY, policies=9, policies_log="log")
    newest = {
        b"g/2026": told.account_record(account),
        b"h/2026": None,
        told.conflict_key(conflict): b"{}",
        told.META_KEY: before.meta(),
    }
    found = asyncio.run(told.told_of(newest))
    assert (found.day, found.policies, found.policies_log) == (DAY, 9, "log")
    assert found.of_account("g", 2026) == account
    assert list(found.groups()) == ["g"]
    assert found.conflicts == {conflict}
