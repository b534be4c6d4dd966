"""`quotastream rebuild`: the logs made again from the inputs, and nothing told twice; logs of a newer version."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from kafka import TopicPartition

from streams.shell import packs, rebuilding, told
from streams.shell.topic_admin import admin_client
from tests.integration.told_house import DAY, Known, command, telling
from tests.model.wire import policy, remittance
from tests.running import House, RunningWorker, value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.devkafka.broker import Broker


@pytest.fixture(scope="module")
def known(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """Give a house of which all was told, its worker stopped."""
    with telling(kafka.bootstrap_servers, tmp_path_factory.mktemp("rebuild")) as known:
        refused = command(known.house, "rebuild", "--yes")
        assert refused.returncode == 1
        assert "1 worker alive" in refused.stderr
        assert known.worker.stop() == 0
        yield known


def log_ids(house: House) -> dict[str, str]:
    """Return the topic ids of the internal logs that are there."""
    with admin_client(house.bootstrap_servers) as admin:
        found = admin.describe_topics([house.names.home, house.names.policies])
    return {topic["name"]: str(topic["topic_id"]) for topic in found if not topic["error_code"]}


def test_it_says_what_it_will_do_and_does_nothing_unasked(known: Known) -> None:
    """Without --yes it names the logs and what is read again, and ends with 3; nothing has changed."""
    house, before = known.house, log_ids(known.house)
    looked = command(house, "rebuild")
    assert looked.returncode == 3
    assert house.names.home in looked.stdout
    assert "nothing would be lost" in looked.stdout
    assert looked.stderr == "quotastream: nothing was changed: --yes would do it\n"
    as_json = command(house, "rebuild", "--json")
    planned = json.loads(as_json.stdout)
    assert (as_json.returncode, planned["done"], planned["losses"]) == (3, False, [])
    assert planned["records_to_read_again"] == known.published + 1
    assert log_ids(house) == before


def test_a_rebuild_tells_nothing_again(known: Known) -> None:
    """Workers with the old store and with none come to the same; only what is bad comes again, with its ce_id."""
    house, before, ids = known.house, known.told(), log_ids(known.house)
    letters = len(house.seen.letters)
    done = command(house, "rebuild", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert not set(ids.values()) & set(log_ids(house).values())
    workers = [RunningWorker(house, name).start() for name in ("w", "fresh")]
    try:
        known.one_more_of_each_home()
        house.seen.until(lambda: len(house.seen.letters) > letters)
        assert known.equals_the_model()
        assert known.told() == before
        house.seen.until(lambda: workers[0].said("of another home log"))
        assert [worker.stop() for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
    assert len({dict(letter.headers)["ce_id"] for letter in house.seen.letters}) == 1


class Cut(Exception):  # noqa: N818
    """The end of a rebuild, in the middle of it."""


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_rebuild_that_is_cut_off_harms_nothing(known: Known, steps: int) -> None:
    """After any of its steps a worker that starts tells nothing false and nothing again."""
    house, before = known.house, known.told()

    def say(step: str) -> None:
        said.append(step)
        if len(said) == steps:
            raise Cut

    said: list[str] = []
    with admin_client(house.bootstrap_servers) as admin:
        planned = rebuilding.plan(admin, house.bootstrap_servers, house.names)
        with pytest.raises(Cut):
            rebuilding.rebuild(admin, house.bootstrap_servers, house.names, planned, say)
    assert len(log_ids(house)) == 3 - steps if steps > 1 else 2
    worker = RunningWorker(house, "w").start()
    try:
        known.one_more_of_each_home()
        assert known.equals_the_model()
        assert known.told() == before
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_it_is_refused_where_the_inputs_begin_late(kafka: Broker, tmp_path: Path) -> None:
    """What is gone from an input is named; --force goes on without it, and the rest counts."""
    house = House(kafka.bootstrap_servers, tmp_path, DAY)
    worker = RunningWorker(house, "w").start()
    try:
        house.publish([remittance(n, "2026-03-05", "1.00", group="g") for n in range(10)], 0)
        house.seen.until(lambda: house.seen.counted("g")[0] == 10)
        assert worker.stop() == 0
        with admin_client(kafka.bootstrap_servers) as admin:
            admin.delete_records({TopicPartition(house.names.remittances, 0): 4})
        refused = command(house, "rebuild", "--yes")
        assert refused.returncode == 1
        assert f"{house.names.remittances}[0] begins at offset 4" in refused.stderr.splitlines()[-1]
        assert "--force" in refused.stderr
        assert command(house, "rebuild", "--yes", "--force").returncode == 0
        worker.start()
        house.seen.until(lambda: house.seen.counted("g")[0] == 6)
        assert worker.stop() == 0
    finally:
        worker.kill()
        house.close()


# --- upgrade --------------------------------------------------------------------------------------------------------


def newer_pack(house: House) -> None:
    """Append to the home log what only a newer worker can read."""
    newer = msgspec.msgpack.encode([packs.VERSION + 1, "remittances", 0, 0, [], "a new field"])
    house.producer.send(house.names.home, newer, partition=1).get(30)


def newer_told(house: House) -> None:
    """Note as told what only a newer worker can read."""
    meta = json.loads(told.Told().meta()) | {"version": told.VERSION + 1}
    house.producer.send(house.names.told, b'{"in":"another way"}', b"g/2026", partition=1).get(30)
    house.producer.send(house.names.told, json.dumps(meta).encode(), told.META_KEY, partition=1).get(30)


def newer_policy(house: House) -> None:
    """Append to the policies log a policy of a type that only a newer worker knows."""
    body = json.dumps(policy(1, "amnesty_granted", "2026-01-01")).encode()
    headers = [("source_partition", b"0"), ("source_offset", b"0")]
    house.producer.send(house.names.policies, body, headers=headers).get(30)


@pytest.mark.parametrize("write_newer", [newer_pack, newer_told, newer_policy])
def test_a_worker_ends_where_a_newer_one_has_written(kafka: Broker, tmp_path: Path, write_newer: Any) -> None:
    """Exit code 3 and one line that says what to do; it does not try for ever, and tells nothing."""
    house = House(kafka.bootstrap_servers, tmp_path, DAY)
    worker = RunningWorker(house, "w")
    try:
        write_newer(house)
        assert worker.start().wait() == 3
        assert worker.last_line.startswith("quotastream: ")
        assert "written by a newer worker" in worker.last_line
        text = worker.log.read_text()
        assert "Traceback" not in text
        assert text.count("worker ready") <= 1
        house.seen.to_the_end()
        assert not house.seen.statuses
    finally:
        worker.kill()
        house.close()


def test_a_worker_ends_when_a_newer_one_writes_beside_it(kafka: Broker, tmp_path: Path) -> None:
    """An older worker in the same group stops as soon as it meets what it can't read, having counted the rest."""
    house = House(kafka.bootstrap_servers, tmp_path, DAY)
    worker = RunningWorker(house, "w").start()
    try:
        house.publish([remittance(1, "2026-03-05", "1.00", group="g")])
        house.seen.until(lambda: house.seen.counted("g")[0] == 1)
        newer_pack(house)
        assert worker.wait() == 3
        assert "written by a newer worker" in worker.last_line
        assert [value(status)["group_id"] for status in house.seen.statuses] == ["g"]
    finally:
        worker.kill()
        house.close()
