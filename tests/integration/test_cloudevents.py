"""CloudEvents in and out, a registry's prefix, and a trace from an input to the alert that it caused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schemas.outputs import DeadLetter, QuotaAlert
from tests.model.wire import adjusted, opened, remittance, target
from tests.running import House, RunningWorker, value

if TYPE_CHECKING:
    from pathlib import Path

    from streams.devkafka.broker import Broker

PARENTS = [f"00-{n:032x}-{n:016x}-01".encode() for n in range(1, 4)]
STRUCTURED = ("content-type", b"application/cloudevents+json")


def envelope(data: dict[str, Any], **other: str) -> bytes:
    """Return a CloudEvent in structured mode."""
    return json.dumps(
        {"specversion": "1.0", "id": "1", "source": "/bank", "type": "x", "data": data} | other
    ).encode()


def test_events_come_in_envelopes_and_alerts_carry_their_trace(kafka: Broker, tmp_path: Path) -> None:
    """Each way of sending counts once, and who follows a trace finds the alert that its policy or money caused."""
    house = House(kafka.bootstrap_servers, tmp_path)
    worker = RunningWorker(house, "w1").start()
    money, policies, seen = house.names.remittances, house.names.policy_changes, house.seen
    cut = adjusted(3, "2026-07-01", "2026-07-01", "whole_period", factor="0.000001", scope={"group_id": "g1"})
    paid = remittance(1, "2026-03-05", "1000.00", group="g1")

    def send(topic: str, message: bytes, *headers: tuple[str, bytes]) -> None:
        house.producer.send(topic, message, headers=list(headers)).get(30)

    try:
        send(policies, b"\0\0\0\0\1" + json.dumps(opened(1, group="g1")).encode())
        send(policies, envelope(target(2, group_id="g1"), traceparent=PARENTS[0].decode()), STRUCTURED)
        send(money, envelope(paid), STRUCTURED)
        send(money, json.dumps(paid).encode())  # the same again
        send(money, b"\0\0\0\0\2" + json.dumps(remittance(2, "2026-03-06", "500.00", group="g1")).encode())
        send(money, envelope(paid, specversion="0.1"), STRUCTURED)
        seen.until(lambda: seen.counted("g1") == (2, "1500.00"))
        (letter,) = seen.until(lambda: seen.letters)
        assert DeadLetter.model_validate(value(letter)).detail.startswith("specversion: ")
        behind = newest(house, "behind_pace")
        assert behind["transition"] == "opened"

        send(policies, json.dumps(cut).encode(),
             ("traceparent", PARENTS[1]), ("tracestate", b"vendor=1"))  # fmt: skip
        resolved = seen.until(lambda: resolved_of(house, "g1"))
        assert headers_of(resolved) | {"ce_time": b""} == {
            "ce_specversion": b"1.0", "ce_id": value(resolved)["alert_id"].encode(), "ce_subject": b"g1",
            "ce_type": b"org.quotastream.quota_alert.v1", "ce_source": b"/quotastream", "ce_time": b"",
            "content-type": b"application/json", "traceparent": PARENTS[1], "tracestate": b"vendor=1",
        }  # fmt: skip
        assert all(headers_of(record)["ce_id"].startswith(record.key) for record in seen.statuses)

        send(policies, json.dumps(target(4, group_id="g2")).encode())
        late = seen.until(lambda: [r for r in seen.alerts if value(r)["group_id"] == "g2"])
        assert all("traceparent" not in headers_of(record) for record in late)
        today = remittance(5, "2026-07-01", "365000.00", group="g2")
        send(money, json.dumps(today).encode(), ("ce_traceparent", PARENTS[2]))
        paid_up = seen.until(lambda: resolved_of(house, "g2"))
        assert headers_of(paid_up)["traceparent"] == PARENTS[2]
        assert worker.stop() == 0
    finally:
        worker.kill()
        house.close()


def newest(house: House, kind: str) -> dict[str, Any]:
    """Wait for an alert of a kind; return the newest."""
    found = house.seen.until(lambda: [v for v in map(value, house.seen.alerts) if v["kind"] == kind])
    QuotaAlert.model_validate(found[-1])
    return found[-1]


def resolved_of(house: House, group: str) -> Any:
    """Return the message that tells of a group that is no longer behind, None before there is one."""
    wanted = {"transition": "resolved", "group_id": group, "kind": "behind_pace"}
    return next((record for record in house.seen.alerts if value(record).items() >= wanted.items()), None)


def headers_of(record: Any) -> dict[str, bytes]:
    """Return a record's headers by name."""
    return dict(record.headers)
