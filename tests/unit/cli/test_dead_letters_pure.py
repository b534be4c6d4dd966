"""Dead letters looked at: which are meant, how they are shown, which may be sent again; no Kafka."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer

from streams.cli.common import CliError
from streams.cli.dead_letters import _mended, named, since_ms
from streams.cli.letter_text import hex_dump, in_full, state_of, text_of
from streams.shell.dead_letters import dead_letter
from streams.shell.letters import Letter, LetterError, Place, Selection, choose, reason_today
from streams.shell.replaying import GONE, REPLAY_HEADER, UNNAMED_CONFLICT, UNREADABLE, Original, judge
from streams.shell.topics import Names
from tests.model.wire import remittance

if TYPE_CHECKING:
    from pathlib import Path

NAMES = Names("p-")
GOOD = json.dumps(remittance(1, "2026-03-05", "5.00")).encode()


def letter(value: bytes | None = GOOD, reason: str = "unknown_currency", offset: int = 7, **other: Any) -> Letter:
    """Return the letter of a record that was sent to the remittances."""
    body = dead_letter("p-remittances", 2, offset, 1_000, b"key", value, [("h", b"\xff")], reason, "field: wrong")
    return Letter(body | other, 60_000, [(0, offset + 1), (0, offset + 50)])


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        (Selection(), {7, 8}),
        (Selection(reasons=frozenset({"schema"})), {8}),
        (Selection(topic="p-policy-changes"), set()),
        (Selection(topic="p-remittances", since_ms=60_000), {7, 8}),
        (Selection(since_ms=60_001), set()),
        (Selection(named=frozenset({Place("p-remittances", 2, 8)})), {8}),
        (Selection(named=frozenset({(0, 57), (0, 8)})), {7}),
        (Selection(named=frozenset({(0, 8)}), reasons=frozenset({"schema"})), set()),
    ],
)
def test_which_letters_are_meant(selection: Selection, meant: set[int]) -> None:
    """By reason, topic, age, the original's place, or any of its letters' own."""
    letters = [letter(), letter(reason="schema", offset=8)]
    assert {one.place.offset for one in choose(letters, selection)} == meant


def test_a_letter_that_is_not_there_is_named() -> None:
    """One line says which, and where to look."""
    with pytest.raises(LetterError, match=r"no dead letter 0:99: .*list"):
        choose([letter()], Selection(named=frozenset({(0, 99), (0, 8)})))


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (letter(), None),
        (letter(b"{"), "not_json"),
        (letter(None, "empty"), "empty"),
        (letter(reason="conflicting_duplicate"), "conflicting_duplicate"),
        (letter(GOOD.ljust(70_000), "too_large"), "too_large"),
        (letter(topic="elsewhere"), "unknown_currency"),
    ],
)
def test_what_is_wrong_with_it_today(one: Letter, reason: str | None) -> None:
    """A record that this version can use has no reason any more; what is cut or conflicts keeps its own."""
    assert reason_today(NAMES, one) == reason


def test_an_original_is_sent_as_it_was_with_a_header_that_names_it() -> None:
    """Key, value and headers stay; a replay of a replay names the first of all."""
    original = Original(b"a key", GOOD, [("h", b"\xff"), ("none", None)])
    outcome = judge(NAMES, letter(), original, Selection(), {})
    marked = Original(b"a key", GOOD, [*original.headers, (REPLAY_HEADER, b"p-remittances/2/7")])
    assert (outcome.left_alone, outcome.original) == (None, marked)
    again = judge(NAMES, letter(offset=9), marked, Selection(), {})
    assert again.original == marked


@pytest.mark.parametrize(
    ("one", "found", "why"),
    [
        (letter(), None, GONE),
        (letter(), UNREADABLE, UNREADABLE),
        (letter(topic="elsewhere"), Original(None, GOOD, []), "no input topic"),
        (letter(), Original(None, b"{", []), "dead letter again: not_json"),
        (letter(reason="conflicting_duplicate"), Original(None, GOOD, []), UNNAMED_CONFLICT),
    ],
)
def test_what_would_be_bad_again_is_left_alone(one: Letter, found: Original | str | None, why: str) -> None:
    """Each says why."""
    outcome = judge(NAMES, one, found, Selection(), {})
    assert why in (outcome.left_alone or "")
    assert outcome.original is None
    assert outcome.expected == (why is UNNAMED_CONFLICT)


@pytest.mark.parametrize(
    "selection", [Selection(reasons=frozenset({"conflicting_duplicate"})), Selection(named=frozenset({(0, 8)}))]
)
def test_a_conflict_that_is_named_is_sent(selection: Selection) -> None:
    """By its reason or by its place."""
    one = letter(reason="conflicting_duplicate")
    assert judge(NAMES, one, Original(None, GOOD, []), selection, {}).left_alone is None


@pytest.mark.parametrize("found", [None, UNREADABLE])
def test_a_mended_value_needs_no_original(found: str | None) -> None:
    """Where the original is gone its key comes from the letter; a mended value that is bad is left alone too."""
    one = letter(b"{", "not_json")
    outcome = judge(NAMES, one, found, Selection(), {one.place: GOOD})
    assert outcome.original == Original(b"key", GOOD, [(REPLAY_HEADER, b"p-remittances/2/7")])
    assert judge(NAMES, one, found, Selection(), {one.place: b"["}).original is None


def test_a_mended_value_takes_the_place_of_the_original() -> None:
    """Its key and headers stay."""
    one = letter(b"{", "not_json")
    outcome = judge(NAMES, one, Original(b"k", b"{", [("h", b"1")]), Selection(), {one.place: GOOD})
    assert outcome.original == Original(b"k", GOOD, [("h", b"1"), (REPLAY_HEADER, b"p-remittances/2/7")])


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("3:41", (3, 41)),
        ("remittances/3/41", Place("p-remittances", 3, 41)),
        ("p-policy-changes/0/1", Place("p-policy-changes", 0, 1)),
    ],
)
def test_how_a_letter_is_named(text: str, meant: object) -> None:
    """By its own place or its original's, with the prefix or without."""
    assert named(NAMES, text) == meant


def test_a_name_that_is_none_is_refused() -> None:
    """With exit code 2."""
    with pytest.raises(CliError) as refused:
        named(NAMES, "3/41")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-06-01", 1_780_272_000_000),
        ("2026-06-01T00:00:00+09:00", 1_780_239_600_000),
        ("90s", 910_000),
        ("2m", 880_000),
    ],
)
def test_since_when(text: str, ms: int) -> None:
    """A day and a time without an offset are UTC; an age counts back from now."""
    assert since_ms(text, 1_000.0) == ms


def test_a_time_that_is_none_is_refused() -> None:
    """It says what would be one."""
    with pytest.raises(typer.BadParameter, match="12h"):
        since_ms("soon", 0.0)


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"topic":"remittances"}', '{"topic":"t","partition":0,"offset":1,"value":3}']
)
def test_a_line_of_a_file_that_is_wrong_is_named(tmp_path: Path, line: str) -> None:
    """File and line, and that nothing was sent."""
    file = tmp_path / "mended.jsonl"
    file.write_text('{"topic":"remittances","partition":0,"offset":1,"value":{}}\n\n' + line)
    with pytest.raises(CliError, match=r"mended.jsonl:3: .*nothing was sent"):
        _mended(NAMES, str(file))


def test_a_mended_value_is_an_object_or_text(tmp_path: Path) -> None:
    """As `list --json` writes it, or as a person would."""
    file = tmp_path / "mended.jsonl"
    file.write_text('{"topic":"remittances","partition":0,"offset":1,"value":{"a":"é"}}\n'
                    '{"topic":"p-remittances","partition":0,"offset":2,"value":"{\\"a\\":1}"}\n')  # fmt: skip
    place = Place("p-remittances", 0, 1)
    assert _mended(NAMES, str(file)) == {place: '{"a":"é"}'.encode(), place._replace(offset=2): b'{"a":1}'}


# --- for people -----------------------------------------------------------------------------------------------------


def test_only_plain_text_is_shown_as_text() -> None:
    """What could move a terminal's cursor is bytes."""
    assert text_of("é\n".encode()) == "é\n"
    assert text_of(b"\x1b[2J") is None
    assert text_of("\u202e".encode()) is None
    assert text_of(b"\xff") is None
    assert text_of(None) is None


def test_a_hex_dump_shows_the_head() -> None:
    """16 bytes a line, 256 in all, and how many more there are."""
    lines = list(hex_dump(b"A\x00" * 200))
    assert lines[0] == "00000000  41 00 41 00 41 00 41 00 41 00 41 00 41 00 41 00  A.A.A.A.A.A.A.A."
    assert lines[-1] == "… and 144 bytes more"
    assert len(lines) == 17


def test_a_letter_in_full() -> None:
    """Each thing that it has, and where its letters are."""
    shown = "\n".join(in_full(NAMES, letter(b"\xff{", "not_json"), "gone"))
    for part in ("p-remittances/2/7", "0:8, 0:57", "not_json: field: wrong", "no longer in Kafka", "key        key",
                 "header h", "ff 7b", "2 bytes, SHA-256"):  # fmt: skip
        assert part in shown


def test_whether_the_original_is_there() -> None:
    """Another record can be in its place, where a topic was made anew."""
    assert state_of(letter(), None) == "gone"
    assert state_of(letter(), UNREADABLE) == "unreadable"
    assert state_of(letter(), Original(None, GOOD, [])) == "there"
    assert state_of(letter(), Original(None, b"other", [])) == "another record is there"
