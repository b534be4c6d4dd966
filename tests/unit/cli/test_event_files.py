"""Files of events: JSON lines and CSV into records for the input topics, or what is wrong with them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from streams.cli.common import CliError
from streams.cli.event_files import Line, Problem, Record, judged, read_lines

EVENT_ID = "0b7e7c5e-9c3b-4a52-8f0f-0d5f3d3b6a01"
POLICY_ID = "11111111-2222-4333-8444-555555555555"
REMITTANCE = {
    "schema_version": 1,
    "type": "remittance",
    "event_id": EVENT_ID,
    "group_id": "dandong-07",
    "amount": "1250.00",
    "currency": "USD",
    "occurred_at": "2026-03-05T09:30:00+09:00",
    "channel": "bank_transfer",
}


def lines(name: str, text: str | bytes) -> list[Line]:
    """Read a file with this content."""
    content = text.encode() if isinstance(text, str) else text
    return list(read_lines(name, io.BytesIO(content), lambda _: None))


def messages(name: str, text: str | bytes) -> list[dict[str, Any]]:
    """Return the messages of a file, less ids that were made for its rows."""
    found = [json.loads(line.value or b"null") for line in lines(name, text)]
    return [{key: v for key, v in message.items() if key != "event_id"} for message in found]


def test_json_lines_keep_their_bytes_and_their_numbers() -> None:
    """What is published is what stands in the file; blank lines count as lines."""
    assert lines("a.jsonl", '{"a":1}\n\n  {"b": 2}\r\n') == [Line(1, b'{"a":1}'), Line(3, b'{"b": 2}')]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    """Editors that write one do no harm, in either form."""
    assert lines("a", b'\xef\xbb\xbf{"a":1}\n') == [Line(1, b'{"a":1}')]
    assert messages("a.csv", b"\xef\xbb\xbfgroup_id\ng\n")[0]["group_id"] == "g"


def test_the_form_is_known_by_its_content_where_the_name_says_nothing() -> None:
    """Standard input has no name to go by."""
    assert messages("stdin", '\n{"a":1}\n') == [{"a": 1}]
    assert messages("stdin", "group_id\ng\n") == [{"schema_version": 1, "type": "remittance", "group_id": "g"}]
    assert lines("stdin", "") == []


def test_a_json_array_is_told_as_such() -> None:
    """A file that holds one array gets the command that makes lines of it."""
    with pytest.raises(CliError, match="jq -c"):
        lines("a.json", '[{"a":1}]')


def test_a_csv_row_is_a_remittance_unless_it_says_otherwise() -> None:
    """Empty cells are absent fields, and numbers that the wire has as integers become integers."""
    text = "type,group_id,amount,plan_year,levy_id\n,g,12.50,2026,\nreversal,h,,,\n"
    assert messages("a.csv", text) == [
        {"schema_version": 1, "type": "remittance", "group_id": "g", "amount": "12.50", "plan_year": 2026},
        {"schema_version": 1, "type": "reversal", "group_id": "h"},
    ]


def test_parts_of_a_field_have_columns_of_their_own() -> None:
    """Scopes and paces are nested on the wire."""
    text = "scope.region,scope.all,pace.kind,pace.weights\ndandong,,linear,\n,true,monthly,1;2 3\n"
    first, second = messages("a.csv", text)
    assert (first["scope"], first["pace"]) == ({"region": "dandong"}, {"kind": "linear"})
    assert (second["scope"], second["pace"]) == ({"all": True}, {"kind": "monthly", "weights": ["1", "2", "3"]})


def test_what_spreadsheets_write_where_the_comma_is_a_decimal_sign() -> None:
    """Semicolons part columns as well as commas do."""
    assert messages("a.csv", "group_id;amount\ng;1.00\n")[0]["amount"] == "1.00"


def test_a_row_with_other_cells_than_the_header_is_a_problem_with_its_line() -> None:
    """Lines are counted as an editor shows them, also after a cell that spans two."""
    found = lines("a.csv", 'group_id,reference\ng,"two\nlines"\nh\n')
    assert (found[0].number, found[1].number) == (2, 4)
    assert judged("a.csv", found[1]) == Problem("a.csv", 4, "schema", "1 cells where the header names 2")


@pytest.mark.parametrize("header", ["a,a", "a,,b"])
def test_a_header_names_every_column_once(header: str) -> None:
    """A column that nobody can tell from another is an error."""
    with pytest.raises(CliError, match="name every column"):
        lines("a.csv", f"{header}\n1,2\n")


def test_a_letter_that_is_none_is_one_clear_error() -> None:
    """Where UTF-8 was told from the beginning, or named, nothing is guessed about letters further on."""
    late = b"group_id,reference\n" + b"g,x\n" * 3_000 + b"g,caf\xe9\n"
    with pytest.raises(CliError, match=r"a\.csv:3002: not UTF-8: name its encoding with --encoding"):
        lines("a.csv", late)


def test_a_remittance_goes_by_its_group() -> None:
    """The key is the group's name, and the value the line itself."""
    value = json.dumps(REMITTANCE).encode()
    assert judged("f", Line(1, value)) == Record(False, b"dandong-07", value)


def test_a_policy_goes_by_its_policy_id() -> None:
    """The type decides the topic, whatever file it came in."""
    policy = {
        "schema_version": 1,
        "policy_id": POLICY_ID,
        "type": "group_closed",
        "issued_at": "2026-06-01T00:00:00Z",
        "group_id": "dandong-07",
        "closed_on": "2026-06-01",
    }
    value = json.dumps(policy).encode()
    assert judged("f", Line(1, value)) == Record(True, POLICY_ID.encode(), value)


@pytest.mark.parametrize(
    ("change", "reason", "said"),
    [
        ({"event_id": None}, "schema", "event_id"),
        ({"amount": "-1.00"}, "schema", "amount"),
        ({"amount": "1.001"}, "schema", "amount"),
        ({"currency": "XXX"}, "unknown_currency", "currency"),
        ({"type": "gift"}, "unknown_type", "not a type of remittance or policy"),
        ({"type": None}, "unknown_type", "type"),
        ({"schema_version": 2}, "unknown_version", "schema_version"),
        ({"name": "somebody"}, "schema", "name: unknown field"),
    ],
)
def test_a_bad_line_names_its_place_its_field_and_its_reason(change: dict[str, Any], reason: str, said: str) -> None:
    """What cannot be published is told as a worker would tell it."""
    found = judged("f.jsonl", Line(7, json.dumps(REMITTANCE | change).encode()))
    assert isinstance(found, Problem)
    assert found.reason == reason
    assert said in found.detail
    assert str(found).startswith("f.jsonl:7: ")


def test_a_line_that_is_no_json_is_a_problem() -> None:
    """Also one that only begins like it."""
    assert isinstance(judged("f", Line(1, b'{"type": "remittance"')), Problem)
