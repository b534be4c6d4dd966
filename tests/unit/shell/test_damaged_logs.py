"""What no worker wrote into the logs is refused with one line that says what to do."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from streams.core.events import Remittance
from streams.shell import packs
from streams.shell.policy_log import PolicyLog
from streams.shell.topics import Names
from streams.shell.versions import DamagedStateError


def spoilt(column: int, by: object) -> bytes:
    """Return a pack of one remittance in which one column is another."""
    entry = (7, Remittance("g", b"e" * 16, b"d" * 8, 739_680, 100, "USD", None))
    fields = msgspec.msgpack.decode(packs.encode(packs.Part("remittances", 0, 1, [entry]).columns()))
    fields[-1][column] = by
    return msgspec.msgpack.encode(fields)


def misplaced(*sources: list[object]) -> bytes:
    """Return a pack of one remittance with other sources than it has."""
    fields = msgspec.msgpack.decode(spoilt(0, ["g"]))
    fields[2] = sources
    return msgspec.msgpack.encode(fields)


DAMAGED = {
    "nothing at all": b"",
    "no MessagePack": b"\xc1",
    "cut off": packs.encode(packs.Part("remittances", 0, 1, []).columns())[:-3],
    "a number": msgspec.msgpack.encode(1),
    "too few fields": msgspec.msgpack.encode([packs.VERSION, "remittances"]),
    "columns that are none": msgspec.msgpack.encode([packs.VERSION, "remittances", [[0, 1, 1, 7]], [7]]),
    "columns of different lengths": spoilt(4, b"\x00" * 15),
    "no source": misplaced(),
    "a source of nothing": misplaced([0, 1, 1, 7], [1, 1, 0, 7]),
    "sources of more than there is": misplaced([0, 1, 1, 7], [1, 1, 1, 7]),
    "a source of less than nothing": misplaced([0, 1, 2, 7], [1, 1, -1, 7]),
    "an offset that is none": misplaced([0, 1, 1, 7.5]),
    "an offset beyond all": misplaced([0, 1, 1, 1 << 63]),
    "a partition that is none": misplaced(["0", 1, 1, 7]),
    "a stamp that is none": misplaced([0, None, 1, 7]),
    "a source that is cut off": misplaced([0, 1]),
    "a stamp's source that is none": msgspec.msgpack.encode([packs.VERSION, "remittances", [7], None]),
    "a group that is not in it": spoilt(0, []),
    "a purse that is not in it": spoilt(1, []),
    "a row that is not in it": spoilt(9, [(7, "1")]),
    "an id that is half of one": msgspec.msgpack.encode(
        [packs.ROWS, "remittances", 0, 1, [[7, "g", b"e" * 8, b"d" * 8, 739_680, 100, "USD", None]]]
    ),
    "rows that are none": msgspec.msgpack.encode([packs.ROWS, "remittances", 0, 1, [7]]),
    "rows that are maps": msgspec.msgpack.encode([packs.ROWS, "remittances", 0, 1, [{1: 2}]]),
    "a version that is none": msgspec.msgpack.encode(["new", "remittances"]),
    "nested without end": b"\x91" * 100_000,
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_is_no_pack_is_named(what: str) -> None:
    """It is neither taken for something nor a traceback: reading it again would find the same."""
    with pytest.raises(DamagedStateError, match=r"home log is no pack: damaged.*quotastream rebuild") as refused:
        packs.decode(DAMAGED[what])
    assert "\n" not in str(refused.value)


def test_a_tombstone_is_no_pack() -> None:
    """A record without a value."""
    with pytest.raises(DamagedStateError):
        packs.decode(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("headers", [(), (("source_partition", b"x"), ("source_offset", b"1"))])
def test_a_policy_without_a_source_is_named(headers: tuple[tuple[str, bytes], ...]) -> None:
    """A record that somebody else wrote into the policies log, rather than a worker that starts anew for ever."""

    async def take() -> None:
        PolicyLog("", Names(), lambda _: None)._take(
            SimpleNamespace(headers=headers, key=None, offset=7, value=b"{}")
        )

    with pytest.raises(DamagedStateError, match=r"policies log at offset 7.*quotastream rebuild"):
        asyncio.run(take())
