"""Files that are tables (CSV, Excel, Parquet), read as a header and rows of cells, whatever program wrote them.

Not here: what a row says (`row_events.py`).
"""

from __future__ import annotations

import csv
import io
import sys
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from streams.cli.common import CliError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CSV_SUFFIXES = {".csv", ".tsv", ".txt"}
WORKBOOK_SUFFIXES = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
PARQUET_SUFFIXES = {".parquet", ".pq"}
DELIMITERS = ",;\t|"  # spreadsheets write ";" where "," is the decimal sign
SAMPLED_LINES = 2_000
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
FORMER_ENCODINGS = ["cp1252", "cp1251", "gb18030", "cp949", "cp932", "big5"]  # that spreadsheets still write
MISSING_LIBRARY = "needs a library that is not installed: pip install 'quotastream[tables]'"


class Row(NamedTuple):
    """One row as it stands in a file, cells in the header's order; `problem` where it is none."""

    number: int
    cells: Sequence[Any]
    problem: str = ""


class Table(NamedTuple):
    """A header, and the rows under it."""

    fields: list[str]
    rows: Iterator[Row]


def table(name: str, fields: list[str], rows: Iterator[Row]) -> Table:
    """Return a table; CliError where its header does not name every column, each once."""
    if len(set(fields)) != len(fields) or not all(fields):
        raise CliError(f"{name}:1: the header has to name every column, each once")
    return Table(fields, rows)


# --- CSV ---


def read_csv(name: str, lines: Iterator[bytes], encoding: str | None) -> Table:
    """Read CSV of any usual delimiter and encoding; `encoding` names it where it can't be told from the text."""
    sample = list(islice(lines, SAMPLED_LINES))
    encoding = encoding or _encoding(name, b"".join(sample))
    text = _texts(name, chain(sample, lines), encoding)
    header = next(text, "")
    rows = csv.reader(chain([header], text), delimiter=max(DELIMITERS, key=header.count), strict=True)
    try:
        fields = [cell.strip() for cell in next(rows, [])]
    except csv.Error as error:
        raise CliError(f"{name}:1: not CSV: {error}") from error
    return table(name, fields, _csv_rows(name, len(fields), rows))


def _csv_rows(name: str, width: int, rows: Any) -> Iterator[Row]:
    number = rows.line_num + 1
    try:
        for cells in rows:
            if any(cell.strip() for cell in cells):
                wrong = f"{len(cells)} cells where the header names {width}" if len(cells) != width else ""
                yield Row(number, cells, wrong)
            number = rows.line_num + 1
    except csv.Error as error:
        raise CliError(f"{name}:{rows.line_num}: not CSV: {error}") from error


def _encoding(name: str, sample: bytes) -> str:
    """Return the encoding of a text that begins with `sample`: UTF-8 unless it can't be that."""
    if sample.startswith(UTF_16_MARKS):
        return "utf-16"
    try:
        sample.decode()
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes  # noqa: PLC0415  seldom needed, and slow to load

        best = from_bytes(sample, cp_isolation=FORMER_ENCODINGS).best()
        if best is None:
            raise CliError(f"{name}: not UTF-8, and no encoding fits: name it with --encoding") from None
        sys.stderr.write(f"{name}: not UTF-8, read as {best.encoding} (--encoding names another)\n")
        return best.encoding
    return "utf-8-sig"


def _texts(name: str, lines: Iterator[bytes], encoding: str) -> Iterator[str]:
    if encoding.lower().replace("_", "-").startswith("utf-16"):  # its line ends are two bytes
        try:
            yield from io.StringIO(b"".join(lines).decode(encoding), newline="")
        except UnicodeDecodeError as error:
            raise CliError(f"{name}: not {encoding}: name its encoding with --encoding") from error
        return
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode(encoding if number == 1 else encoding.removesuffix("-sig"))
        except UnicodeDecodeError as error:
            shown = encoding.removesuffix("-sig").upper()
            raise CliError(f"{name}:{number}: not {shown}: name its encoding with --encoding") from error
        except LookupError as error:
            raise CliError(f"--encoding {encoding}: no encoding of that name is known", 2) from error


# --- Excel and OpenDocument ---


def read_workbook(name: str, stream: IO[bytes], sheet: str | None) -> Table:
    """Read a sheet of a workbook: the one named, or the first."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  an extra that may be missing
    except ImportError as error:
        raise CliError(f"{name}: a workbook {MISSING_LIBRARY}") from error
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(stream.read()))
        if sheet is not None and sheet not in book.sheet_names:
            raise CliError(f"{name} has no sheet {sheet}: it has {', '.join(book.sheet_names)}", 2)
        rows = iter(book.get_sheet_by_name(sheet or book.sheet_names[0]).to_python(skip_empty_area=False))
    except CalamineError as error:
        raise CliError(f"{name}: no workbook that can be read: {error}") from error
    fields = [str(cell).strip() for cell in next(rows, [])]
    while fields and not fields[-1]:  # an area that was formatted, and never filled in
        fields.pop()
    filled = ((number, cells[: len(fields)]) for number, cells in enumerate(rows, start=2))
    return table(name, fields, (Row(number, cells) for number, cells in filled if any(c != "" for c in cells)))


# --- Parquet ---


def read_parquet(name: str, stream: IO[bytes]) -> Table:
    """Read a Parquet file, a batch of rows at a time."""
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra that may be missing
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise CliError(f"{name}: Parquet {MISSING_LIBRARY}") from error
    try:
        file = parquet.ParquetFile(stream if stream.seekable() else io.BytesIO(stream.read()))
    except (pa.ArrowException, OSError) as error:
        raise CliError(f"{name}: no Parquet file that can be read: {error}") from error
    return table(name, list(file.schema_arrow.names), _parquet_rows(name, file))


def _parquet_rows(name: str, file: Any) -> Iterator[Row]:
    number = 0
    try:
        for batch in file.iter_batches():
            for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield Row(number, cells)
    except (ValueError, OSError) as error:  # pyarrow's errors are these
        raise CliError(f"{name}: damaged after row {number}: {error}") from error


def suffix_of(name: str) -> str:
    """Return the suffix by which a file's form is known."""
    return Path(name).suffix.lower()
