"""The module in C by itself: that it is there, and that it says nothing but what the models say."""

from __future__ import annotations

import json
import shutil
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xxhash import xxh3_64_digest

from benchmarks.workload import Workload
from schemas.currencies import MINOR_DIGITS
from schemas.parsing import END_US, FIRST_US, time_us
from streams.core.events import DAY_US
from streams.shell import codec, codec_fast, native
from streams.shell.bad_record import LARGEST_VALUE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[3]
GOOD = {
    "schema_version": 1, "type": "remittance", "event_id": "0f1c2a10-0000-4000-8000-00000000000a",
    "group_id": "dandong-07", "amount": "1250.00", "currency": "USD", "occurred_at": "2026-03-05T09:30:00Z",
    "channel": "cash",
}  # fmt: skip


def test_it_is_built_wherever_it_can_be() -> None:
    """It is optional, so a build that fails says little: without this nobody would notice that all is slower."""
    compiler, header = shutil.which("cc"), Path(sysconfig.get_path("include"), "Python.h")
    if not (compiler and header.exists() and sysconfig.get_platform() in {"linux-x86_64", "linux-aarch64"}):
        pytest.skip("it can't be built here")
    assert native.columns is not None, "`make install` builds it"
    assert Path(str(native.columns.__file__)).stat().st_mtime >= (ROOT / "streams/shell/_columns.c").stat().st_mtime


def sure(values: Sequence[bytes | None]) -> dict[int, Any]:
    """Return what the module says yes to, by itself, and what it takes each for."""
    if native.columns is None:
        pytest.skip("no C here")
    found = native.columns.decode([*values], None, codec_fast._DECIMALS, LARGEST_VALUE_BYTES)
    rows, events = codec_fast._found(found)
    return dict(zip(rows.tolist(), events.single(), strict=True))


def judged(value: bytes | None) -> Any:
    """Return what the models make of a record; None where they refuse it."""
    try:
        return codec.judge("remittances", value)
    except codec.BadRecord:
        return None


def hold(values: Sequence[bytes | None]) -> int:
    """Hold what it says yes to against the models; return how many these are."""
    found = sure(values)
    for row, event in found.items():
        assert event == judged(values[row]), values[row]
    return len(found)


def said(*order: str, space: str = "", **fields: object) -> bytes:
    """Return a message with some fields otherwise, in some order, with white space wherever JSON lets it be."""
    message = GOOD | fields
    members = ((json.dumps(name), json.dumps(message[name], ensure_ascii=False)) for name in order or message)
    inside = f"{space},{space}".join(f"{name}{space}:{space}{value}" for name, value in members)
    return f"{space}{{{space}{inside}{space}}}{space}".encode()


SHAPES = {
    "short": said(),
    "full": said(levy_id="rail-1", reference="a text / of 9"),
    "another script": said(reference="송금 제9회, é \U0001f600"),
    "nulls": said(levy_id=None, reference=None, amount="7"),
    "spaced": said(space=" \t\r\n"),
    "backwards": said(*reversed(GOOD), occurred_at="2028-02-29T23:59:59.1234567-23:59"),
    "dinars": said(currency="KWD", amount="999999999999999.999", channel="bank_transfer", group_id="0" * 64),
    "yen": said(currency="JPY", amount="100000000000000000", occurred_at="2099-12-31t23:59:59z"),
}


def changes(value: bytes) -> Iterator[bytes]:
    """Yield a message cut short, and with each byte become each other, cut out, doubled, with another before it."""
    anything = [bytes([byte]) for byte in range(256)]
    for at in range(len(value)):
        before, after = value[:at], value[at + 1 :]
        yield before
        yield before + after
        yield before + value[at : at + 1] * 2 + after
        yield from (before + byte + after for byte in anything)
        yield from (before + bytes([byte]) + value[at:] for byte in b'\0\x1f "\\,:{}[]09.-+TZnt\x7f\x80\xff')


@pytest.mark.parametrize("shape", SHAPES)
def test_a_byte_changed_anywhere_changes_nothing_about_it(shape: str) -> None:
    """What is next to a good message is left to others, or says what the models say."""
    value = SHAPES[shape]
    assert hold([value]) == 1
    near = [*dict.fromkeys(changes(value))]
    found = sure(near)
    # What the models judge takes long; most that it says yes to have another digit or letter in one of a few fields.
    for row in [*found][:: max(1, len(found) // 1_500)]:
        assert found[row] == judged(near[row]), near[row]
    assert 0 < len(found) < len(near)


#: Values that are left to others, some of which the models accept all the same.
LEFT: dict[str, tuple[object, ...]] = {
    "schema_version": (2, 10, 1.0, "1", None, True, [1]),
    "type": ("reversal", "Remittance", "", None),
    "event_id": ("0" * 36, "0" * 32, "0f1c2a10-0000-4000-8000-00000000000", "0f1c2a10-0000-4000-8000-00000000000g"),
    "group_id": ("", "x" * 65, "-a", "A", "a b", "é", None),
    "amount": (1, "0", "0.00", "-1", "+1", "1.", ".1", "1.000", " 1", "1e2", "1" * 19, "9" * 18, "", None),
    "currency": ("XAU", "usd", "USDX", "US", "", None),
    "occurred_at": (
        "2026-02-29T00:00:00Z", "2026-03-05T24:00:00Z", "2026-03-05T09:30:60Z", "2026-03-05T09:30:00", "",
        "2026-03-05T09:30:00.Z", "2026-03-05T09:30:00+24:00", "2026-03-05T09:30:00+0100", "1999-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z", "2000-01-01T00:00:00+00:01", "2026-03-05 09:30:00Z", "2026-03-05T09:30:00ZZ", None,
    ),
    "channel": ("Cash", "", None),
    "levy_id": ("", "x" * 65, [], {}, False),
    "reference": ("x" * 65, "é" * 54, "금" * 36, '"', "\\", "\n", "é\n", {}, 0),
    "another": (1,),
}  # fmt: skip


def test_what_it_is_not_sure_of_it_leaves() -> None:
    """Values, keys and texts that are no plain remittance's, or not surely."""
    other = [said(**{field: value}) for field, values in LEFT.items() for value in values]
    other += [said(*(name for name in GOOD if name != left)) for left in GOOD]
    other += [said(*GOOD, again) for again in GOOD]
    one = b'"schema_version":1,'
    other += [said().replace(one, one.replace(b"1", text)) for text in (b"01", b"1e0", b"1.0", b"-1", b"+1", b"1 1")]
    other += [
        said(reference="x").replace(b'"x"', text)
        for text in (
            b'"\x80"', b'"\0"', b"nul", b"nulll",
            b'"\xc1\xbf"', b'"\xe0\x9f\xbf"', b'"\xed\xa0\x80"', b'"\xf5\x80\x80\x80"',
            b'"\xf0\x8f\xbf\xbf"', b'"\xf4\x90\x80\x80"', b'"\xc3"',
            b'"\xe3\x81"', b'"\xe3\x81(\x81"', b'"\xc3', b'"\xff"',
        )
    ]  # fmt: skip
    other += [b"\xef\xbb\xbf" + said(), said() + b"x", said() * 2, b"[" + said() + b"]", said()[:-1] + b",}"]
    other += [b"{}", b"[]", b"null", b"{", b'{"', b"", said() + b" " * LARGEST_VALUE_BYTES]
    assert sure([*other, None]) == {}


def test_what_honest_producers_send_it_reads_itself() -> None:
    """The benchmarks' messages, each currency, each size of a text: none of them is left to who is slower."""
    values = [value for _, value in Workload(500, 20).remittances()]
    values += [said(currency=code, amount="1") for code in MINOR_DIGITS]
    values += [said(group_id="a" * size, levy_id="b" * size, reference="c" * size) for size in range(1, 65)]
    values += [said(amount=f"{'1' * size}.05") for size in range(1, 18)]
    scripts = "\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff송é"
    values += [said(reference=letter * size) for letter in scripts for size in (1, 2, 9, 26)]
    values += [said(reference="x" * before + "é" * 43, levy_id="b" * 64) for before in range(22)]
    assert hold(values) == len(values)


def test_the_days_of_the_calendar_are_those_of_the_models() -> None:
    """Each day from 2000 to 2099 and those next to them, and each offset that moves a time over midnight."""
    days = (f"{year}-{month:02}-{day:02}" for year in range(1999, 2102) for month in range(14) for day in range(33))
    found = sure([said(occurred_at=f"{day}T12:00:00Z") for day in days])
    first = FIRST_US // DAY_US
    assert [event.day - 719163 for event in found.values()] == [*range(first, END_US // DAY_US)]
    edges = ("2000-01-01T00:00:00", "2024-03-01T00:00:01", "2099-12-31T23:59:59")
    offsets = [f"{sign}{hour:02}:{minute:02}" for sign in "+-" for hour in range(25) for minute in (0, 1, 59, 60)]
    assert hold([said(occurred_at=edge + offset) for edge in edges for offset in offsets]) > 200


def test_its_digests_are_those_of_xxhash() -> None:
    """The home log keeps them for ever: of every length that what is said can have, 39 to 239 bytes."""
    texts = [None, *("x" * size for size in range(1, 65))]
    told = [
        (amount, at, channel, levy_id, reference)
        for amount, at, channel in (
            ("1", "2000-01-01T00:00:00Z", "cash"),
            ("9" * 16 + ".99", "2001-09-09T01:46:40Z", "goods"),
            ("92233720368547758.07", "2099-12-31T23:59:59.999999Z", "bank_transfer"),
        )
        for levy_id in texts
        for reference in (*texts, *(f"{'é' * 43}{'x' * more}" for more in range(22)), "")
    ]
    found = sure(
        [
            said(amount=amount, currency="USD" if "." in amount else "JPY", occurred_at=at, channel=channel,
                 levy_id=levy_id, reference=reference)
            for amount, at, channel, levy_id, reference in told
        ]
    )  # fmt: skip
    lengths = set()
    for row, (amount, at, channel, levy_id, reference) in enumerate(told):
        currency, minor = "USD" if "." in amount else "JPY", int(amount.replace(".", ""))
        text = codec_fast._remittance_said(minor, currency, time_us(at), channel, levy_id, reference).encode()
        assert found[row].digest == xxh3_64_digest(text)
        lengths.add(len(text))
    assert lengths == {*range(39, 240)}


def test_many_names_that_share_a_slot_are_left_to_others() -> None:
    """However names are chosen, the time that it takes stays in proportion to them."""
    values = [said(group_id=f"g{n}", levy_id=f"l{n % 700}") for n in range(5_000)]
    assert len(sure(values)) >= 4_990


def test_it_refuses_what_is_no_list_and_no_table() -> None:
    """Its caller's mistakes are errors, not faults of memory."""
    if native.columns is None:
        pytest.skip("no C here")
    with pytest.raises(TypeError):
        native.columns.decode((b"",), None, codec_fast._DECIMALS, 9)
    with pytest.raises(ValueError, match="decimals"):
        native.columns.decode([b""], None, b"", 9)
    assert sure([]) == {}
    assert sure([7, "x", bytearray(said())]) == {}  # type: ignore[list-item]
