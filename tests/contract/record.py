"""Records a release: its schemas, and what went over the wire of a real worker.

`python -m tests.contract.record 0.1.0`.

The schemas go to schemas/published/released/VERSION, the messages to tests/contract/recorded/VERSION; the gate then
holds every later change against both (docs/evolution.md).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from streams.devkafka import broker as devkafka
from streams.shell import codec, contracts, evolution
from tests.conftest import TEST_CONFIG
from tests.running import House, RunningWorker
from tests.strategies import seeded_history
from tests.unit.schemas.examples import cases

RECORDED = Path(__file__).parent / "recorded"
MESSAGES = 60
LINES_AT_MOST = 120


def meaning(topic: codec.Topic, value: bytes) -> str | None:
    """Return what must stay so of what a message means: by what it is known, and what makes a repeat of it equal."""
    event: Any = codec.decode(topic, value)
    return f"{event.event_id.hex()} {event.digest.hex()}" if topic == "remittances" else event.policy_id


def record(version: str) -> None:
    """Run a worker on made-up messages and on the examples; write down what came in and what went out."""
    released, folder = evolution.RELEASED / version, RECORDED / version
    for made in (released, folder):
        made.mkdir(parents=True)
    for name, text in contracts.files().items():
        if name != contracts.ASYNCAPI_FILE:
            (released / name).write_text(text, encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch, devkafka.session(Path(scratch), extra_config=TEST_CONFIG) as kafka:
        house = House(kafka.bootstrap_servers, Path(scratch))
        worker = RunningWorker(house, "w1").start()
        try:
            inputs = _send(house)
            bad = sum(not one["good"] for one in inputs)
            house.seen.until(lambda: len(house.seen.letters) >= bad and house.seen.alerts and house.seen.statuses, 90)
            worker.stop()
            house.seen.to_the_end()
        finally:
            worker.kill()
            house.close()
        _write(folder / "inputs.jsonl", inputs)
        for name in ("statuses", "alerts", "letters"):
            records = [record for record in getattr(house.seen, name) if record.value is not None]
            _write(folder / f"{name}.jsonl", [_line(record) for record in records[:LINES_AT_MOST]])


def _send(house: House) -> list[dict[str, Any]]:
    found = []
    drawn = [(message, json.dumps(message).encode()) for message in seeded_history(7, MESSAGES, groups=3).messages]
    for message, value in drawn:
        found.append(_sent(house, "remittances" if "event_id" in message else "policy-changes", value))
    for case in cases("valid"):
        assert case.value is not None
        found.append({"topic": case.topic, "value": case.value.decode(), "good": meaning(case.topic, case.value)})
    unknown = [case for case in cases("invalid") if (case.reason or "").startswith("unknown_")]
    found += [_sent(house, case.topic, case.value or b"") for case in unknown]
    house.producer.flush()
    return found


def _sent(house: House, topic: codec.Topic, value: bytes) -> dict[str, Any]:
    name = house.names.remittances if topic == "remittances" else house.names.policy_changes
    house.producer.send(name, value)
    try:
        good = meaning(topic, value)
    except codec.BadRecord:
        good = None
    return {"topic": topic, "value": value.decode(), "good": good}


def _line(record: Any) -> dict[str, Any]:
    return {
        "key": None if record.key is None else record.key.decode(),
        "headers": {name: said.decode() for name, said in record.headers},
        "value": json.loads(record.value),
    }


def _write(path: Path, lines: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    record(sys.argv[1])
