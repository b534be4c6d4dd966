"""Files of events, read and judged: JSON lines or CSV in, records for the input topics or their problems out.

Not here: what makes a record good (`streams.shell.codec`), and sending (`publish.py`).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import msgspec

from schemas import remittances
from streams.cli.common import CliError
from streams.core.events import Policy
from streams.shell import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CSV_SUFFIXES = {".csv", ".tsv"}
JSON_SUFFIXES = {".jsonl", ".ndjson", ".json"}
# Cells are text; these fields are integers on the wire. Amounts, rates and ratios are strings there, as in a cell.
INTEGER_FIELDS = {
    "schema_version",
    "plan_year",
    "headcount",
    "slack_days",
    "for_days",
    "grace_days",
    "levy_grace_days",
    "unreachable_grace_days",
    "silent_days",
}
INTEGER = re.compile(r"-?[0-9]{1,18}")
WEIGHTS_FIELD = "pace.weights"
SCOPE_ALL_FIELD = "scope.all"


class Line(NamedTuple):
    """One event as it stands in a file; `value` is None where it could not even be made into JSON."""

    number: int
    value: bytes | None
    problem: str = ""


class Record(NamedTuple):
    """An event that Kafka can have."""

    is_policy: bool
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that cannot be published."""

    file: str
    line: int
    reason: str
    detail: str

    def __str__(self) -> str:
        """Return the problem as file:line: what is wrong."""
        return f"{self.file}:{self.line}: {self.detail} ({self.reason})"


class _Head(msgspec.Struct):
    """What decides the topic."""

    type: str = ""


_head = msgspec.json.Decoder(_Head).decode


def judged(name: str, line: Line) -> Record | Problem:
    """Return the record that a line makes, or what is wrong with it."""
    if line.value is None:
        return Problem(name, line.number, "schema", line.problem)
    try:
        kind = _head(line.value).type
    except msgspec.MsgspecError:
        kind = ""
    is_policy = bool(kind) and kind not in remittances.MODELS
    try:
        event = codec.decode("policy-changes" if is_policy else "remittances", line.value)
    except codec.BadRecord as bad:
        detail = "type: not a type of remittance or policy" if bad.reason == "unknown_type" and kind else bad.detail
        return Problem(name, line.number, bad.reason, detail)
    key = event.policy_id if isinstance(event, Policy) else event.group_id
    return Record(is_policy, key.encode(), line.value)


def read_lines(name: str, stream: IO[bytes], on_bytes: Callable[[int], None]) -> Iterator[Line]:
    """Yield the events of a file or of stdin, whichever of the two forms it has; blank lines are passed over."""
    first, lines = _first_line(_counted(stream, on_bytes))
    if _is_csv(name, first):
        return _csv_lines(name, lines)
    if first.lstrip(b"\xef\xbb\xbf \t").startswith(b"["):
        raise CliError(f"{name} is a JSON array; one object a line is wanted: jq -c '.[]' FILE makes that")
    return _json_lines(lines)


def _counted(stream: IO[bytes], on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    for line in stream:
        on_bytes(len(line))
        yield line


def _first_line(lines: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first line that is not blank, and all lines."""
    seen = []
    for line in lines:
        seen.append(line)
        if line.strip():
            break
    return (seen[-1] if seen else b""), chain(seen, lines)


def _is_csv(name: str, first_line: bytes) -> bool:
    suffix = Path(name).suffix.lower()
    if suffix in CSV_SUFFIXES:
        return True
    if suffix in JSON_SUFFIXES:
        return False
    return bool(first_line) and not first_line.lstrip(b"\xef\xbb\xbf \t").startswith((b"{", b"["))


def _json_lines(lines: Iterator[bytes]) -> Iterator[Line]:
    for number, line in enumerate(lines, start=1):
        value = line.strip()
        if number == 1:
            value = value.removeprefix(b"\xef\xbb\xbf")
        if value:
            yield Line(number, value)


def _csv_lines(name: str, lines: Iterator[bytes]) -> Iterator[Line]:
    text = _texts(name, lines)
    header_line = next(text, "")
    rows = csv.reader(chain([header_line], text), delimiter=_delimiter(header_line), strict=True)
    try:
        fields = [cell.strip() for cell in next(rows, [])]
        if len(set(fields)) != len(fields) or not all(fields):
            raise CliError(f"{name}:1: the header has to name every column, each once")
        number = rows.line_num + 1
        for row in rows:
            if any(cell.strip() for cell in row):
                yield _csv_line(number, fields, row)
            number = rows.line_num + 1
    except csv.Error as error:
        raise CliError(f"{name}:{rows.line_num}: not CSV: {error}") from error


def _texts(name: str, lines: Iterator[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise CliError(f"{name}:{number}: not UTF-8; save the file as UTF-8 and try again") from error


def _delimiter(header: str) -> str:
    """Return what parts the header's columns: spreadsheets write ";" where "," is the decimal sign."""
    return max(",;\t", key=header.count)


def _csv_line(number: int, fields: list[str], row: list[str]) -> Line:
    if len(row) != len(fields):
        return Line(number, None, f"{len(row)} cells where the header names {len(fields)}")
    message: dict[str, Any] = {"schema_version": 1, "type": "remittance"}
    for field, cell in zip(fields, row, strict=True):
        text = cell.strip()
        if not text:
            continue
        value = _cell_value(field, text)
        outer, dot, inner = field.partition(".")
        if not dot:
            message[outer] = value
        elif isinstance(message.setdefault(outer, {}), dict):
            message[outer][inner] = value
        else:
            return Line(number, None, f"{outer}: there is a column {outer} and a column {field}")
    return Line(number, msgspec.json.encode(message))


def _cell_value(field: str, text: str) -> Any:
    """Return a cell as it is on the wire; what does not fit stays text, and the codec says what is wrong with it."""
    if field in INTEGER_FIELDS:
        return int(text) if INTEGER.fullmatch(text) else text
    if field == SCOPE_ALL_FIELD:
        return {"true": True, "1": True, "yes": True}.get(text.lower(), text)
    if field == WEIGHTS_FIELD:
        return text.replace(";", " ").split()
    return text
