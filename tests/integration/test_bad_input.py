"""A record that can't be used becomes one dead letter with its reason, and the records around it count."""

from __future__ import annotations

import json
import random
import re
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from confluent_kafka import Producer as Librdkafka

from schemas.outputs import DeadLetter
from tests.model.wire import adjusted, opened, policy, remittance, revoked, target
from tests.running import PARTITIONS, House, RunningWorker, free_port, get, value
from tests.unit.schemas.examples import cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.devkafka.broker import Broker

STEADY = "steady"
KIB = 1 << 10
LONG = bytes(range(256)) * 20  # as a key or a header: more than the 4 KiB that are kept


class Bad(NamedTuple):
    """A record to send, and what is to become of it."""

    name: str
    topic: str
    value: bytes | None
    reason: str
    field: str


def said(message: dict[str, Any], **other: Any) -> bytes:
    """Return a message's bytes, with some fields otherwise."""
    return json.dumps(message | other).encode()


def _money(**other: Any) -> bytes:
    return said(remittance(1, "2026-03-05", "1250.00", group=STEADY), **other)


def _of_both_topics() -> Iterator[Bad]:
    dice = random.Random(8)
    for topic in ("remittances", "policy-changes"):
        for n in range(8):
            yield Bad(f"{topic}: random bytes {n}", topic, dice.randbytes(1 + 40 * n), "not_json", "value")
        yield Bad(f"{topic}: 70 KiB of bytes", topic, dice.randbytes(70 * KIB), "too_large", "value")
        yield Bad(f"{topic}: 900 KiB of bytes", topic, dice.randbytes(900 * KIB), "too_large", "value")
        yield Bad(f"{topic}: a tombstone", topic, None, "empty", "value")
        yield Bad(f"{topic}: no bytes", topic, b"", "empty", "value")
        yield Bad(f"{topic}: 60,000 NUL bytes", topic, b"\0" * 60_000, "not_json", "value")
        yield Bad(
            f"{topic}: wrong UTF-8", topic, _money(reference="x").replace(b'"x"', b'"\xc3\x28"'), "not_json", "value"
        )
        yield Bad(f"{topic}: deep nesting", topic, b"[" * 30_000 + b"]" * 30_000, "not_json", "value")
        yield Bad(
            f"{topic}: deep nesting of objects", topic, b'{"a":' * 9_000 + b"1" + b"}" * 9_000, "not_json", "value"
        )


def _named() -> Iterator[Bad]:
    cut = adjusted(1, "2026-02-01", "2026-02-01", factor="0.85")
    plan = target(2, group_id=STEADY)
    yen = {"currency": "JPY", "amount": "100.5"}
    yield Bad("70 KiB of a message", "remittances", _money().ljust(70 * KIB), "too_large", "value")
    yield Bad("1e400", "remittances", _money(amount="?").replace(b'"?"', b"1e400"), "schema", "amount")
    yield Bad("1e400 as text", "remittances", _money(amount="1e400"), "schema", "amount")
    yield Bad("NaN", "remittances", _money(amount="?").replace(b'"?"', b"NaN"), "not_json", "value")
    yield Bad("NaN as text", "remittances", _money(amount="NaN"), "schema", "amount")
    yield Bad("5 decimals", "remittances", _money(amount="1.00001"), "schema", "amount")
    yield Bad("JPY with decimals", "remittances", _money(**yen), "schema", "amount")
    yield Bad("no offset", "remittances", _money(occurred_at="2026-03-05T09:30:00"), "schema", "occurred_at")
    yield Bad(
        "a factor of 1e400", "policy-changes", said(cut, factor="?").replace(b'"?"', b"1e400"), "schema", "factor"
    )
    yield Bad(
        "a factor that is NaN", "policy-changes", said(cut, factor="?").replace(b'"?"', b"NaN"), "not_json", "value"
    )
    yield Bad("a target with 5 decimals", "policy-changes", said(plan, amount="1.00001"), "schema", "amount")
    yield Bad("a target in JPY with decimals", "policy-changes", said(plan, **yen), "schema", "amount")
    yield Bad(
        "an issue without offset",
        "policy-changes",
        said(plan, issued_at="2026-03-05T09:30:00"),
        "schema",
        "issued_at",
    )


_EXAMPLES = (Bad(f"example {n}: {case.name}", *case[1:]) for n, case in enumerate(cases("invalid")))
BAD = [*_of_both_topics(), *_named(), *_EXAMPLES]
KEYS = [None, b"a-key", b"\xff\xfe", LONG]
HEADERS: list[list[tuple[str, Any]]] = [
    [],
    [("ce_id", b"1"), ("bytes", b"\xff\x00"), ("none", None)],
    [("long", LONG)],
]


@dataclass
class Story:
    """What was sent, where it lies, and the installation that made something of it."""

    house: House
    worker: RunningWorker
    metrics_port: int
    places: dict[str, Place]  # by a bad record's name
    good: Counter[str]  # records between the bad ones, by topic


@pytest.fixture(scope="module")
def story(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Run a worker on everything bad, with something good of one group after each in its partition."""
    house = House(kafka.bootstrap_servers, tmp_path_factory.mktemp("bad"), date(2099, 12, 31))
    port = free_port()
    worker = RunningWorker(house, "w", "--metrics-port", str(port)).start()
    try:
        house.publish([opened(9_001, group=STEADY), target(9_002, group_id=STEADY)])
        places, good = send_all(house)
        house.seen.until(lambda: len(house.seen.letters) >= len(BAD))
        yield Story(house, worker, port, places, good)
        assert worker.stop() == 0
    finally:
        worker.kill()
        house.close()


class Place(NamedTuple):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int
    timestamp: int


def send_all(house: House) -> tuple[dict[str, Place], Counter[str]]:
    """Send each bad record, and something good behind it, by librdkafka, which sends nulls anywhere."""
    topics = {"remittances": house.names.remittances, "policy-changes": house.names.policy_changes}
    producer = Librdkafka({"bootstrap.servers": house.bootstrap_servers, "compression.type": "lz4"})
    places: dict[str, Place] = {}
    good: Counter[str] = Counter()

    def noting(name: str) -> Callable[[Any, Any], None]:
        def note(error: Any, sent: Any) -> None:
            assert error is None, error
            places[name] = Place(sent.topic(), sent.partition(), sent.offset(), sent.timestamp()[1])

        return note

    for n, bad in enumerate(BAD):
        topic, partition = topics[bad.topic], n % PARTITIONS
        key, headers = KEYS[n % len(KEYS)], HEADERS[n % len(HEADERS)]
        producer.produce(topic, bad.value, key, partition, headers=headers, on_delivery=noting(bad.name))
        producer.produce(topic, between(bad.topic, n), partition=partition)
        good[bad.topic] += 1
        producer.poll(0)
    assert producer.flush(30) == 0
    return places, good


def between(topic: str, number: int) -> bytes:
    """Return something good of the steady group."""
    if topic == "remittances":
        return said(remittance(10_000 + number, "2026-03-05", "1.00", group=STEADY))
    day = {"effective_on": "2026-02-01", "headcount": 1}
    return said(policy(10_000 + number, "headcount_changed", "2026-02-01", group_id=STEADY, **day))


def place_of(letter: dict[str, Any]) -> tuple[str, int, int]:
    """Return where a dead letter's original lies."""
    return letter["topic"], letter["partition"], letter["offset"]


def letters_by_place(house: House) -> dict[tuple[str, int, int], list[Any]]:
    """Return the records of dead letters by the place of their originals."""
    found: dict[tuple[str, int, int], list[Any]] = {}
    for record in house.seen.letters:
        found.setdefault(place_of(value(record)), []).append(record)
    return found


def test_the_names_of_the_cases_differ() -> None:
    """No case hides another."""
    assert len({bad.name for bad in BAD}) == len(BAD) > 700


def test_each_becomes_one_dead_letter_with_its_reason_and_field(story: Story) -> None:
    """Every invalid example, and whatever else can be bad: one letter, the first reason that applies, the field."""
    by_place = letters_by_place(story.house)
    wrong = []
    for bad in BAD:
        letters = map(value, by_place.pop(story.places[bad.name][:3], []))
        found = [(v["reason"], re.split(r"[:;]", v["detail"])[0]) for v in letters]
        if found != [(bad.reason, bad.field)]:
            wrong.append((bad.name, found, (bad.reason, bad.field)))
    assert wrong == []
    assert not by_place


def test_a_letter_holds_the_original(story: Story) -> None:
    """The bytes of value, key and headers, cut where they are long; size and digest are of the whole."""
    by_place = letters_by_place(story.house)
    for n, bad in enumerate(BAD):
        place = story.places[bad.name]
        (record,) = by_place[place[:3]]
        letter = value(record)
        key, body = KEYS[n % len(KEYS)], bad.value
        headers = [[name, _base64(said, 4 * KIB)] for name, said in HEADERS[n % len(HEADERS)]]
        assert letter | {"reason": "", "detail": ""} == {
            "schema_version": 1, "type": "dead_letter", "topic": place.topic, "partition": place.partition,
            "offset": place.offset, "timestamp": place.timestamp, "key_base64": _base64(key, 4 * KIB),
            "value_base64": _base64(body, 64 * KIB), "value_bytes": None if body is None else len(body),
            "value_sha256": None if body is None else sha256(body).hexdigest(), "headers": headers,
            "reason": "", "detail": "",
        }, bad.name  # fmt: skip
        DeadLetter.model_validate(letter)
        assert record.key == (None if key is None else key[: 4 * KIB])


def _base64(original: bytes | None, kept: int) -> str | None:
    return None if original is None else b64encode(original[:kept]).decode()


def test_a_letter_is_a_cloud_event(story: Story) -> None:
    """Each has the headers of CloudEvents' binary mode, and an id of its own."""
    headers = [dict(record.headers) for record in story.house.seen.letters]
    assert {h["ce_specversion"] for h in headers} == {b"1.0"}
    assert {h["ce_type"] for h in headers} == {b"org.quotastream.dead_letter.v1"}
    assert {h["content-type"] for h in headers} == {b"application/json"}
    assert len({h["ce_id"] for h in headers}) == len(headers)
    assert all(re.fullmatch(rb"20\d\d-\d\d-\d\dT[\d:.]+Z", h["ce_time"]) for h in headers)


def test_the_records_around_count(story: Story) -> None:
    """What is good between the bad counts, in every partition of both topics, and the worker never began anew."""
    money = story.good["remittances"]
    seen = story.house.seen
    seen.until(lambda: seen.counted(STEADY) == (money, f"{money}.00"))
    seen.until(lambda: seen.status(STEADY)["policies_applied_count"] == 2 + story.good["policy-changes"])
    assert story.worker.said("worker ready") == 1
    assert story.worker.said('"level":"error","logger":"streams') == 0


def test_the_metric_counts_up(story: Story) -> None:
    """Each reason has its count, and the inputs theirs."""
    by_reason = Counter(value(record)["reason"] for record in story.house.seen.letters)
    text = get(story.metrics_port, "/metrics")[1]
    found = re.findall(r'^quotastream_dead_letters_total{reason="(\w+)"} ([\d.]+)$', text, re.MULTILINE)
    assert {reason: float(count) for reason, count in found if float(count)} == by_reason
    pattern = r'^quotastream_records_total{result="(\w+)",topic="([\w-]+)"} ([\d.]+)$'
    records = {(topic, result): float(count) for result, topic, count in re.findall(pattern, text, re.MULTILINE)}
    for topic in ("remittances", "policy-changes"):
        assert records[topic, "dead_letter"] >= sum(bad.topic == topic for bad in BAD)
        assert records[topic, "routed"] >= story.good[topic]
    assert "dandong" not in text  # no label names a group
    assert STEADY not in text


def test_a_conflicting_duplicate_becomes_a_letter_and_the_first_stands(story: Story) -> None:
    """The same id with other fields, of money and of policies; in other words only, it is a mere repeat."""
    house, group = story.house, "twice-told"
    money, plan = remittance(1, "2026-03-05", "7.50", group=group), target(8_001, group_id=group)
    house.publish([plan, money], 0)
    house.seen.until(lambda: house.seen.counted(group) == (1, "7.50"))
    again = [
        money | {"amount": "7.5", "occurred_at": "2026-03-05T21:00:00+09:00", "levy_id": None},
        plan | {"amount": "365000.0", "policy_id": plan["policy_id"].upper()},
    ]
    conflicts = [money | {"amount": "8.00"}, plan | {"amount": "1.00"}]
    house.publish(again, 1)
    before = len(house.seen.letters)
    places = house.publish(conflicts, 2)
    house.seen.until(lambda: len(house.seen.letters) >= before + 2)
    letters = {place_of(v): v for v in map(value, house.seen.letters[before:])}
    for place, field in zip(places, ("event_id", "policy_id"), strict=True):
        letter = letters.pop((place.topic, place.partition, place.offset))
        assert (letter["reason"], letter["detail"].split(":")[0]) == ("conflicting_duplicate", field)
    assert not letters
    assert house.seen.counted(group) == (1, "7.50")
    assert house.seen.status(group)["original_target"] == "365000.00"


def test_every_valid_example_is_accepted(story: Story) -> None:
    """Each, with an id of its own, is known afterwards: something else with its id conflicts with it."""
    house = story.house
    before = len(house.seen.letters)
    valid = [(case, own_id(case.value or b"", n)) for n, case in enumerate(cases("valid"))]
    topics = {"remittances": house.names.remittances, "policy-changes": house.names.policy_changes}
    for case, body in valid:
        house.producer.send(topics[case.topic], body, partition=0)
    others = [other_of(json.loads(body)) for _, body in valid]
    places = house.publish(others, 0)  # behind the examples, in their partition
    house.seen.until(lambda: len(house.seen.letters) >= before + len(valid), 90)
    letters = [value(record) for record in house.seen.letters[before:]]
    assert Counter(map(place_of, letters)) == Counter((p.topic, p.partition, p.offset) for p in places)
    assert {letter["reason"] for letter in letters} == {"conflicting_duplicate"}


def own_id(body: bytes, number: int) -> bytes:
    """Give a message an id that no other has."""
    changed, count = re.subn(
        rb'("(?:event_id|policy_id)"\s*:\s*"[^"]{30})[^"]{6}"', rb'\g<1>%06d"' % (900_000 + number), body
    )
    assert count == 1, body
    return changed


def other_of(message: dict[str, Any]) -> dict[str, Any]:
    """Return something else with the id of a message."""
    if "policy_id" in message:
        return revoked(1, "2026-01-01", 2) | {"policy_id": message["policy_id"], "reason": "something else"}
    mine = {"event_id": message["event_id"], "reference": "something else"}
    return remittance(1, "2026-01-01", "0.01", group=message["group_id"]) | mine
