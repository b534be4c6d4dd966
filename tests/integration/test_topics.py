"""Topics on a real broker: created as they should be, judged, and set right."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from streams.shell import topic_admin
from streams.shell.connection import UnreachableError
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka import KafkaAdminClient

    from streams.devkafka.broker import Broker


@pytest.fixture
def admin(kafka: Broker) -> Iterator[KafkaAdminClient]:
    """Give an admin client of the tests' broker."""
    with topic_admin.admin_client(kafka.bootstrap_servers) as client:
        yield client


def partitions_of(admin: KafkaAdminClient, name: str) -> int:
    """Return how many partitions a topic has."""
    return len(admin.describe_topics([name])[0]["partitions"])


def set_config(admin: KafkaAdminClient, name: str, key: str, value: str) -> None:
    """Set one config of a topic, and wait until the broker says so."""
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {key: value})])
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, [key])]
    while admin.describe_configs(asked, config_filter="all")["topic"][name][key]["value"] != value:
        time.sleep(0.05)


def widen(admin: KafkaAdminClient, name: str, count: int) -> None:
    """Give a topic more partitions, and wait until the broker says so."""
    admin.create_partitions({name: count})
    while partitions_of(admin, name) != count:
        time.sleep(0.05)


def test_created_topics_are_as_they_should_be(admin: KafkaAdminClient, prefix: str) -> None:
    """After creating what is missing, nothing is missing and nothing differs."""
    names = Names(prefix=prefix)
    changes = topic_admin.create_missing(admin, names, partitions=3)
    assert [change.what for change in changes] == ["created"] * 8
    assert topic_admin.check(admin, names) == []
    assert topic_admin.check(admin, names, partitions=3) == []
    assert partitions_of(admin, names.remittances) == 3
    assert partitions_of(admin, names.policies) == 1
    assert partitions_of(admin, names.home) == partitions_of(admin, names.told) == 3


def test_creating_again_changes_nothing(admin: KafkaAdminClient, prefix: str) -> None:
    """A second creation finds all there, even where it asks for other partitions."""
    names = Names(prefix=prefix)
    topic_admin.create_missing(admin, names, partitions=2)
    assert topic_admin.create_missing(admin, names, partitions=5) == []
    assert partitions_of(admin, names.home) == 2


def test_every_missing_topic_is_told_with_what_it_costs(admin: KafkaAdminClient, prefix: str) -> None:
    """Without any topic each is told as missing, as fatal, and as mended by creating."""
    differences = topic_admin.check(admin, Names(prefix=prefix))
    assert len(differences) == 8
    assert all(d.what == "missing" and d.fatal and d.create_mends and d.cost for d in differences)
    assert str(differences[0]).startswith(f"{prefix}remittances: missing: ")


def test_a_short_retention_is_told_by_what_it_loses_and_set_right(admin: KafkaAdminClient, prefix: str) -> None:
    """A week's retention on the remittances is told as the loss that it is, and the next creation ends it."""
    names = Names(prefix=prefix)
    topic_admin.create_missing(admin, names, partitions=1)
    set_config(admin, names.remittances, "retention.ms", "604800000")
    (difference,) = topic_admin.check(admin, names)
    assert str(difference) == (
        f"{prefix}remittances: retention.ms is 604800000, should be -1: "
        "remittances older than that are lost to a rebuild"
    )
    changes = topic_admin.create_missing(admin, names)
    assert [str(c) for c in changes] == [f"{prefix}remittances: retention.ms was 604800000, is -1 now"]
    assert topic_admin.check(admin, names) == []


def test_each_config_that_differs_is_told(admin: KafkaAdminClient, prefix: str) -> None:
    """Compaction, retention, sizes and in-sync replicas are each looked at."""
    names = Names(prefix=prefix)
    topic_admin.create_missing(admin, names, partitions=1)
    set_config(admin, names.status, "cleanup.policy", "compact,delete")
    set_config(admin, names.dead_letters, "retention.ms", "1000")
    set_config(admin, names.home, "max.message.bytes", "1000")
    set_config(admin, names.told, "min.insync.replicas", "2")
    found = {(d.topic.removeprefix(prefix), d.what) for d in topic_admin.check(admin, names)}
    assert found == {
        ("quota-status", "cleanup.policy"),
        ("quota-dead-letters", "retention.ms"),
        ("quotastream-home", "max.message.bytes"),
        ("quotastream-told", "min.insync.replicas"),
    }


def test_room_for_larger_records_is_no_difference(admin: KafkaAdminClient, prefix: str) -> None:
    """A topic that takes larger records than it has to is left alone."""
    names = Names(prefix=prefix)
    topic_admin.create_missing(admin, names, partitions=1)
    set_config(admin, names.remittances, "max.message.bytes", str(4 << 20))
    assert topic_admin.check(admin, names) == []


def test_policies_in_two_partitions_are_fatal(admin: KafkaAdminClient, prefix: str) -> None:
    """The log of policies has one order only in one partition, and creating cannot mend another number."""
    names = Names(prefix=prefix)
    topic_admin.create_missing(admin, names, partitions=1)
    widen(admin, names.policies, 2)
    (difference,) = topic_admin.check(admin, names)
    assert (difference.what, difference.found, difference.expected) == ("partitions", "2", "1")
    assert difference.fatal
    assert not difference.create_mends


def test_home_and_told_have_the_same_number_of_partitions(admin: KafkaAdminClient, prefix: str) -> None:
    """The one that is missing gets as many as the other has; where they differ it is fatal."""
    names = Names(prefix=prefix)
    admin.create_topics({names.home: {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True)
    topic_admin.create_missing(admin, names, partitions=6)
    assert partitions_of(admin, names.told) == 3
    assert partitions_of(admin, names.remittances) == 6
    widen(admin, names.told, 4)
    (difference,) = topic_admin.check(admin, names)
    assert (difference.topic, difference.found, difference.expected) == (names.home, "3", "4")
    assert difference.fatal


def test_a_replay_has_internal_topics_of_its_own(admin: KafkaAdminClient, prefix: str) -> None:
    """A replay shares the inputs and creates only what is its own."""
    topic_admin.create_missing(admin, Names(prefix=prefix), partitions=2)
    replay = Names(prefix=prefix, replay=True, output_prefix="try-")
    created = {c.topic.removeprefix(prefix) for c in topic_admin.create_missing(admin, replay, partitions=2)}
    assert created == {
        "try-quota-status",
        "try-quota-alerts",
        "try-quota-dead-letters",
        "quotastream-replay-try-home",
        "quotastream-replay-try-policies",
        "quotastream-replay-try-told",
    }


def test_more_copies_than_brokers_is_an_error_of_one_line(admin: KafkaAdminClient, prefix: str) -> None:
    """Kafka's refusal names the topic."""
    with pytest.raises(topic_admin.TopicAdminError, match="did not create it"):
        topic_admin.create_missing(admin, Names(prefix=prefix), partitions=1, replication_factor=3)


def test_fewer_copies_than_asked_for_is_a_difference(admin: KafkaAdminClient, prefix: str) -> None:
    """What creating cannot change is told as such."""
    names = Names(prefix=prefix)
    topic_admin.create_missing(admin, names, partitions=1)
    differences = topic_admin.check(admin, names, replication_factor=3)
    assert {d.what for d in differences} == {"replication factor"}
    assert len(differences) == 8
    assert not any(d.create_mends for d in differences)


def test_a_broker_that_does_not_answer_is_one_clear_line() -> None:
    """Nobody waits for ever, and the address is named."""
    with (
        pytest.raises(UnreachableError, match=r"no Kafka answers at 127\.0\.0\.1:1 "),
        topic_admin.admin_client("127.0.0.1:1", within_s=1),
    ):
        pass
