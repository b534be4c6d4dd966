"""Records kept as the bytes that they came in: whoever asks sees what aiokafka would have read."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.shell import blocks, lean_records, native
from streams.shell.blocks import Block
from tests.unit.shell.batches import HEADER_BYTES, Plain, batch, body, read

pytestmark = pytest.mark.skipif(native.columns is None, reason="no C here")

SETTINGS = settings(max_examples=300, deadline=None)
COMMITTED = 1  # read_committed
MARKS = {"abort": b"\0\0\0\0", "commit": b"\0\0\0\1"}  # a version and a kind, of two bytes each
ATTRIBUTES_AT = 21  # the checksum is of all from here on


@pytest.fixture(autouse=True)
def _lean() -> Any:
    kept = fetcher.PartitionRecords, fetcher.MemoryRecords
    lean_records.install_lean_records()
    yield
    fetcher.PartitionRecords, fetcher.MemoryRecords = kept


def fetched(data: bytes, in_blocks: str = "t", since: int = 0, aborted: list[tuple[int, int]] | None = None) -> Any:
    """Return what a consumer is handed of fetched bytes, and the offset that it fetches next."""
    found = fetcher.PartitionRecords(
        TopicPartition("t", 0), fetcher.MemoryRecords(data), aborted or [], since,
        lean_records.Lean(in_blocks), None, True, COMMITTED,
    )  # fmt: skip
    return [*found], found.next_fetch_offset


def plain(records: Any) -> list[tuple[Any, ...]]:
    """Return all that there is to a record."""
    return [(r.offset, r.timestamp, r.timestamp_type, r.key, r.value, [*r.headers]) for r in records]


def same(data: bytes, since: int = 0, aborted: list[tuple[int, int]] | None = None) -> Any:
    """Hold what comes in blocks against what comes in records; return the former."""
    slow, slow_next = fetched(data, "", since, aborted)
    quick, quick_next = fetched(data, "t", since, aborted)
    joined = blocks.joined(quick)
    assert plain(joined) == plain(slow)
    assert len(joined) == len(slow)
    assert quick_next == slow_next
    assert blocks.offsets(joined).tolist() == [record.offset for record in slow]
    return joined


def some(count: int, **how: Any) -> bytes:
    """Return a batch of so many records."""
    return batch([(n, b"key", b"value %d" % n, []) for n in range(count)], **how)


def marker(kind: str, first: int) -> bytes:
    """Return a batch of one transaction's end."""
    made = bytearray(batch([(0, MARKS[kind], b"\0\0\0\0\0\0", [])], first=first, transaction=7))
    made[22] |= 0x20  # the lower byte of the attributes: a control batch
    return summed(made)


def summed(made: bytearray) -> bytes:
    """Return a batch with the checksum that it should have."""
    made[17:21] = calc_crc32c(bytes(made[ATTRIBUTES_AT:])).to_bytes(4, "big")
    return bytes(made)


@pytest.mark.parametrize("codec", range(5))
def test_every_codec(codec: int) -> None:
    """None, gzip, snappy, lz4, zstd; several batches of one fetch are one block."""
    found = same(some(5, codec=codec) + some(3, codec=codec, first=5))
    assert isinstance(found, Block)
    assert found[-1].value == b"value 2"
    assert plain(found[2:7]) == plain(found)[2:7]
    assert plain(found[7:7]) == []


@pytest.mark.parametrize("since", range(6))
def test_what_lies_before_the_fetch_is_left_out(since: int) -> None:
    """A batch comes whole, though it was asked for from its middle on; what compaction took is not there."""
    gaps = batch([(n, None, None, []) for n in (0, 1, 4)])
    assert len(same(gaps + some(4, first=5), since)) == sum(since <= at for at in (0, 1, 4, 5, 6, 7, 8))


def test_aborted_transactions_and_markers() -> None:
    """What was aborted and what ends a transaction is for nobody; what was committed is."""
    data = some(2, transaction=7) + marker("abort", 2) + some(2, first=3, transaction=7) + marker("commit", 5)
    assert [record.offset for record in same(data, 0, [(7, 0)])] == [3, 4]


def test_a_record_with_headers_has_its_batch_come_as_records() -> None:
    """And with it what came in blocks beside it."""
    headed = batch([(0, None, b"a", []), (1, None, b"b", [("traceparent", b"00")])], first=3)
    found = same(some(3) + headed + some(2, first=5))
    assert isinstance(found, list)
    assert found[4].headers == [("traceparent", b"00")]


def test_an_old_format_comes_as_records() -> None:
    """A log may hold what was written before Kafka 0.11."""
    builder = LegacyRecordBatchBuilder(1, 0, 1 << 20)
    builder.append(0, 5, b"key", b"old")
    found = same(bytes(builder.build()))
    assert isinstance(found, list)
    assert [record.value for record in found] == [b"old"]


def test_a_time_of_the_broker_is_that_of_each_record() -> None:
    """Where the topic says so, the batch has one time for all."""
    made = bytearray(some(3))
    made[22] |= 0x08
    assert {(r.timestamp, r.timestamp_type) for r in same(summed(made))} == {(1_002, 1)}


@pytest.mark.parametrize("codec", [0, 3])
@pytest.mark.parametrize("at", [12, 30, HEADER_BYTES + 3])
def test_a_wrong_checksum_is_noticed(codec: int, at: int) -> None:
    """By aiokafka, as without blocks."""
    made = bytearray(some(30, codec=codec))
    made[at] ^= 1
    if at == 12:  # not summed up, and nothing that anybody reads
        same(bytes(made))
        return
    for in_blocks in ("", "t"):
        with pytest.raises(CorruptRecordException):
            fetched(bytes(made), in_blocks)


def test_other_topics_and_other_consumers_have_records() -> None:
    """Only the topic that is named comes in blocks."""
    found, _ = fetched(some(3), "another")
    assert not any(isinstance(one, Block) for one in found)


def test_without_the_module_all_come_as_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional."""
    monkeypatch.setattr(native, "columns", None)
    assert isinstance(same(some(3)), list)


BYTES = st.none() | st.binary(max_size=200)
RECORDS = st.lists(st.tuples(st.integers(1, 300), BYTES, BYTES), min_size=1, max_size=12)


def placed(records: list[tuple[int, bytes | None, bytes | None]]) -> list[Plain]:
    """Return records at rising offsets."""
    offset, found = -1, []
    for step, key, value in records:
        offset += step
        found.append((offset, key, value, []))
    return found


@given(RECORDS, st.integers(0, 4), st.integers(0, 1_000))
@SETTINGS
def test_any_records(records: list[tuple[int, bytes | None, bytes | None]], codec: int, since: int) -> None:
    """Keys, values and offsets of all sizes."""
    if (fetched_ := placed(records))[-1][0] >= since:
        same(batch(fetched_, codec), since)


@given(RECORDS, st.data())
@SETTINGS
def test_damaged_records_are_left_to_aiokafka(
    records: list[tuple[int, bytes | None, bytes | None]], data: st.DataObject
) -> None:
    """What the module makes of bytes that are no longer records is what aiokafka reads in them, or nothing."""
    whole = body(placed(records))
    at = data.draw(st.integers(0, len(whole)))
    damaged = whole[:at] + data.draw(st.binary(max_size=2)) + whole[at + data.draw(st.integers(0, 2)) :]
    assert native.columns is not None
    spans = native.columns.spans(damaged, len(records), 5, 7)
    if damaged == whole:
        assert spans is not None
    if spans is not None:
        assert read(damaged, spans) == read(damaged, None, len(records))
