"""Whatever a producer does that Kafka allows, its record counts once, in the right group; two workers run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from confluent_kafka import Producer as Librdkafka
from kafka import KafkaProducer

from tests.model.wire import adjusted, opened, remittance, target
from tests.running import PARTITIONS, House, RunningWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.devkafka.broker import Broker

    Send = Callable[[bytes | None, bytes, int | None], None]

GROUPS = [f"group-{n:02d}" for n in range(14)]
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
HEADERS = [("ce_specversion", b"1.0"), ("ce_id", b"a-1"), ("ce_type", b"bank.money.v3"), ("odd", b"\xff\x00")]


@pytest.fixture(scope="module")
def house(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run two workers, each at home in some partitions; open every group and give it a target."""
    house = House(kafka.bootstrap_servers, tmp_path_factory.mktemp("inputs"))
    workers = [RunningWorker(house, name) for name in ("w1", "w2")]
    try:
        for worker in workers:
            worker.start()
        plans = [
            message
            for n, group in enumerate(GROUPS)
            for message in (opened(10 + n, group=group), target(100 + n, group_id=group))
        ]
        house.publish(plans)
        house.seen.until(lambda: all(house.seen.counted(group) == (0, "0.00") for group in GROUPS))
        house.seen.until(lambda: all(worker.said("caught up") for worker in workers))
        yield house
        assert [worker.stop() for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
        house.close()


def kafka_python(house: House, codec: str, **more: Any) -> tuple[Send, Callable[[], None]]:
    """Return how to send by kafka-python, and how to wait for all of it."""
    producer = KafkaProducer(
        bootstrap_servers=house.bootstrap_servers, compression_type=None if codec == "none" else codec, linger_ms=20,
        **more,
    )  # fmt: skip
    sent: list[Any] = []

    def send(key: bytes | None, value: bytes, partition: int | None) -> None:
        sent.append(producer.send(house.names.remittances, value, key, headers=HEADERS, partition=partition))

    def settle() -> None:
        producer.flush()
        assert [future.get(30) for future in sent]
        producer.close()

    return send, settle


def librdkafka(house: House, codec: str, **more: Any) -> tuple[Send, Callable[[], None]]:
    """Return how to send by librdkafka, and how to wait for all of it."""
    producer = Librdkafka(
        {"bootstrap.servers": house.bootstrap_servers, "compression.type": codec, "linger.ms": 20} | more
    )
    failed: list[Any] = []

    def send(key: bytes | None, value: bytes, partition: int | None) -> None:
        where = {} if partition is None else {"partition": partition}
        producer.produce(
            house.names.remittances, value, key, headers=HEADERS, on_delivery=lambda e, _: e and failed.append(e),
            **where,
        )  # fmt: skip

    def settle() -> None:
        assert producer.flush(30) == 0
        assert failed == []

    return send, settle


CLIENTS = {"kafka-python": kafka_python, "librdkafka": librdkafka}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("client", CLIENTS)
def test_any_client_codec_key_and_partition(house: House, client: str, codec: str) -> None:
    """By its own key, none, a stranger's or bytes, to any partition, and again elsewhere: each remittance once."""
    number = list(CLIENTS).index(client) * len(CODECS) + CODECS.index(codec)
    group, stranger = GROUPS[number], GROUPS[(number + 1) % len(GROUPS)]
    before = house.seen.counted(stranger)
    send, settle = CLIENTS[client](house, codec)
    keys = [group.encode(), None, stranger.encode(), b"\xff\x00", b""]
    ways = [(key, partition) for key in keys for partition in (None, *range(PARTITIONS))]
    for n, (key, partition) in enumerate(ways):
        value = json.dumps(remittance(1000 * number + n, "2026-03-05", "10.01", group=group)).encode()
        send(key, value, partition)
        send(None, value, n % PARTITIONS)  # a repeat, mostly in another partition
    settle()
    house.seen.until(lambda: house.seen.counted(group) == (len(ways), "200.20"))
    assert house.seen.counted(stranger) == before
    assert house.seen.letters == []


def test_default_partitioners_disagree_and_the_group_is_whole(house: House) -> None:
    """The same keys by both clients' defaults lie in different partitions, yet each group is counted in one place."""
    group = GROUPS[10]
    send_a, settle_a = kafka_python(house, "none")
    send_b, settle_b = librdkafka(house, "none")
    for n in range(20):
        message = remittance(20_000 + n, "2026-03-05", "1.00", group=group)
        (send_a if n % 2 else send_b)(group.encode(), json.dumps(message).encode(), None)
    settle_a()
    settle_b()
    house.seen.until(lambda: house.seen.counted(group) == (20, "20.00"))
    where = {record.partition for record in house.seen.statuses if record.key.startswith(group.encode())}
    assert where == {crc32(group.encode()) % PARTITIONS}


def test_transactions_count_once_they_are_committed(house: House) -> None:
    """What is aborted never counts, what is open not yet, what is committed once."""
    group = GROUPS[11]
    values = [json.dumps(remittance(30_000 + n, "2026-03-05", "1.00", group=group)).encode() for n in range(4)]
    topic = house.names.remittances
    producer = KafkaProducer(bootstrap_servers=house.bootstrap_servers, transactional_id=f"{topic}-a")
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic, values[0], partition=0).get(30)
    producer.abort_transaction()
    producer.begin_transaction()
    producer.send(topic, values[1], partition=1).get(30)
    producer.send(topic, values[2], partition=2).get(30)
    house.producer.send(topic, values[3], partition=0).get(30)  # after the aborted one, in its partition
    house.seen.until(lambda: house.seen.counted(group)[0] >= 1)
    assert house.seen.counted(group) == (1, "1.00")
    producer.commit_transaction()
    producer.close()
    house.seen.until(lambda: house.seen.counted(group) == (3, "3.00"))


def test_transactions_of_librdkafka_count_too(house: House) -> None:
    """A transaction of librdkafka, compressed, over all partitions: committed it counts, aborted it doesn't."""
    group = GROUPS[12]
    producer = Librdkafka(
        {"bootstrap.servers": house.bootstrap_servers, "transactional.id": f"{house.names.prefix}b",
         "compression.type": "lz4"}
    )  # fmt: skip
    producer.init_transactions(30)
    for turn, amount in enumerate(("7.00", "1.00")):
        producer.begin_transaction()
        for n in range(6):
            value = json.dumps(remittance(40_000 + 10 * turn + n, "2026-03-05", amount, group=group)).encode()
            producer.produce(house.names.remittances, value, partition=n % PARTITIONS)
        if turn:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    house.seen.until(lambda: house.seen.counted(group)[0] >= 6)
    assert house.seen.counted(group) == (6, "6.00")


def test_a_worker_starts_where_the_inputs_end_in_markers(house: House) -> None:
    """A worker that starts after aborted transactions, which leave no record to read, catches up all the same."""
    topics = (house.names.remittances, house.names.policy_changes)
    producer = KafkaProducer(bootstrap_servers=house.bootstrap_servers, transactional_id=f"{house.names.prefix}c")
    producer.init_transactions()
    producer.begin_transaction()
    for topic in topics:
        for partition in range(PARTITIONS):
            producer.send(topic, b"never said", partition=partition).get(30)
    producer.abort_transaction()
    producer.close()
    late = RunningWorker(house, "late").start()
    try:
        house.seen.until(lambda: late.said("caught up"))
        assert late.stop() == 0
    finally:
        late.kill()
    assert house.seen.letters == []


def test_each_policy_reaches_every_group(house: House) -> None:
    """Policies for all, one in each partition, reach the groups of both workers."""
    policies = [adjusted(500 + n, "2026-02-01", "2026-02-01", factor="0.5") for n in range(PARTITIONS)]
    for partition, policy in enumerate(policies):
        house.publish([policy], partition)
    ids = {policy["policy_id"] for policy in policies}
    house.seen.until(lambda: all(ids <= set(house.seen.status(group)["policies_applied"]) for group in GROUPS))
    assert {house.seen.status(group)["policies_applied_count"] for group in GROUPS} == {2 + PARTITIONS}
    homes = {crc32(group.encode()) % PARTITIONS for group in GROUPS}
    assert homes == set(range(PARTITIONS))
