"""What the home log holds comes back as it was, and a pack of a newer worker is refused."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from streams.core.events import Remittance, Reversal
from streams.shell import packs
from streams.shell.packs import Pack

AN_ID, ANOTHER_ID = UUID(int=1).bytes, UUID(int=2).bytes


def remit(amount: int, levy_id: str | None = None) -> Remittance:
    """Return a remittance."""
    return Remittance("dandong-07", AN_ID, b"12345678", 739_680, amount, "USD", levy_id)


@pytest.mark.parametrize("amount", [1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64, 10**21 - 1])
@pytest.mark.parametrize("levy_id", [None, "rail"])
def test_a_pack_comes_back_as_it_was(amount: int, levy_id: str | None) -> None:
    """Remittances of any amount, reversals, offsets and place, in their order."""
    reversal = Reversal("dandong-07", ANOTHER_ID, b"abcdefgh", AN_ID)
    pack = Pack("remittances", 3, 10, [(10, reversal), (12, remit(amount, levy_id))])
    again = packs.decode(packs.encode(pack.columns()))
    assert again == pack
    assert [type(event) for _, event in again.entries] == [Reversal, Remittance]


def test_a_pack_without_entries_is_a_stamp() -> None:
    """Only how far an input has come."""
    stamp = Pack("remittances", 0, 7, [])
    assert packs.decode(packs.encode(stamp.columns())) == stamp


@pytest.mark.parametrize("rows", [[], [(12, *remit(1)), (14, *remit(1 << 64)._replace(amount_minor=str(1 << 64)))]])
def test_a_pack_of_the_version_before_is_read(rows: list[tuple[object, ...]]) -> None:
    """One that has rows, not columns, holds the same."""
    pack = packs.decode(msgspec.msgpack.encode((packs.FORMER, "remittances", 3, 20, rows)))
    assert pack == Pack("remittances", 3, 20, [(12, remit(1)), (14, remit(1 << 64))] if rows else [])


@pytest.mark.parametrize("rows", [[], [(12, *remit(1))]])
def test_a_pack_of_the_oldest_version_is_read(rows: list[tuple[object, ...]]) -> None:
    """Its events count; its claim to cover offsets is believed only of a stamp, which was sent after their acks."""
    pack = packs.decode(msgspec.msgpack.encode((packs.OLDEST, "remittances", 3, 20, 20, rows)))
    assert pack == Pack("remittances", 3, 0 if rows else 20, [(12, remit(1))] if rows else [])


def test_an_entry_is_small() -> None:
    """A remittance takes constant bytes in the log, before any compression: under forty."""
    one, many = (len(packs.encode(Pack("remittances", 0, 0, [(0, remit(125_000))] * n).columns())) for n in (1, 1001))
    assert (many - one) / 1000 < 40


def test_a_pack_of_another_version_is_refused() -> None:
    """Nothing is guessed of what a newer worker wrote."""
    value = msgspec.msgpack.encode((packs.VERSION + 1, "remittances", 0, 0, []))
    with pytest.raises(ValueError, match="newer worker"):
        packs.decode(value)
