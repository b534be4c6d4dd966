"""Everything at its limits at once, and records as odd as Kafka takes them: each group is as the model says."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future
from datetime import date
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from streams.shell.topic_admin import admin_client
from tests.faults.harness import await_outputs, expected
from tests.model.wire import (
    EVENT,
    POLICY,
    adjusted,
    levy,
    opened,
    policy,
    rate,
    remittance,
    resumed,
    reversal,
    revoked,
    rules,
    suspended,
    target,
    uid,
)
from tests.running import House, RunningWorker, value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.devkafka.broker import Broker

    Message = dict[str, Any]

DAYS = [date(2026, 7, 1), date(2028, 1, 1), date(2099, 12, 31)]
MOST = "999999999999999999.99"
MOST_DECIMAL, LEAST_DECIMAL = "999999999.999999999", "0.000000001"
MOST_WORKERS = 999_999_999


def events() -> Iterator[Message]:
    """Yield money beyond 64 bits, at the ends of days, years and of time; reversals of everything."""
    yield from (remittance(100 + n, f"2026-0{1 + n % 6}-11", MOST, group="a") for n in range(12))
    yield from (remittance(100 + n, f"2026-0{1 + n % 6}-11", "5.00", group="b") for n in range(4))  # the same ids
    yield remittance(100, "2026-01-11", MOST, group="c")
    yield reversal(200, of=201, group="a")  # before what it reverses
    yield remittance(201, "2026-03-01", "7.77", group="a")
    yield reversal(202, of=200, group="a")  # of a reversal
    yield reversal(203, of=100, group="b")
    yield reversal(204, of=101, group="c")  # of another group's
    yield reversal(205, of=205, group="a")  # of itself
    yield remittance(206, "2000-01-01", "1.00", group="a")
    yield remittance(207, "2099-12-31", "1.00", group="a")
    moments = ["2026-01-01T00:00:00+14:00", "2025-12-31T23:59:59.999999-00:00", "2025-12-31T23:59:59.9999999999Z"]
    yield from (
        remittance(208 + n, "2026-01-01", "3.00", group="a") | {"occurred_at": m} for n, m in enumerate(moments)
    )
    yield remittance(300, "2026-02-02", "1.00", group="a", levy="rail")
    yield remittance(301, "2026-02-02", "1.00", group="a", levy="of-nobody")
    yield remittance(302, "2025-02-02", "1.00", group="a", levy="rail")  # of a year without that levy
    yield remittance(310, "2026-04-01", "5.00", group="closed")
    yield from (remittance(400 + n, "2026-02-03", MOST, "EUR", group="b") for n in range(3))
    yield remittance(410, "2026-02-03", "999999999999999999", "JPY", group="b")
    yield remittance(411, "2026-02-03", "999999999999999999.999", "KWD", group="b")


def policies() -> Iterator[Message]:
    """Yield decrees of the first and the last day there is, about groups open, closed and unheard of."""
    yield from (opened(1, group="a"), target(2, group_id="a", amount=MOST))
    yield from (opened(3, group="b"), target(4, group_id="b", basis="per_worker", amount=MOST))
    yield target(10, group_id="a", year=2000, amount="10.00", issued="2000-01-01")
    yield target(11, group_id="a", year=2099, amount="10.00", issued="2099-12-31")
    yield target(12, group_id="asked-nothing", amount="0", issued="2026-01-01")
    yield levy(20, "2026-01-05", "2026-02-01", "2026-05-01", scope={"group_id": "unheard-of"}, levy_id="unheard")
    yield levy(21, "2026-01-05", "2026-02-01", "2026-02-01", amount=MOST)
    yield levy(
        22, "2026-01-06", "2026-02-01", "2026-05-01", basis="per_worker", amount=MOST, scope={"region": "north"}
    )
    yield policy(23, "levy_lifted", "2026-01-06", levy_id="rail", effective_on="2026-03-01")
    yield policy(30, "group_closed", "2026-03-01", group_id="closed", closed_on="2026-03-01")
    yield levy(31, "2026-03-02", "2026-04-01", "2026-04-30", scope={"group_id": "closed"}, levy_id="late")
    yield policy(32, "group_closed", "2025-03-01", group_id="closed-before", closed_on="2025-03-01")
    yield target(33, group_id="closed-before")
    yield opened(34, "2099-12-31", group="last", issued="2000-01-01")
    yield opened(35, "2000-01-01", group="large", headcount=MOST_WORKERS)
    yield target(36, group_id="large", basis="per_worker", amount=MOST)
    yield policy(37, "headcount_changed", "2026-05-01", group_id="large", headcount=0, effective_on="2026-05-01")
    large = {"scope": {"group_id": "large"}}
    yield from (adjusted(40 + n, "2026-02-01", "2026-02-01", factor=MOST_DECIMAL, **large) for n in range(30))
    yield adjusted(80, "2026-02-01", "2026-02-01", delta=f"-{MOST}", currency="USD")
    yield adjusted(81, "2026-02-01", "2026-02-01", delta=MOST, currency="EUR")
    yield rate(90, "EUR", "USD", LEAST_DECIMAL, "2026-01-01")
    yield rate(91, "USD", "EUR", MOST_DECIMAL, "2026-03-01")
    yield rate(99, "EUR", "USD", MOST_DECIMAL, "2000-01-01")
    # Of a rate, of a revocation, of itself, of a decree on the last day, before what it names, of each other.
    named = {92: 91, 93: 92, 94: 94, 95: 80, 96: 81, 97: 98, 98: 97}
    issued = {95: "2099-12-31", 96: "2000-01-01"}
    yield from (revoked(number, issued.get(number, "2026-06-01"), of) for number, of in named.items())
    yield rules(
        120, "2000-01-01", issued="2000-01-01", scope={"group_id": "b"}, warning_below="1",
        critical_below=MOST_DECIMAL, margin="0.5", slack_days=366, for_days=366, grace_days=0, levy_grace_days=366,
        unreachable_factor=LEAST_DECIMAL, unreachable_grace_days=0, silent_days=1,
    )  # fmt: skip
    yield rules(121, "2026-02-01", issued="2026-02-01", for_days=1, slack_days=0, scope={"group_id": "b"})
    yield suspended(130, "2026-04-01", "2000-01-01", "2099-12-31", scope={"group_id": "c"})
    yield resumed(131, "2026-04-10", 130, "2026-04-05")
    yield resumed(132, "2026-04-10", 130, "2000-01-01", scope={"region": "elsewhere"})
    yield resumed(133, "2026-04-10", 133, "2026-01-01")  # of itself


def test_everything_at_its_limits_is_as_the_model_says(kafka: Broker, tmp_path: Path) -> None:
    """On a day of the year, two years later, and on the last day that there is; told forwards and backwards."""
    house = House(kafka.bootstrap_servers, tmp_path, DAYS[0])
    worker = RunningWorker(house, "w").start()
    messages = [*policies(), *events()]
    try:
        house.publish(messages)
        house.publish(messages[::-1])
        for day in DAYS:
            house.move_clock(f"{day}T12:00:00Z")
            expectation: Future[Any] = Future()
            expectation.set_result(expected(messages, day))
            outputs = await_outputs(house.bootstrap_servers, house.names, expectation, 120)
            assert outputs.dead_letters == []
        assert worker.stop() == 0
        assert worker.said("can't be told of") == 0
    finally:
        worker.kill()
        house.close()


def conflicts() -> Iterator[tuple[Message, bool]]:
    """Yield messages of one group, and whether each conflicts with what came before."""
    money = remittance(500, "2026-05-01", "1.00", group="c")
    yield money, False
    yield money | {"amount": "2.00"}, True
    yield money | {"amount": "1.0", "event_id": uid(EVENT + 500).upper(), "reference": None}, False
    yield money | {"group_id": "d", "amount": "9.00"}, False  # another group's ids are its own
    yield reversal(500, of=100, group="c"), True  # remittances and reversals share the ids
    yield reversal(501, of=100, group="c"), False
    yield remittance(501, "2026-05-01", "1.00", group="c"), True
    yield money | {"event_id": uid(POLICY + 1)}, False  # a policy's ids are others
    yield opened(1, group="c"), False
    yield opened(1, group="c", headcount=2), True
    yield target(2, group_id="c"), False
    yield target(2, group_id="c", reason=""), True  # empty is not absent
    yield target(2, group_id="c", amount="365000", reason=None), False


#: Whatever Kafka takes: names, sizes and numbers of headers, and what our own headers would say.
ODD_HEADERS: list[list[tuple[str, bytes]]] = [
    [(f"h{n}", b"x") for n in range(3_000)],
    [("", b"")] * 50,
    [("x" * 30_000, b"y" * 30_000)],
    [("traceparent", b"\xff\xfe" * 100), ("tracestate", b"\xff" * 512)],
    [("content-type", b"\xff"), ("ce_specversion", b"99"), ("ce_id", b""), ("ce_time", b"never")],
    [
        ("quotastream-traces", b"\xc1"),
        ("source_timestamp", b"-"),
        ("source_partition", b"x"),
        ("source_offset", b"y"),
    ],
]
ODD_KEYS = [None, b"", b"\xff\xfe\x00", b"k" * 65_536, b"k" * 700_000]
ODD_TIMESTAMPS_MS = [-5, -1, 0, 1, 253_402_300_800_000, 2**62, 2**63 - 1]


async def send_oddly(house: House) -> int:
    """Send good and bad records in every odd way; return how many of each."""
    producer = AIOKafkaProducer(bootstrap_servers=house.bootstrap_servers)
    ways: list[dict[str, Any]] = [
        *({"headers": headers} for headers in ODD_HEADERS),
        *({"key": key} for key in ODD_KEYS),
        *({"timestamp_ms": ms} for ms in ODD_TIMESTAMPS_MS),
    ]
    await producer.start()
    try:
        for number, way in enumerate(ways):
            money = json.dumps(remittance(1_000 + number, "2026-03-05", "1.00", group="odd")).encode()
            change = policy(1_000 + number, "headcount_changed", "2026-02-01", group_id="odd", headcount=number,
                            effective_on="2026-02-01")  # fmt: skip
            await producer.send_and_wait(house.names.remittances, money, partition=0, **way)
            await producer.send_and_wait(house.names.policy_changes, json.dumps(change).encode(), partition=0, **way)
            await producer.send_and_wait(house.names.remittances, b"\0" * 5_001, partition=0, **way)
    finally:
        await producer.stop()
    return len(ways)


def test_odd_records_count_and_conflicts_have_letters(kafka: Broker, tmp_path: Path) -> None:
    """Headers, keys and timestamps say nothing about what counts; one id with other fields has a letter each time."""
    house = House(kafka.bootstrap_servers, tmp_path, DAYS[0])
    worker = RunningWorker(house, "w").start()
    try:
        with admin_client(house.bootstrap_servers) as admin:  # a broker refuses the far future unless told otherwise
            any_time = {"message.timestamp.after.max.ms": str(2**63 - 1)}
            topics = (house.names.remittances, house.names.policy_changes)
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, any_time) for topic in topics])
        how_many = asyncio.run(send_oddly(house))
        house.seen.until(lambda: house.seen.status("odd").get("policies_applied_count") == how_many)
        house.seen.until(lambda: house.seen.status("odd").get("unconverted") == {"USD": f"{how_many}.00"})
        house.seen.until(lambda: len(house.seen.letters) == how_many)
        sent = list(conflicts())
        places = house.publish([message for message, _ in sent], 1)
        conflicting = {(p.topic, p.offset) for p, (_, conflict) in zip(places, sent, strict=True) if conflict}

        def letters() -> set[tuple[str, int]]:
            found = map(value, house.seen.letters)
            return {(v["topic"], v["offset"]) for v in found if v["reason"] == "conflicting_duplicate"}

        house.seen.until(lambda: letters() == conflicting)
        assert worker.stop() == 0
        house.seen.to_the_end()
        assert len(house.seen.letters) == how_many + len(conflicting)
        assert worker.said("Traceback") == 0
    finally:
        worker.kill()
        house.close()
