"""`streams.client` against the real broker and a real worker: what it sends counts, what it reads is typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaConsumer, KafkaProducer

from schemas.policies import TargetSet
from schemas.remittances import Remittance
from streams.client import BadRecord, Publisher, alerts, open_episodes
from streams.shell import connection
from streams.shell.connection import UnreachableError
from tests.model.wire import opened, remittance, target
from tests.reading import partitions_of
from tests.running import House, RunningWorker, free_port, value
from tests.unit.schemas.examples import output

if TYPE_CHECKING:
    from pathlib import Path

    from streams.devkafka.broker import Broker


def test_what_it_publishes_counts_and_the_alerts_come_typed(kafka: Broker, tmp_path: Path) -> None:
    """Dicts, models and bytes, each to its topic; open episodes and alerts from the topic alone."""
    house = House(kafka.bootstrap_servers, tmp_path)
    worker = RunningWorker(house, "w1").start()
    seen, prefix = house.seen, house.names.prefix
    paid = remittance(1, "2026-03-05", "1000.00", group="g1")
    try:
        with Publisher(house.bootstrap_servers, prefix) as publisher:
            publisher.publish(opened(1, group="g1"))
            publisher.publish(TargetSet.model_validate(target(2, group_id="g1")))
            publisher.publish(Remittance.model_validate(paid), [("traceparent", b"x")])
            publisher.publish(json.dumps(paid).encode())
        assert publisher.acknowledged == 4
        seen.until(lambda: seen.counted("g1") == (1, "1000.00") and seen.status("g1")["region"])
        seen.to_the_end()
        told = {a["episode_id"]: a for a in map(value, seen.alerts)}
        found = {alert.episode_id: alert for alert in alerts(house.bootstrap_servers, prefix, to_the_end=True)}
        assert {key: alert.model_dump() for key, alert in found.items()} == told
        still_open = open_episodes(house.bootstrap_servers, prefix)
        assert {alert.kind for alert in still_open.values()} >= {"behind_pace", "silent"}
        assert all(found[key].history[-1].transition != "resolved" for key in still_open)
        assert worker.stop() == 0
    finally:
        worker.kill()
        house.close()


def test_what_a_worker_could_not_use_is_never_sent(kafka: Broker, tmp_path: Path) -> None:
    """Each refusal names the reason and the field; the good ones around it are sent, keyed for their topic."""
    house = House(kafka.bootstrap_servers, tmp_path)
    wrong = [({"type": "remittance"}, "unknown_version"), (b"[]", "not_json"), (b"{", "not_json"),
             (remittance(1, "2026-03-05", "-1"), "schema"), (target(1) | {"type": "x"}, "unknown_type"),
             (target(1, currency="XAU"), "unknown_currency"), ({"type": ["x"]}, "unknown_version")]  # fmt: skip
    try:
        with Publisher(house.bootstrap_servers, house.names.prefix) as publisher:
            for message, reason in wrong:
                with pytest.raises(BadRecord) as refused:
                    publisher.publish(message)
                assert refused.value.reason == reason
                assert refused.value.detail
            publisher.publish(remittance(2, "2026-03-05", "1.00", group="keyed"))
            publisher.publish(target(3, group_id="keyed"))
        consumer = KafkaConsumer(bootstrap_servers=house.bootstrap_servers, auto_offset_reset="earliest")
        consumer.assign([tp for topic in house.names.inputs for tp in partitions_of(house.bootstrap_servers, topic)])
        records = [next(consumer), next(consumer)]
        assert {record.key for record in records} == {b"keyed", target(3)["policy_id"].encode()}
        assert sum(consumer.end_offsets(list(consumer.assignment())).values()) == 2
        consumer.close()
    finally:
        house.close()


def test_a_repeated_message_is_yielded_once_and_unknown_fields_pass(kafka: Broker, tmp_path: Path) -> None:
    """A worker that crashed says the same again; one of tomorrow says more than we know of."""
    house = House(kafka.bootstrap_servers, tmp_path)
    alert = output("quota_alert")
    producer = KafkaProducer(bootstrap_servers=house.bootstrap_servers)
    try:
        for said in (alert, alert, alert | {"alert_id": alert["episode_id"], "revision": 3}):
            body = json.dumps(said | {"added_later": {"x": 1}}).encode()
            producer.send(house.names.alerts, body, said["episode_id"].encode(), partition=0).get(30)
        found = list(alerts(house.bootstrap_servers, house.names.prefix, to_the_end=True))
        assert [one.revision for one in found] == [alert["revision"], 3]
        assert found[0].model_dump()["added_later"] == {"x": 1}
    finally:
        producer.close()
        house.close()


def test_a_broker_that_is_not_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong address ends in a sentence, in no endless wait."""
    monkeypatch.setattr(connection, "ANSWER_WITHIN_S", 1)
    with pytest.raises(UnreachableError):
        Publisher(f"127.0.0.1:{free_port()}")
