"""The benchmark of recovery, in a small form: it runs, and finds in the ledgers what was published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import recovery
from streams.devkafka import broker as devkafka

if TYPE_CHECKING:
    from pathlib import Path


def test_a_worker_is_back_with_its_store_and_without(tmp_path: Path) -> None:
    """With right totals both times; alone it restores every remittance, the one that came meanwhile too."""
    with devkafka.session(tmp_path / "kafka") as broker:
        given = recovery.Input(broker.bootstrap_servers, 100, 2)
        found = recovery.measure(given, tmp_path, 1, alone=True, with_policies=True)
    (with_store,), (from_log,) = found[recovery.WORKER].with_store, found[recovery.WORKER].from_log
    assert with_store.right
    assert with_store.telling_seconds is not None
    assert 0 < with_store.seconds <= with_store.telling_seconds
    assert from_log.right
    assert from_log.records == 201
    assert 0 < from_log.restoring_seconds < from_log.seconds
