"""Rows of a table into events: which column is which field, and how its cells are to be read.

A cell is text, or what a workbook or Parquet has: numbers, times, truths. What does not fit stays as it is, and the
codec says what is wrong with it.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from schemas import remittances
from streams.cli.common import CliError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from streams.cli.tables import Row, Table

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
DECIMAL_FIELDS = {
    "amount",
    "critical_below",
    "delta",
    "factor",
    "margin",
    "rate",
    "unreachable_factor",
    "warning_below",
}
TIME_FIELDS = {"occurred_at", "issued_at"}
ID_FIELDS = {"event_id", "policy_id"}
INTEGER = re.compile(r"-?[0-9]{1,18}")
GROUPING = {".": re.compile("[, '\u00a0\u202f]"), ",": re.compile("[. '\u00a0\u202f]")}  # by the decimal sign
WEIGHTS_FIELD = "pace.weights"
SCOPE_ALL_FIELD = "scope.all"
#: Of ids that are made of what a row says: the same row has the same one, in whatever file and whenever it is read.
ROW_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:quotastream:row")


@dataclass(frozen=True)
class Reading:
    """How to read a table: columns for fields, fields that no column has, and what its cells mean."""

    columns: Mapping[str, str] = field(default_factory=dict)  # the field of each column that is named otherwise
    constants: Mapping[str, str] = field(default_factory=dict)
    timezone: ZoneInfo | None = None
    decimal_sign: str | None = None  # a comma or a point; the other one then groups thousands


class RowEvents:
    """The events of one table."""

    def __init__(self, name: str, table: Table, reading: Reading) -> None:
        """Settle which column is which field; CliError where the table has not the columns that are named."""
        if unknown := reading.columns.keys() - set(table.fields):
            raise CliError(f"{name} has no column {min(unknown)}: it has {', '.join(table.fields)}", 2)
        self._reading = reading
        self._rows = table.rows
        self._fields = [reading.columns.get(column, column) for column in table.fields]
        if twice := [name for name, times in Counter(self._fields).items() if times > 1]:
            raise CliError(f"{name}: two columns are the field {twice[0]}: name only one of them so", 2)
        self._has_ids = bool(ID_FIELDS & {*self._fields, *reading.constants})
        self._seen: Counter[bytes] = Counter()

    def __iter__(self) -> Iterator[tuple[int, bytes | None, str]]:
        """Yield for each row its number, and its event as JSON or what is wrong with it."""
        for row in self._rows:
            if row.problem:
                yield row.number, None, row.problem
                continue
            message = self._message(row)
            if isinstance(message, str):
                yield row.number, None, message
            else:
                yield row.number, msgspec.json.encode(message), ""

    def _message(self, row: Row) -> dict[str, Any] | str:
        """Return the message that a row makes, or what is wrong with it."""
        message: dict[str, Any] = {"schema_version": 1, "type": "remittance"}
        for name, cell in (*self._reading.constants.items(), *zip(self._fields, row.cells, strict=True)):
            value = self._value(name, cell)
            if value is None:
                continue
            outer, dot, inner = name.partition(".")
            if not dot:
                message[outer] = value
            elif isinstance(message.setdefault(outer, {}), dict):
                message[outer][inner] = value
            else:
                return f"{outer}: there is a column {outer} and a column {name}"
        if not self._has_ids:
            self._give_id(message)
        return message

    def _value(self, name: str, cell: Any) -> Any:
        """Return a cell as it is on the wire, None where it is empty."""
        if isinstance(cell, list | tuple):
            return [self._value(name, part) for part in cell]
        text = self._text(name, cell)
        if text == "":
            return None
        if name in INTEGER_FIELDS:
            return int(text) if INTEGER.fullmatch(text) else text
        if name == SCOPE_ALL_FIELD:
            return {"true": True, "1": True, "yes": True}.get(text.lower(), text)
        if name == WEIGHTS_FIELD:
            return text.replace(";", " ").split()
        return text

    def _text(self, name: str, cell: Any) -> str:
        if cell is None:
            return ""
        if isinstance(cell, datetime):
            return self._time(cell) if name in TIME_FIELDS else cell.date().isoformat()
        if isinstance(cell, date):
            return self._time(datetime.combine(cell, time.min)) if name in TIME_FIELDS else cell.isoformat()
        if isinstance(cell, float | Decimal) and not isinstance(cell, bool):
            return _plain(Decimal(repr(cell)) if isinstance(cell, float) else cell)
        return self._of_text(name, str(cell).strip())

    def _of_text(self, name: str, text: str) -> str:
        sign = self._reading.decimal_sign
        if sign and name in DECIMAL_FIELDS | INTEGER_FIELDS:
            return GROUPING[sign].sub("", text).replace(sign, ".")
        if name in TIME_FIELDS and self._reading.timezone is not None:
            try:
                return self._time(datetime.fromisoformat(text))
            except ValueError:
                return text
        return text

    def _time(self, moment: datetime) -> str:
        if moment.tzinfo is None and self._reading.timezone is not None:
            moment = moment.replace(tzinfo=self._reading.timezone)
        return moment.isoformat()

    def _give_id(self, message: dict[str, Any]) -> None:
        """Give an event without an id one that is made of what it says, and of how many before it say the same.

        So reading a table again, or one that has grown, counts nothing twice, and two equal rows in it count as two.
        """
        said = hashlib.sha256(msgspec.json.encode(message, order="deterministic")).digest()
        before, self._seen[said] = self._seen[said], self._seen[said] + 1
        name = "event_id" if message["type"] in remittances.MODELS else "policy_id"
        message[name] = str(uuid.uuid5(ROW_IDS, f"{said.hex()}:{before}"))


def _plain(number: Decimal) -> str:
    """Return a number in digits, without an exponent; a whole one without decimals."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """Return NAME=VALUE options as a dictionary; CliError where one has no name or comes twice."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value) or name in found:
            raise CliError(f"{option} {text}: give FIELD=..., each field once", 2)
        found[name] = value
    return found
