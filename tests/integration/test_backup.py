"""`quotastream backup | restore`: everything lost but the inputs, put back, and nothing told a second time."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from streams.shell.topic_admin import admin_client, create_missing
from tests.faults.harness import read_outputs
from tests.integration.told_house import GROUPS, command
from tests.model.wire import reversal
from tests.reading import read_records
from tests.running import PARTITIONS, House, await_gone, value

if TYPE_CHECKING:
    from pathlib import Path

    from streams.shell.topics import Names
    from tests.integration.told_house import Known


def lose(house: House, *topics: str) -> None:
    """Delete topics, and wait until they are gone."""
    with admin_client(house.bootstrap_servers) as admin:
        admin.delete_topics(list(topics))
        await_gone(admin, *topics)


def all_but_inputs(names: Names) -> list[str]:
    """Return every topic that isn't an input."""
    return [spec.name for spec in names.specs() if spec.name not in names.inputs]


def test_all_but_the_inputs_is_lost(known: Known, tmp_path: Path) -> None:
    """Put back, with other home partitions even, statuses and episodes stand, and workers tell none of them again."""
    house, names, file = known.house, known.house.names, tmp_path / "told.gz"
    kept = command(house, "backup", str(file), "--json")  # beside a worker that is alive
    assert (kept.returncode, kept.stderr) == (0, "")
    before = read_outputs(house.bootstrap_servers, names)
    counts = json.loads(kept.stdout)
    assert (counts["status"], counts["alerts"]) == (len(before.statuses), len(before.episodes))
    refused = command(house, "restore", str(file))
    assert (refused.returncode, "1 worker is alive" in refused.stderr) == (1, True)
    assert known.worker.stop() == 0
    lose(house, *all_but_inputs(names))
    done = command(house, "restore", str(file), "--home-partitions", str(PARTITIONS - 1), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["written"] == [names.told, names.status, names.alerts]
    put_back = read_outputs(house.bootstrap_servers, names)
    assert (put_back.statuses, put_back.episodes) == (before.statuses, before.episodes)
    again = House(house.bootstrap_servers, tmp_path / "again", names=names)
    try:
        known.house = again
        known.worker.start()
        known.one_more_of_each_home(PARTITIONS - 1)
        assert known.equals_the_model()
        assert len(known.told()[0]) == sum(alert["group_id"] in GROUPS for alert in before.episodes.values())
        assert len(known.told()[1]) == len(GROUPS)
        assert ce_ids(again) == {value(record)["alert_id"] for record in again.seen.alerts}
        assert known.worker.stop() == 0
    finally:
        again.close()
        known.house = house


def episodes(known: Known) -> dict[str, object]:
    """Return the newest message of each episode of the story."""
    return {alert["episode_id"]: alert for alert in map(value, known.told()[0])}


def ce_ids(house: House) -> set[str]:
    """Return what the alerts' headers name them."""
    return {dict(record.headers)["ce_id"].decode() for record in house.seen.alerts}


@pytest.mark.slow
def test_what_was_told_after_the_backup_is_told_again_in_the_same_words(known: Known, tmp_path: Path) -> None:
    """A backup of yesterday, and the outputs of today: what comes twice has one alert_id, and all else stands."""
    house, names, file = known.house, known.house.names, tmp_path / "told.gz"
    assert command(house, "backup", str(file)).returncode == 0
    old = len(known.told()[0])
    house.publish([reversal(60, 1, group="g0")])
    house.seen.until(lambda: house.seen.counted("g0")[0] == 1 and len(known.told()[0]) > old)
    before = [value(alert)["alert_id"] for alert in known.told()[0]]
    newest = episodes(known)
    assert known.worker.stop() == 0
    lose(house, names.told)
    done = command(house, "restore", str(file), "--json")
    assert (done.returncode, json.loads(done.stdout)["written"]) == (0, [names.told])
    known.worker.start()
    known.one_more_of_each_home()
    house.seen.until(lambda: len(known.told()[0]) > len(before))
    after = [value(alert)["alert_id"] for alert in known.told()[0]]
    assert after[: len(before)] == before
    assert sorted(after[len(before) :]) == sorted(before[old:])
    assert episodes(known) == newest
    assert known.worker.stop() == 0
    told_already = command(house, "restore", str(file))
    assert told_already.returncode == 1
    assert f"{names.told} is not empty" in told_already.stderr


def without_line(text: bytes) -> bytes:
    """Return a text without its third line."""
    lines = text.splitlines(keepends=True)
    return b"".join([*lines[:2], *lines[3:]])


RUINS = {
    "cut off": lambda whole: whole[: len(whole) // 2],
    "a line is missing": lambda whole: gzip.compress(without_line(gzip.decompress(whole))),
    "a heading alone": lambda whole: gzip.compress(gzip.decompress(whole).split(b"\n")[0]),
    "none at all": lambda _: b"{}",
    "of a later version": lambda _: gzip.compress(b'{"quotastream_backup":2,"home_partitions":3}\n{"end":{}}\n'),
}


@pytest.mark.slow
def test_what_is_not_whole_is_refused_before_anything_is_done(known: Known, tmp_path: Path) -> None:
    """In one line; what was told may be lost, but isn't half put back."""
    house, names, file = known.house, known.house.names, tmp_path / "told.gz"
    assert command(house, "backup", str(file)).returncode == 0
    assert known.worker.stop() == 0
    whole = file.read_bytes()
    lose(house, names.told)
    nothing_to_keep = command(house, "backup", str(file))  # an older one stays as it is
    assert (nothing_to_keep.returncode, file.read_bytes()) == (1, whole)
    assert f"no topic {names.told}" in nothing_to_keep.stderr
    assert [path.name for path in tmp_path.glob("told.gz*")] == ["told.gz"]
    for what, ruin in RUINS.items():
        file.write_bytes(ruin(whole))
        refused = command(house, "restore", str(file))
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), what
        assert str(file) in refused.stderr
    with admin_client(house.bootstrap_servers) as admin:
        assert admin.describe_topics([names.told])[0]["error_code"]
    file.write_bytes(whole)
    lose(house, names.policy_changes)
    without_inputs = command(house, "restore", str(file))
    assert (without_inputs.returncode, f"no topic {names.policy_changes}: " in without_inputs.stderr) == (1, True)
    with admin_client(house.bootstrap_servers) as admin:
        create_missing(admin, names, PARTITIONS)  # what was told too, and empty
    assert command(house, "restore", str(file)).returncode == 0
    assert {record.key for record in read_records(house.bootstrap_servers, names.told)} >= {b"g0/2026", b"~"}
