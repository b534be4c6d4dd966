"""Well-formed input that goes to extremes stops nobody: each group is told of, or the others are."""

from __future__ import annotations

import asyncio
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaProducer, TopicPartition
from prometheus_client import CollectorRegistry

from schemas.currencies import MINOR_DIGITS
from streams.core.book import Book
from streams.shell.judging import Judging
from streams.shell.metrics import Metrics
from streams.shell.originals import read_originals
from streams.shell.teller import Teller
from streams.shell.topic_admin import admin_client, create_missing
from streams.shell.topics import LARGEST_BYTES, Names
from tests.model.wire import adjusted, levy, opened, remittance, target
from tests.running import House, RunningWorker

if TYPE_CHECKING:
    from pathlib import Path

    from streams.devkafka.broker import Broker

DAY = date(2026, 7, 1)


def test_an_endless_target_and_thousands_of_levies_are_told(kafka: Broker, tmp_path: Path) -> None:
    """A target of more digits than Python writes, a status over Kafka's usual 1 MiB."""
    house = House(kafka.bootstrap_servers, tmp_path, DAY)
    groups = ["endless", "levied", "plain"]
    plans = [m for n, g in enumerate(groups) for m in (opened(10 + n, group=g), target(100 + n, group_id=g))]
    factors = [
        adjusted(1_000 + n, "2026-02-01", "2026-02-01", factor="999999999.999999999", scope={"group_id": "endless"})
        for n in range(500)
    ]
    levies = [
        levy(5_000 + n, "2026-06-30", "2026-06-30", "2026-12-31", scope={"group_id": "levied"},
             levy_id=f"{n:04d}-{'long-name' * 6}", purpose="p" * 200)
        for n in range(2_600)
    ]  # fmt: skip
    worker = RunningWorker(house, "w")
    try:
        house.publish([*plans, *factors, *levies, remittance(1, "2026-03-01", "7.00", group="plain")])
        worker.start()
        house.seen.until(lambda: all(house.seen.status(group) for group in groups), 90)
        assert len(house.seen.status("endless")["adjusted_target"]) > 4_300
        assert len(house.seen.status("levied")["levies"]) == 2_600
        assert house.seen.counted("plain") == (1, "7.00")
        assert max(len(record.value or b"") for record in house.seen.statuses) > 1 << 20
        assert worker.stop() == 0
        assert worker.said("telling failed") == 0
    finally:
        worker.kill()
        house.close()


@pytest.mark.parametrize("fault", [ZeroDivisionError, RecursionError, AttributeError])
def test_what_cannot_be_told_of_a_group_keeps_no_other_from_being_told(
    monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    """A group at which evaluation fails, or that would make too large a message, is left out and counted."""
    place: Any = SimpleNamespace(
        metrics=Metrics(CollectorRegistry()), day_reached=lambda: 1, names=Names(),
        policy_log=SimpleNamespace(book=Book(MINOR_DIGITS)), evaluating=asyncio.Lock(), with_news=set(),
        waiting_records=lambda: 0,
    )  # fmt: skip
    teller = Teller(0, SimpleNamespace(position=0, plan_years=lambda _: ()), place)  # type: ignore[arg-type]
    teller.caught_up = True
    teller._outputs.partitions = {place.names.status: 1}

    def evaluate(self: Teller, group_id: str, _: Any, statuses: list[Any], accounts: dict[Any, Any]) -> None:
        accounts[group_id, 2026] = "half done"
        if group_id == "failing":
            raise fault
        size = LARGEST_BYTES + 1 if group_id == "large" else 1
        statuses.append(self._outputs.status(group_id, 2026, b"x" * size, None))

    monkeypatch.setattr(Teller, "_evaluate_group", evaluate)
    monkeypatch.setattr(Judging, "may_wait", lambda *_, **__: False)
    teller.changed(["failing", "large", "good"])
    told, accounts = [], {}
    while teller._agenda:
        some = asyncio.run(teller._evaluate_some())
        told, accounts = told + some[0], accounts | some[1]
    assert [message.key for message in told] == [b"good/2026"]
    assert list(accounts) == [("good", 2026)]
    assert place.metrics.evaluation_failures._value.get() == 2


def test_originals_that_are_gone_are_not_waited_for(kafka: Broker, prefix: str) -> None:
    """A conflicting duplicate that was deleted from its topic would keep a partition from ever being told of."""
    names = Names(prefix)
    with admin_client(kafka.bootstrap_servers) as admin:
        create_missing(admin, names, 1)
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
        for n in range(4):
            producer.send(names.remittances, b"%d" % n)
        producer.close()
        places = [(names.remittances, 0, offset) for offset in range(5)]
        for kept_from, there in ((2, [b"2", b"3"]), (4, [])):
            admin.delete_records({TopicPartition(names.remittances, 0): kept_from})
            found = asyncio.run(read_originals(kafka.bootstrap_servers, places))
            assert [record.value for record in found] == there
