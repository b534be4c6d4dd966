"""`quotastream publish`: events from files to the input topics, nothing if any of them is bad."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from kafka.errors import KafkaError
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from streams.cli import ecb
from streams.cli.common import (
    AsJson,
    BootstrapServers,
    CliError,
    Prefix,
    a_day,
    broker_address,
    err,
    installation,
    out,
    quiet_kafka_client,
    write_json,
)
from streams.cli.event_files import Forms, Problem, Record, judged, read_lines
from streams.cli.row_events import Reading as RowReading
from streams.cli.row_events import pairs
from streams.cli.wording import counted, example
from streams.client import Publisher
from streams.shell.topic_admin import admin_client, require_topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.progress import Task

    from streams.shell.topics import Names

EXAMPLES = example(
    "quotastream publish policies.jsonl remittances.csv",
    "gunzip -c 2026.jsonl.gz | quotastream publish -",
    "quotastream publish ledger.xlsx --column amount=Betrag --set currency=EUR --timezone Europe/Vienna --dry-run",
    "quotastream publish --ecb --base USD --since 2026-01-01",
)
#: What has to be said of tables that do not say it themselves.
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="FIELD=COLUMN", help="In tables: the column that a field has."),
]
Constants = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="In tables: a field that every row has.")
]
Timezone = Annotated[
    str | None,
    typer.Option("--timezone", metavar="ZONE", help="In tables: where clocks show times that have no offset."),
]
DecimalSign = Annotated[
    str | None,
    typer.Option("--decimal-sign", metavar=".|,", help="In tables: of numbers whose thousands are grouped."),
]
Encoding = Annotated[
    str | None, typer.Option("--encoding", metavar="NAME", help="Of CSV, where it is not told by the text.")
]
Sheet = Annotated[str | None, typer.Option("--sheet", metavar="NAME", help="Of a workbook; without it the first.")]
SkipInvalid = Annotated[bool, typer.Option("--skip-invalid", help="Publish the good lines all the same.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, say what is wrong, publish nothing.")]

PROBLEMS_SHOWN = 10
SPOOL_IN_MEMORY_BYTES = 64 << 20
PROGRESS_EVERY = 500  # events between two updates of the bar; each update costs more than sending one event


@dataclass
class Reading:
    """What the files held."""

    remittances: int = 0
    policies: int = 0
    invalid: int = 0
    problems: list[Problem] = field(default_factory=list)  # the first PROBLEMS_SHOWN of the invalid

    @property
    def valid(self) -> int:
        """How many events can be published."""
        return self.remittances + self.policies


def publish(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="JSON lines, CSV, Excel or Parquet; - for stdin.", show_default=False),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    skip_invalid: SkipInvalid = False,
    dry_run: DryRun = False,
    column: Columns = None,
    constant: Constants = None,
    timezone: Timezone = None,
    decimal_sign: DecimalSign = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    with_ecb: Annotated[
        bool, typer.Option("--ecb", help="Publish the European Central Bank's history of exchange rates.")
    ] = False,
    base: Annotated[str, typer.Option("--base", metavar="CURRENCY", help="With --ecb: rates to this one.")] = "USD",
    since: Annotated[
        str, typer.Option("--since", metavar="DAY", help="With --ecb: from this day on.")
    ] = "2000-01-01",
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="With --ecb: to this day.")] = "2099-12-31",
    as_json: AsJson = False,
) -> None:
    """Publish events: each line goes to its topic by its type. Nothing is published if any line is invalid.

    Tables (CSV, Excel, Parquet): the header names the fields, or --column does; an empty cell is an absent field;
    without a column `type` every row is a remittance; parts of a field have columns of their own: scope.region,
    scope.all, scope.group_id, pace.kind. A table without a column event_id (policy_id) has ids made of what its rows
    say. Publishing anything twice harms nothing, so a publishing that was cut off is begun again: each event counts
    once.
    """
    if not files and not with_ecb:
        raise CliError("name a FILE to publish (- for stdin), or give --ecb (see quotastream publish --help)", 2)
    history = ecb.History(ecb.require_base(base), a_day(since), a_day(until)) if with_ecb else None
    forms = Forms(_row_reading(column or [], constant or [], timezone, decimal_sign), encoding, sheet)
    quiet_kafka_client()
    names = installation(prefix)
    address = "" if dry_run else broker_address(bootstrap_servers)
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY_BYTES) as spool:
        with checking_progress(shown=not as_json) as progress:
            reading = _read(files or [], forms, spool, progress)
            if history is not None:
                _read_ecb(history, reading, spool)
        if reading.invalid and not skip_invalid:
            _refuse(reading, as_json)
        if dry_run:
            _summarise(reading, None, names, as_json)
            return
        with admin_client(address) as admin:
            require_topics(admin, names.inputs)
        spool.seek(0)
        began = time.monotonic()
        with publishing_progress(shown=not as_json) as progress:
            task = progress.add_task("publishing", total=reading.valid)
            send(address, names, _unspooled(spool), lambda count: progress.update(task, completed=count))
    _summarise(reading, time.monotonic() - began, names, as_json)


def _row_reading(columns: list[str], constants: list[str], zone: str | None, decimal_sign: str | None) -> RowReading:
    if decimal_sign not in (None, ".", ","):
        raise CliError(f"--decimal-sign {decimal_sign}: it is a point or a comma", 2)
    try:
        timezone = ZoneInfo(zone) if zone else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CliError(f"--timezone {zone}: no such zone is known; one is Asia/Pyongyang", 2) from error
    by_column = {column: field for field, column in pairs("--column", columns).items()}
    return RowReading(by_column, pairs("--set", constants), timezone, decimal_sign)


def send(address: str, names: Names, records: Iterable[Record], on_acknowledged: Callable[[int], None]) -> int:
    """Send records and return how many once every one of them is acknowledged by all in-sync replicas."""

    def now_and_then(count: int) -> None:
        if count % PROGRESS_EVERY == 0:
            on_acknowledged(count)

    publisher = Publisher(address, names.prefix, now_and_then)
    try:
        for record in records:
            publisher.send(record.is_policy, record.key, record.value)
        publisher.flush()
    except KafkaError as error:
        raise CliError(
            f"Kafka did not take everything ({error}); {counted(publisher.acknowledged, 'event')} published for "
            "certain: publish again once it is well, repeats count once"
        ) from error
    finally:
        publisher.close()
    on_acknowledged(publisher.acknowledged)
    return publisher.acknowledged


# --- reading --------------------------------------------------------------------------------------------------------


def _read(files: list[str], forms: Forms, spool: IO[bytes], progress: Progress) -> Reading:
    """Judge every line; the good ones are put aside, since stdin cannot be read twice and a file may change."""
    reading = Reading()
    total = _total_bytes(files)
    task = progress.add_task("checking", total=total)
    seen = 0

    def on_bytes(count: int) -> None:
        nonlocal seen
        seen += count

    for name in files:
        stream, shown = _open(name), "stdin" if name == "-" else name
        try:
            for number, line in enumerate(read_lines(shown, stream, on_bytes, forms)):
                _take(reading, judged(shown, line), spool)
                if number % PROGRESS_EVERY == 0:
                    progress.update(task, completed=seen)
        finally:
            if name != "-":
                stream.close()
    progress.update(task, completed=seen)
    return reading


def _read_ecb(history: ecb.History, reading: Reading, spool: IO[bytes]) -> None:
    """Judge the bank's rates as any file's lines."""
    for line in history.lines():
        _take(reading, judged("European Central Bank", line), spool)


def _take(reading: Reading, judgement: Record | Problem, spool: IO[bytes]) -> None:
    if isinstance(judgement, Problem):
        reading.invalid += 1
        if len(reading.problems) < PROBLEMS_SHOWN:
            reading.problems.append(judgement)
        return
    if judgement.is_policy:
        reading.policies += 1
    else:
        reading.remittances += 1
    # Neither keys (names and uuids) nor lines of JSON can hold a newline, and keys no tab.
    spool.write(b"%c\t%b\t%b\n" % (b"p" if judgement.is_policy else b"r", judgement.key, judgement.value))


def _unspooled(spool: IO[bytes]) -> Iterator[Record]:
    for line in spool:
        kind, key, value = line[:-1].split(b"\t", 2)
        yield Record(kind == b"p", key, value)


def _open(name: str) -> IO[bytes]:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise CliError(f"{name} cannot be read: {error.strerror}") from error


def _total_bytes(files: list[str]) -> int | None:
    if "-" in files:
        return None
    return sum(Path(name).stat().st_size for name in files if Path(name).is_file()) or None


# --- telling --------------------------------------------------------------------------------------------------------


class _Rate(ProgressColumn):
    """How many events a second."""

    def render(self, task: Task) -> Text:
        """Return the rate as text."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


def _progress(*columns: ProgressColumn, shown: bool) -> Progress:
    console = err()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeRemainingColumn(compact=True),
        console=console,
        disable=not (shown and console.is_terminal),
        transient=True,
    )


def checking_progress(*, shown: bool) -> Progress:
    """Return a bar over bytes read."""
    return _progress(DownloadColumn(), TransferSpeedColumn(), shown=shown)


def publishing_progress(*, shown: bool) -> Progress:
    """Return a bar over events acknowledged."""
    return _progress(MofNCompleteColumn(), _Rate(), shown=shown)


def _refuse(reading: Reading, as_json: bool) -> None:
    total = reading.valid + reading.invalid
    if as_json:
        problems = [asdict(problem) for problem in reading.problems]
        write_json({"published": 0, "lines": total, "invalid": reading.invalid, "problems": problems})
    _tell_problems(reading)
    raise CliError(
        f"{counted(reading.invalid, 'line')} of {total:,} invalid, nothing was published; mend them, "
        "or publish the others with --skip-invalid"
    )


def _tell_problems(reading: Reading) -> None:
    for problem in reading.problems:
        err().print(escape(str(problem)))
    if reading.invalid > len(reading.problems):
        err().print(f"… and {reading.invalid - len(reading.problems):,} more")


def _summarise(reading: Reading, seconds: float | None, names: Names, as_json: bool) -> None:
    """Say what was published, in how long; `seconds` None: nothing was, it was only checked."""
    if as_json:
        write_json(
            {
                "published": 0 if seconds is None else reading.valid,
                "remittances": reading.remittances,
                "policies": reading.policies,
                "invalid": reading.invalid,
                "problems": [asdict(problem) for problem in reading.problems],
                "seconds": None if seconds is None else round(seconds, 3),
            }
        )
        return
    _tell_problems(reading)
    where = (
        f"{reading.remittances:,} to {escape(names.remittances)}, "
        f"{reading.policies:,} to {escape(names.policy_changes)}"
        + (f"; {counted(reading.invalid, 'invalid line')} passed over" if reading.invalid else "")
    )
    if seconds is None:
        out().print(f"{counted(reading.valid, 'event')} can be published: {where}; nothing was")
        return
    rate = f"{reading.valid / max(seconds, 0.001):,.0f}/s"
    out().print(f"published {counted(reading.valid, 'event')} in {seconds:.1f} s ({rate}): {where}")
