"""`quotastream publish`: events from files to the input topics, nothing if any of them is bad."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer
from kafka import KafkaProducer
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
    counted,
    err,
    example,
    installation,
    out,
    quiet_kafka_client,
    require_topics,
    write_json,
)
from streams.cli.event_files import Problem, Record, judged, read_lines
from streams.shell import connection
from streams.shell.topic_admin import admin_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kafka.producer.future import FutureRecordMetadata
    from rich.progress import Task

    from streams.shell.topics import Names

EXAMPLES = example(
    "quotastream publish policies.jsonl remittances.csv",
    "gunzip -c 2026.jsonl.gz | quotastream publish -",
    "quotastream publish --ecb --base USD --since 2026-01-01",
)
PROBLEMS_SHOWN = 10
SPOOL_IN_MEMORY_BYTES = 64 << 20
UNDER_WAY_AT_MOST = 50_000
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
        list[str] | None, typer.Argument(metavar="FILE", help="JSON lines or CSV; - for stdin.", show_default=False)
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Publish the good lines all the same.")
    ] = False,
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

    CSV: the header names the fields; an empty cell is an absent field; without a column `type` every line is a
    remittance; parts of a field have columns of their own: scope.region, scope.all, scope.group_id, pace.kind.
    Publishing anything twice harms nothing: the same event again counts once.
    """
    if not files and not with_ecb:
        raise CliError("name a FILE to publish (- for stdin), or give --ecb (see quotastream publish --help)", 2)
    history = ecb.History(ecb.require_base(base), a_day(since), a_day(until)) if with_ecb else None
    quiet_kafka_client()
    names = installation(prefix)
    address = broker_address(bootstrap_servers)
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY_BYTES) as spool:
        with checking_progress(shown=not as_json) as progress:
            reading = _read(files or [], spool, progress)
            if history is not None:
                _read_ecb(history, reading, spool)
        if reading.invalid and not skip_invalid:
            _refuse(reading, as_json)
        with admin_client(address) as admin:
            require_topics(admin, list(names.inputs))
        spool.seek(0)
        began = time.monotonic()
        with publishing_progress(shown=not as_json) as progress:
            task = progress.add_task("publishing", total=reading.valid)
            send(address, names, _unspooled(spool), lambda count: progress.update(task, completed=count))
    _summarise(reading, time.monotonic() - began, names, as_json)


def send(address: str, names: Names, records: Iterable[Record], on_acknowledged: Callable[[int], None]) -> int:
    """Send records and return how many once every one of them is acknowledged by all in-sync replicas."""
    producer = connection.opened(
        KafkaProducer,
        address,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=20,
        batch_size=256 << 10,
        max_block_ms=30_000,
        allow_auto_create_topics=False,
        request_timeout_ms=20_000,
        delivery_timeout_ms=30_000,
        metrics_enabled=False,
    )
    waiting = _Waiting(on_acknowledged)
    try:
        for record in records:
            topic = names.policy_changes if record.is_policy else names.remittances
            waiting.add(producer.send(topic, key=record.key, value=record.value))
        producer.flush()
        waiting.finish()
    except KafkaError as error:
        raise CliError(
            f"Kafka did not take everything ({error}); {counted(waiting.acknowledged, 'event')} published for "
            "certain: publish again once it is well, repeats count once"
        ) from error
    finally:
        _close(producer)
    return waiting.acknowledged


def _close(producer: KafkaProducer) -> None:
    """Close a producer at once: on success nothing waits any more, and otherwise there is no use in waiting."""
    try:
        producer.close(timeout=0)
    except KafkaError:  # it would wait for what cannot be sent, now and when it is collected
        producer._sender.force_close()  # noqa: SLF001
        producer._closed = True  # noqa: SLF001


class _Waiting:
    """The sends whose outcome is not known yet; none is forgotten, and a failed one is raised."""

    def __init__(self, on_acknowledged: Callable[[int], None]) -> None:
        self.acknowledged = 0
        self._futures: deque[FutureRecordMetadata] = deque()
        self._on_acknowledged = on_acknowledged
        self._reported = 0

    def add(self, future: FutureRecordMetadata) -> None:
        """Take one more; waits where too many are under way, for the client itself buffers without limit."""
        self._futures.append(future)
        while self._futures and (self._futures[0].is_done or len(self._futures) > UNDER_WAY_AT_MOST):
            self._take_first()

    def finish(self) -> None:
        """Wait for all."""
        while self._futures:
            self._take_first()
        self._on_acknowledged(self.acknowledged)

    def _take_first(self) -> None:
        self._futures.popleft().get()
        self.acknowledged += 1
        if self.acknowledged - self._reported >= PROGRESS_EVERY:
            self._reported = self.acknowledged
            self._on_acknowledged(self.acknowledged)


# --- reading --------------------------------------------------------------------------------------------------------


def _read(files: list[str], spool: IO[bytes], progress: Progress) -> Reading:
    """Judge every line; the good ones are put aside, since stdin cannot be read twice and a file may change."""
    reading = Reading()
    total = _total_bytes(files)
    task = progress.add_task("checking", total=total)
    seen = 0

    def on_bytes(count: int) -> None:
        nonlocal seen
        seen += count

    for name in files:
        stream = _open(name)
        try:
            for number, line in enumerate(read_lines("stdin" if name == "-" else name, stream, on_bytes)):
                _take(reading, judged("stdin" if name == "-" else name, line), spool)
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


def _summarise(reading: Reading, seconds: float, names: Names, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "published": reading.valid,
                "remittances": reading.remittances,
                "policies": reading.policies,
                "invalid": reading.invalid,
                "problems": [asdict(problem) for problem in reading.problems],
                "seconds": round(seconds, 3),
            }
        )
        return
    _tell_problems(reading)
    out().print(
        f"published {counted(reading.valid, 'event')} in {seconds:.1f} s "
        f"({reading.valid / max(seconds, 0.001):,.0f}/s): {reading.remittances:,} to {escape(names.remittances)}, "
        f"{reading.policies:,} to {escape(names.policy_changes)}"
        + (f"; {counted(reading.invalid, 'invalid line')} passed over" if reading.invalid else "")
    )
