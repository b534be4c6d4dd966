"""Tables as other programs write them (CSV in any encoding, workbooks, Parquet): columns, times, numbers, ids."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from schemas import policies, remittances
from streams.cli.common import CliError
from streams.cli.event_files import AS_THEY_ARE, Forms, Record, judged, read_lines
from streams.cli.row_events import DECIMAL_FIELDS, INTEGER_FIELDS, Reading, pairs

if TYPE_CHECKING:
    from collections.abc import Callable

PYONGYANG = ZoneInfo("Asia/Pyongyang")
PAID = {"channel": "bank_transfer", "currency": "USD"}


def messages(name: str, content: bytes, forms: Forms = AS_THEY_ARE) -> list[dict[str, Any]]:
    """Return the messages that a file makes; each of them has to be one that can be published."""
    found = list(read_lines(name, io.BytesIO(content), lambda _: None, forms))
    wrong = [str(problem) for line in found if not isinstance(problem := judged(name, line), Record)]
    assert wrong == []
    return [json.loads(line.value or b"") for line in found]


def essence(found: list[dict[str, Any]]) -> list[tuple[str, Decimal, str]]:
    """Return of each remittance what a table says of it."""
    return [(m["group_id"], Decimal(m["amount"]), m["occurred_at"]) for m in found]


ROWS = [
    ("dandong-07", Decimal("1250.5"), "2026-03-05T09:30:00+09:00"),
    ("dalian-01", Decimal(80), "2026-03-06T00:00:00+09:00"),
]


def workbook(rows: list[list[Any]], title: str = "Sheet") -> bytes:
    """Return an Excel workbook with one sheet of these rows, after an empty one."""
    book, out = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.create_sheet("notes").append(["nothing here"])
    book.save(out)
    return out.getvalue()


def test_columns_constants_times_and_numbers_are_read_as_they_are_meant() -> None:
    """A bank's export in German, in its old encoding, becomes remittances without touching the file."""
    text = "Gruppe;Betrag;Zeit;Größe\ndandong-07;1.250,50;2026-03-05 09:30;x\ndalian-01;80,00;2026-03-06;\n"
    reading = Reading(
        {"Gruppe": "group_id", "Betrag": "amount", "Zeit": "occurred_at", "Größe": "reference"}, PAID, PYONGYANG, ","
    )
    for encoding in ("cp1252", "utf-8", "utf-8-sig", "utf-16"):
        found = messages("export.csv", text.encode(encoding), Forms(reading))
        assert essence(found) == ROWS
        assert [m.get("reference") for m in found] == ["x", None]


def test_a_named_encoding_is_used() -> None:
    """Letters that could be of several encodings are read as the one that is named."""
    text = "group_id,amount,occurred_at,reference\ng,1.00,2026-03-05T00:00:00Z,привет\n"
    (found,) = messages("a.csv", text.encode("koi8-r"), Forms(Reading({}, PAID), "koi8-r"))
    assert found["reference"] == "привет"
    with pytest.raises(CliError, match="no encoding of that name"):
        messages("a.csv", text.encode(), Forms(encoding="klingon"))


def test_a_workbook_is_read_with_its_numbers_and_times() -> None:
    """Cells of Excel are numbers and local times, not text; empty rows are passed over, the first sheet is meant."""
    rows = [
        ["group_id", "amount", "occurred_at"],
        ["dandong-07", 1250.5, datetime(2026, 3, 5, 9, 30)],  # noqa: DTZ001  as cells are
        [None, None, None],
        ["dalian-01", 80, date(2026, 3, 6)],
    ]
    forms = Forms(Reading({}, PAID, PYONGYANG))
    assert essence(messages("ledger.xlsx", workbook(rows), forms)) == ROWS
    named = forms._replace(sheet="March")
    assert essence(messages("ledger.xlsx", workbook(rows, "March"), named)) == ROWS
    with pytest.raises(CliError, match="has no sheet March: it has Sheet, notes"):
        messages("ledger.xlsx", workbook(rows), named)


def test_a_problem_in_a_workbook_names_its_row() -> None:
    """Rows are counted as the program shows them, also after an empty one."""
    rows = [["group_id", "amount"], ["g", 1], [None, None], ["NOT A GROUP", 1]]
    found = list(read_lines("a.xlsx", io.BytesIO(workbook(rows)), lambda _: None, Forms(Reading({}, PAID))))
    assert [line.number for line in found] == [2, 4]


def test_parquet_is_read_with_its_types() -> None:
    """Decimals stay exact, times keep their zone, and a null is an absent field."""
    moments = [datetime(2026, 3, 5, 0, 30, tzinfo=UTC), datetime(2026, 3, 5, 15, 0, tzinfo=UTC)]
    columns = {
        "group_id": ["dandong-07", "dalian-01"],
        "amount": pa.array([Decimal("1250.50"), Decimal("80.00")], pa.decimal128(18, 2)),
        "occurred_at": pa.array(moments, pa.timestamp("us", tz="Asia/Pyongyang")),
        "levy_id": [None, "railway"],
    }
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out)
    found = messages("ledger.parquet", out.getvalue(), Forms(Reading({}, PAID)))
    assert essence(found) == ROWS
    assert [m.get("levy_id") for m in found] == [None, "railway"]


@pytest.mark.parametrize("name", ["a.xlsx", "a.ods", "a.parquet"])
def test_a_file_that_is_not_what_its_name_says_is_one_clear_error(name: str) -> None:
    """Its first bytes decide, and no traceback tells of it."""
    with pytest.raises(CliError, match=f"{name}: no (workbook|Parquet file) that can be read"):
        messages(name, b"group_id,amount\ng,1.00\n")


ROW = b"%b,1.00,2026-03-05T00:00:00Z\n"
CSV = b"group_id,amount,occurred_at\n" + ROW % b"g" + ROW % b"g" + ROW % b"h"


def test_rows_without_an_id_get_one_that_lasts() -> None:
    """Reading a table again, or one that has grown, makes the same ids; two equal rows in it are two events."""
    forms = Forms(Reading({}, PAID))
    first = [m["event_id"] for m in messages("a.csv", CSV, forms)]
    assert len(set(first)) == 3
    grown = CSV + ROW % b"i"
    assert [m["event_id"] for m in messages("b.csv", grown, forms)][:3] == first
    other = Forms(Reading({}, PAID | {"channel": "cash"}))
    assert not {m["event_id"] for m in messages("a.csv", CSV, other)} & set(first)


def test_a_table_with_ids_of_its_own_keeps_them() -> None:
    """Where there is a column for ids an empty one is a mistake, not an invitation."""
    (line,) = read_lines("a.csv", io.BytesIO(b"event_id,group_id\n,g\n"), lambda _: None, Forms())
    assert "event_id" not in json.loads(line.value or b"")


@pytest.mark.parametrize(
    ("columns", "said"),
    [({"sum": "amount"}, "has no column sum: it has group_id, amount"), ({"group_id": "amount"}, "two columns are")],
)
def test_columns_that_can_not_be_meant_are_refused(columns: dict[str, str], said: str) -> None:
    """A misspelt column would otherwise be a file of invalid lines."""
    with pytest.raises(CliError, match=said):
        messages("a.csv", b"group_id,amount\ng,1.00\n", Forms(Reading(columns)))


@pytest.mark.parametrize("given", [["amount"], ["=x"], ["amount="], ["a=1", "a=2"]])
def test_a_pair_that_is_none_is_refused(given: list[str]) -> None:
    """One line says how it is given."""
    with pytest.raises(CliError, match="give FIELD="):
        pairs("--set", given)


def fields_whose(is_one: Callable[[dict[str, Any]], bool]) -> set[str]:
    """Return the fields of inputs of which something holds, by the JSON Schema of one of their forms."""
    models = [*remittances.MODELS.values(), *policies.MODELS.values()]
    fields = [item for model in models for item in model.model_json_schema()["properties"].items()]
    return {name for name, field in fields if any(map(is_one, field.get("anyOf", [field])))}


def test_the_integer_fields_are_those_of_the_wire() -> None:
    """A new integer field of a message cannot be forgotten here."""
    assert fields_whose(lambda form: form.get("type") == "integer") | {"schema_version"} == INTEGER_FIELDS


def test_the_decimal_fields_are_those_of_the_wire() -> None:
    """A new amount or ratio of a message cannot be forgotten here."""
    words = ("money", "decimal")
    assert fields_whose(lambda form: any(w in form.get("description", "") for w in words)) == DECIMAL_FIELDS
