"""The page's thread that answers from the internal logs: it reads on, and a long answer lets short ones through."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaProducer

from streams import synthetic
from streams.questions.knowledge import Knowledge
from streams.shell import packs
from streams.shell.codec import decode
from streams.shell.knowledge import KnowledgeReader
from streams.shell.topic_admin import MissingTopicError, admin_client, create_missing
from streams.shell.topics import Names, home_partition
from streams.web.asking import GIVEN_UP_AFTER_SECONDS, Asking, Supposed
from tests.property.core import Core
from tests.unit.core.making import day

if TYPE_CHECKING:
    from streams.devkafka.broker import Broker

PARTITIONS = 2
DAY = day("2026-10-20")
CUT = Supposed(Fraction(85, 100), 2026, None, remaining=False)


class Logs:
    """The internal logs, written as routers write them."""

    def __init__(self, kafka: Broker, prefix: str) -> None:
        self.names = Names(prefix)
        self.bootstrap_servers = kafka.bootstrap_servers
        with admin_client(kafka.bootstrap_servers) as admin:
            create_missing(admin, self.names, PARTITIONS)

    def write(self, messages: list[dict[str, Any]]) -> None:
        """Append messages."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap_servers, acks="all")
        for number, message in enumerate(messages):
            value = json.dumps(message).encode()
            if "policy_id" in message:
                producer.send(self.names.policies, value, partition=0)
                continue
            event = decode("remittances", value)
            pack = packs.encode(packs.Part("remittances", 0, number, [(number, event)]).columns())
            producer.send(self.names.home, pack, partition=home_partition(message["group_id"], PARTITIONS))
        producer.close()


@pytest.fixture
def logs(kafka: Broker, prefix: str) -> Logs:
    """Make empty logs."""
    return Logs(kafka, prefix)


def statuses(knowledge: Knowledge) -> dict[Any, Any]:
    """Return the status of every account."""
    return {key: knowledge.account(key, DAY).status for key in knowledge.keys(DAY)}


def test_reading_on_gives_what_reading_all_gives(logs: Logs) -> None:
    """Records that came since the last question are read once each, whatever was asked in between."""
    messages = list(synthetic.year(3, 6, 300, 2026))
    reader = KnowledgeReader(logs.bootstrap_servers, logs.names)
    for start in range(0, len(messages), 130):
        logs.write(messages[start : start + 130])
        core = Core(iter(messages[: start + 130]))
        known = reader.read_on()
        assert statuses(known) == statuses(Knowledge(core.book, core.ledgers))
    reader.close()


def test_a_short_question_is_answered_in_the_middle_of_a_long_one(logs: Logs) -> None:
    """A what-if over many groups doesn't keep a group's chart waiting; given up, it ends."""
    logs.write(list(synthetic.year(3, 120, 1_200, 2026)))

    async def ask() -> None:
        asking = Asking(logs.bootstrap_servers, logs.names)
        try:
            job = asking.what_if(CUT, DAY)
            while not job.done:
                assert job.error is None, job.error
                job = asking.what_if(CUT, DAY)
                await asyncio.sleep(0.01)
            chart = await asking.chart("dandong-01", 2026, DAY)
            assert chart is not None
            assert chart["currency"] == "USD"
            assert job.answer is None
            while job.answer is None:
                job = asking.what_if(CUT, DAY)
                await asyncio.sleep(0.05)
            assert sum(row["before"]["groups"] for row in job.answer["overall"]) == 120
            assert await asking.chart("nobody", 2026, DAY) is None
            left = asking.what_if(CUT._replace(region="dandong"), DAY)
            left.asked_at -= GIVEN_UP_AFTER_SECONDS
            await asking.chart("dandong-01", 2026, DAY)
            assert left.answer is None
        finally:
            asking.close()

    asyncio.run(ask())


def test_where_there_are_no_logs_it_says_so(kafka: Broker, prefix: str) -> None:
    """And asks anew the next time: somebody may have made them."""

    async def ask() -> None:
        asking = Asking(kafka.bootstrap_servers, Names(prefix))
        try:
            with pytest.raises(MissingTopicError, match="topics create"):
                await asking.chart("g", 2026, DAY)
            Logs(kafka, prefix)
            assert await asking.chart("g", 2026, DAY) is None
        finally:
            asking.close()

    asyncio.run(ask())
