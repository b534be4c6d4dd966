"""What the home log holds comes back as it was, and a pack of a newer worker is refused."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from streams.core.events import Remittance, Reversal
from streams.shell import packs
from streams.shell.packs import Part
from tests.unit.shell.folds import together

AN_ID, ANOTHER_ID = UUID(int=1).bytes, UUID(int=2).bytes


def remit(amount: int, levy_id: str | None = None) -> Remittance:
    """Return a remittance."""
    return Remittance("dandong-07", AN_ID, b"12345678", 739_680, amount, "USD", levy_id)


@pytest.mark.parametrize("amount", [1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64, 10**21 - 1])
@pytest.mark.parametrize("levy_id", [None, "rail"])
def test_a_pack_comes_back_as_it_was(amount: int, levy_id: str | None) -> None:
    """Remittances of any amount, reversals, offsets and place, in their order."""
    reversal = Reversal("dandong-07", ANOTHER_ID, b"abcdefgh", AN_ID)
    pack = Part("remittances", 3, 10, [(10, reversal), (12, remit(amount, levy_id))])
    (again,) = packs.decode(packs.encode(pack.columns()))
    assert again == pack
    assert [type(event) for _, event in again.entries] == [Reversal, Remittance]


def test_a_pack_of_several_parts_comes_back_as_it_was() -> None:
    """Each has offsets of its own, which may lie far apart."""
    parts = [
        Part("remittances", 3, 10, [(10, remit(1)), (12, remit(2))]),
        Part("remittances", 0, 0, [(1 << 40, remit(3, "rail"))]),
        Part("remittances", 7, 2, [(2, Reversal("sinuiju-1", ANOTHER_ID, b"abcdefgh", AN_ID)), (3, remit(1 << 70))]),
    ]
    pack = together(*parts)
    again = packs.decode(packs.encode(pack))
    assert again == parts
    assert [pack.source_of(row).partition for row in range(5)] == [3, 3, 0, 7, 7]


def test_a_pack_of_one_part_is_read_as_it_was_written_before() -> None:
    """Of the version whose first step was the first offset."""
    part = Part("remittances", 3, 10, [(10, remit(1)), (12, remit(2))])
    version, topic, ((partition, stamp, count, first),), body = msgspec.msgpack.decode(packs.encode(part.columns()))
    assert (version, count, first, body[2]) == (packs.VERSION, 2, 10, [0, 1, b"\0\2"])
    body[2] = [2, 1, b"\x08\0"]
    assert packs.decode(msgspec.msgpack.encode((packs.SINGLE, topic, partition, stamp, body))) == [part]
    assert packs.decode(msgspec.msgpack.encode((packs.SINGLE, topic, 3, 7, None))) == [Part(topic, 3, 7, [])]


def test_a_pack_without_entries_is_a_stamp() -> None:
    """Only how far an input has come."""
    stamp = Part("remittances", 0, 7, [])
    assert packs.decode(packs.encode(stamp.columns())) == [stamp]


@pytest.mark.parametrize("rows", [[], [(12, *remit(1)), (14, *remit(1 << 64)._replace(amount_minor=str(1 << 64)))]])
def test_a_pack_of_rows_is_read(rows: list[tuple[object, ...]]) -> None:
    """One that has rows, not columns, holds the same."""
    (part,) = packs.decode(msgspec.msgpack.encode((packs.ROWS, "remittances", 3, 20, rows)))
    assert part == Part("remittances", 3, 20, [(12, remit(1)), (14, remit(1 << 64))] if rows else [])


@pytest.mark.parametrize("rows", [[], [(12, *remit(1))]])
def test_a_pack_of_the_oldest_version_is_read(rows: list[tuple[object, ...]]) -> None:
    """Its events count; its claim to cover offsets is believed only of a stamp, which was sent after their acks."""
    (part,) = packs.decode(msgspec.msgpack.encode((packs.OLDEST, "remittances", 3, 20, 20, rows)))
    assert part == Part("remittances", 3, 0 if rows else 20, [(12, remit(1))] if rows else [])


def test_an_entry_is_small() -> None:
    """A remittance takes constant bytes in the log, before any compression: under forty."""
    one, many = (len(packs.encode(Part("remittances", 0, 0, [(0, remit(125_000))] * n).columns())) for n in (1, 1001))
    assert (many - one) / 1000 < 40


def test_a_pack_of_another_version_is_refused() -> None:
    """Nothing is guessed of what a newer worker wrote."""
    value = msgspec.msgpack.encode((packs.VERSION + 1, "remittances", 0, 0, []))
    with pytest.raises(ValueError, match="newer worker"):
        packs.decode(value)
