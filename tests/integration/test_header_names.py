"""Header names that are not UTF-8, which Kafka takes and clients raise at."""

from __future__ import annotations

import json
import time
import uuid
from datetime import date
from typing import TYPE_CHECKING, Any

from kafka import KafkaProducer

from streams.shell.topics import Names
from tests.faults.harness import WorkerProcess, read_outputs

if TYPE_CHECKING:
    from pathlib import Path

    from streams.devkafka.broker import Broker


class NotUtf8(str):
    """A header name that a producer of another language may send."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        """Give the bytes that go over the wire."""
        return b"\xff\xfeX"


def test_a_header_name_that_is_not_utf8_stops_nobody(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """A good record with such a header counts, a bad one becomes a dead letter, and those behind them count."""
    names = Names(prefix)
    worker = WorkerProcess(kafka.bootstrap_servers, prefix, tmp_path, "w1", date(2026, 7, 1)).start()
    worker.says("caught up")
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    for place in range(5):
        value = b"nonsense" if place == 2 else json.dumps(remittance()).encode()
        headers = [(NotUtf8("x"), b"v")] if place in {1, 2} else []
        producer.send(names.remittances, value, partition=1, headers=headers).get(10)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        outputs = read_outputs(kafka.bootstrap_servers, names)
        counts = [status["remittance_count"] for status in outputs.statuses.values()]
        if counts == [4] and outputs.dead_letters:
            break
        time.sleep(0.3)
    assert counts == [4]
    assert [(letter["offset"], letter["reason"]) for letter in outputs.dead_letters] == [(2, "not_json")]
    assert outputs.dead_letters[0]["headers"] == [["\\xff\\xfeX", "dg=="]]
    assert worker.stop() == 0


def remittance() -> dict[str, Any]:
    """Return a small remittance, another each time."""
    return {
        "schema_version": 1,
        "type": "remittance",
        "event_id": str(uuid.uuid4()),
        "group_id": "g1",
        "amount": "5.00",
        "currency": "USD",
        "occurred_at": "2026-03-01T00:00:00Z",
        "channel": "cash",
    }
