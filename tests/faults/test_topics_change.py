"""Topics change under running workers: partitions come, an input is made anew, what was told is compacted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaConsumer
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions

from streams.shell.topic_admin import admin_client, create_missing
from tests.faults.scene import PARTITIONS
from tests.reading import partitions_of, read_records

if TYPE_CHECKING:
    from tests.faults.scene import Scene

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_an_input_gets_more_partitions(scene: Scene) -> None:
    """What comes in on partitions that were added meanwhile counts, without a restart."""
    scene.plays(81, 3_000)
    workers = scene.workers(2)
    scene.publish_all(scene.messages[:1_000])
    with admin_client(scene.bootstrap_servers) as admin:
        admin.create_partitions({topic: NewPartitions(PARTITIONS + 3) for topic in scene.names.inputs})
    time.sleep(2)
    scene.publish_all(scene.messages[1_000:])
    outputs = scene.compare(180)
    assert [worker.stop() for worker in workers] == [0, 0]
    scene.report("partitions are added to the inputs", outputs)


def test_an_input_is_made_anew(scene: Scene) -> None:
    """Deleted and made again under a worker, an input begins at 0: what was counted stays, what comes counts."""
    scene.plays(82, 3_000)
    (worker,) = scene.workers(1)
    scene.publish_all(scene.messages[:2_000])
    worker.says("caught up", 4)
    time.sleep(5)
    with admin_client(scene.bootstrap_servers) as admin:
        admin.delete_topics([scene.names.remittances])
        time.sleep(3)
        create_missing(admin, scene.names, PARTITIONS)
    time.sleep(3)
    scene.publish_all(scene.messages[2_000:])
    outputs = scene.compare(180)
    assert worker.stop() == 0
    scene.report("an input is made anew", outputs)


def share_left(scene: Scene, topic: str) -> float:
    """Return how many of a topic's offsets still hold a record."""
    consumer = KafkaConsumer(bootstrap_servers=scene.bootstrap_servers)
    try:
        ends = consumer.end_offsets(partitions_of(scene.bootstrap_servers, topic))
    finally:
        consumer.close()
    return len(read_records(scene.bootstrap_servers, topic)) / sum(ends.values())


def test_what_was_told_is_compacted(scene: Scene) -> None:
    """After Kafka has compacted what was told, a worker that takes over knows all of it: it tells nothing again."""
    scene.plays(83, 3_000)
    with admin_client(scene.bootstrap_servers) as admin:
        often = {"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "100",
                 "min.compaction.lag.ms": "0", "max.compaction.lag.ms": "1000"}  # fmt: skip
        topics = (scene.names.told, scene.names.status, scene.names.alerts)
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, often) for topic in topics])
    (worker,) = scene.workers(1)
    scene.publish(20)
    before = scene.compare()
    since = time.monotonic()
    while share_left(scene, scene.names.told) > 0.3:  # of a transaction's offsets its marker is a third at most
        assert time.monotonic() - since < 180, "not compacted"
        time.sleep(1)
    assert worker.stop() == 0
    worker.start().ready().says("caught up", 8)
    time.sleep(3)
    outputs = scene.compare()
    assert worker.stop() == 0
    assert outputs.episodes == before.episodes
    assert outputs.statuses == before.statuses
    scene.report("what was told is compacted", outputs)
