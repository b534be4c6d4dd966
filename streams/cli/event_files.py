"""Files of events, read and judged: JSON lines or tables in, records for the input topics or their problems out.

Not here: how tables are read (`tables.py`, `row_events.py`), what makes a record good (`streams.shell.codec`), and
sending (`publish.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec

from schemas import remittances
from streams.cli.common import CliError
from streams.cli.row_events import Reading, RowEvents
from streams.cli.tables import (
    CSV_SUFFIXES,
    PARQUET_SUFFIXES,
    WORKBOOK_SUFFIXES,
    read_csv,
    read_parquet,
    read_workbook,
    suffix_of,
)
from streams.core.events import Policy
from streams.shell import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.cli.tables import Table

JSON_SUFFIXES = {".jsonl", ".ndjson", ".json"}


class Line(NamedTuple):
    """One event as it stands in a file; `value` is None where it could not even be made into JSON."""

    number: int
    value: bytes | None
    problem: str = ""


class Forms(NamedTuple):
    """What has to be said of files that are tables, where they do not say it themselves."""

    rows: Reading = Reading()
    encoding: str | None = None
    sheet: str | None = None


AS_THEY_ARE = Forms()


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


def read_lines(
    name: str, stream: IO[bytes], on_bytes: Callable[[int], None], forms: Forms = AS_THEY_ARE
) -> Iterator[Line]:
    """Yield the events of a file or of stdin, whichever form it has; blank lines are passed over."""
    suffix = suffix_of(name)
    if suffix in WORKBOOK_SUFFIXES:
        return _rows(name, read_workbook(name, stream, forms.sheet), forms)
    if suffix in PARQUET_SUFFIXES:
        return _rows(name, read_parquet(name, stream), forms)
    first, lines = _first_line(_counted(stream, on_bytes))
    if _is_csv(suffix, first):
        return _rows(name, read_csv(name, lines, forms.encoding), forms)
    if first.lstrip(b"\xef\xbb\xbf \t").startswith(b"["):
        raise CliError(f"{name} is a JSON array; one object a line is wanted: jq -c '.[]' FILE makes that")
    return _json_lines(lines)


def _rows(name: str, table: Table, forms: Forms) -> Iterator[Line]:
    return (Line(*event) for event in RowEvents(name, table, forms.rows))


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


def _is_csv(suffix: str, first_line: bytes) -> bool:
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
