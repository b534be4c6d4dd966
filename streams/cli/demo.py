"""`quotastream demo`: a Kafka, a worker and a made-up year, from nothing to a table of who is behind."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from kafka.errors import KafkaError
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from streams import synthetic
from streams.cli.common import (
    BootstrapServers,
    CliError,
    counted,
    err,
    example,
    out,
    quiet_kafka_client,
    require_no_access_settings,
    table_out,
)
from streams.cli.event_files import Record
from streams.cli.outputs import as_they_come, consumer, newest_by_key, waiting
from streams.cli.publish import send
from streams.cli.status import choose, footer, table
from streams.cli.watch import alert_line
from streams.devkafka import broker as devkafka
from streams.shell import connection
from streams.shell.connection import UnreachableError
from streams.shell.setting_sources import CONFIG_FILE, PREFIX, variable_of
from streams.shell.settings import default_data_dir
from streams.shell.topic_admin import TopicAdminError, admin_client, create_missing
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.cli.status import Status

EXAMPLES = example("quotastream demo", "quotastream demo --once --groups 12 --remittances 5000")
AS_OF_MONTH_AND_DAY = (
    12,
    15,
)  # late enough that the year has a story, early enough that "behind" still means something
HOW_TO_GO_ON = """
`quotastream demo` on a terminal, without --once, keeps all of this running. With groups of your own:
  quotastream kafka start
  quotastream topics create
  quotastream worker
and in another terminal:
  quotastream publish FILE
  quotastream watch --from-start"""
BEHIND_SHOWN = 15
ALERTS_SHOWN = 8
LOG_NAME = "worker.log"
STUCK_AFTER_S = 120.0
WORKER_ENDS_WITHIN_S = 15.0


@dataclass(frozen=True)
class Year:
    """The made-up year, ready to publish, and what a worker has to come to."""

    records: list[Record]
    groups: int
    counted_remittances: int  # known, not taken back, not after the day reached
    as_of: date


def demo(
    bootstrap_servers: BootstrapServers = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="Folder of its own Kafka [default: in the user's data]."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End after the tables, and leave nothing running.")] = False,
    groups: Annotated[int, typer.Option("--groups", min=1, max=5_000)] = 40,
    remittances: Annotated[int, typer.Option("--remittances", min=1, max=5_000_000)] = 50_000,
    seed: Annotated[int, typer.Option("--seed", help="Another number makes up another year.")] = 1,
    year: Annotated[int, typer.Option("--year", min=2001, max=2099, help="The plan year.")] = 2026,
) -> None:
    """Run Kafka, a worker and a made-up year at high speed; show who is behind.

    Without --bootstrap-servers the Kafka is an embedded one of its own.
    On a terminal it stays until Ctrl-C, so that you can publish to it; its topics are deleted at the end.
    """
    quiet_kafka_client()
    names = Names(prefix=f"demo-{secrets.token_hex(4)}-", replay=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_signals_interrupt())
        with _progress() as show:
            address = _kafka(stack, bootstrap_servers, data_dir, show)
            show("making up a year", None)
            made_up = make_up(seed, groups, remittances, year)
            _publish(stack, address, names, made_up, show)
            # The worker comes after the year is there, so that nothing is told of a year that is half known.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quotastream-demo-")))
            worker = _start_worker(address, names, made_up.as_of, folder)
            stack.callback(_stop_worker, worker)
            statuses = _await_worker(address, names, made_up, worker, folder, show)
        _tell(address, names, statuses)
        if once or not sys.stdout.isatty():
            out().print(HOW_TO_GO_ON)
            return
        with contextlib.suppress(KeyboardInterrupt):
            _stay(address, names, worker)


# --- making it up ---------------------------------------------------------------------------------------------------


def make_up(seed: int, groups: int, remittances: int, plan_year: int) -> Year:
    """Return a made-up year as records, and what follows from it that a worker's output can be held against."""
    as_of = date(plan_year, *AS_OF_MONTH_AND_DAY)
    records, counting, reversed_ids = [], set(), set()
    for message in synthetic.year(seed, groups, remittances, plan_year):
        is_policy = "policy_id" in message
        key = message["policy_id"] if is_policy else message["group_id"]
        records.append(Record(is_policy, key.encode(), msgspec.json.encode(message)))
        if message["type"] == "reversal":
            reversed_ids.add(message["reverses"])
        elif message["type"] == "remittance" and _utc_day(message["occurred_at"]) <= as_of:
            counting.add(message["event_id"])
    return Year(records, groups, len(counting - reversed_ids), as_of)


def _utc_day(time_text: str) -> date:
    return datetime.fromisoformat(time_text).astimezone(UTC).date()


# --- Kafka and the worker -------------------------------------------------------------------------------------------


def _kafka(
    stack: contextlib.ExitStack, given: str | None, data_dir: Path | None, show: Callable[[str, float | None], None]
) -> str:
    if given:
        return given
    require_no_access_settings()
    folder = data_dir or default_data_dir() / "demo-kafka"
    return stack.enter_context(devkafka.session(folder, progress=show)).bootstrap_servers


def _publish(
    stack: contextlib.ExitStack, address: str, names: Names, made_up: Year, show: Callable[[str, float | None], None]
) -> None:
    with admin_client(address) as admin:
        stack.callback(_take_away, address, names)
        create_missing(admin, names)
    total = len(made_up.records)
    send(address, names, made_up.records, lambda done: show("publishing", done / total))


def _take_away(address: str, names: Names) -> None:
    """Delete what the demo made in Kafka; a Kafka that is gone by then took it along, or keeps it."""
    with contextlib.suppress(TopicAdminError, UnreachableError), admin_client(address) as admin:
        admin.delete_topics([topic for topic in admin.list_topics() if topic.startswith(names.prefix)])
        admin.delete_groups([names.consumer_group])


# On Linux the kernel ends the worker when the demo dies without a chance to do so itself (1: PR_SET_PDEATHSIG).
WORKER_PROGRAM = """
import ctypes, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
from streams.cli.main import main
main()
"""


def _start_worker(address: str, names: Names, as_of: date, folder: Path) -> subprocess.Popen[bytes]:
    arguments = ["worker", "--as-of", as_of.isoformat(), "--bootstrap-servers", address, "--prefix", names.prefix]
    command = [sys.executable, "-c", WORKER_PROGRAM, *arguments, "--state-dir", str(folder / "state")]
    # But for the way to Kafka, whatever is set for a worker of one's own is not meant for the demo's.
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    own |= connection.environment() | {variable_of(CONFIG_FILE): os.devnull}
    with (folder / LOG_NAME).open("wb") as log:
        # A session of its own: Ctrl-C is for the demo, which then stops the worker.
        return subprocess.Popen(
            command, env=own, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def _stop_worker(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(WORKER_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


def _await_worker(
    address: str,
    names: Names,
    made_up: Year,
    worker: subprocess.Popen[bytes],
    folder: Path,
    show: Callable[[str, float | None], None],
) -> list[Status]:
    """Return the statuses once they account for every remittance; a worker that ended or stands still is an error."""
    newest: dict[str, Status] = {}
    best, since = -1, time.monotonic()
    with consumer(address, names.status) as client, admin_client(address) as admin:
        while True:
            newest |= {output.key: output.body for output in waiting(client) if output.body is not None}
            accounted = sum(status["remittance_count"] for status in newest.values())
            if accounted == made_up.counted_remittances and len(newest) >= made_up.groups:
                return list(newest.values())
            if worker.poll() is not None:
                raise CliError(f"the worker ended with {worker.returncode}: {_last_line(folder / 'worker.log')}")
            done = _routed(admin, names) + accounted
            if done != best:
                best, since = done, time.monotonic()
            elif time.monotonic() - since > STUCK_AFTER_S:
                raise CliError(f"the worker stands still: {_last_line(folder / 'worker.log')}")
            # Telling comes after routing and folding, and costs about as much.
            show("worker catching up", done / (len(made_up.records) + made_up.counted_remittances))


def _routed(admin: Any, names: Names) -> int:
    """Return how many of the published events the worker has taken in for certain."""
    try:
        offsets = admin.list_group_offsets(names.consumer_group)[names.consumer_group]
    except KafkaError:  # a new Kafka has nowhere to keep offsets until the first worker asks for it
        return 0
    return sum(at.offset for partition, at in offsets.items() if partition.topic in names.inputs and at.offset > 0)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


# --- telling --------------------------------------------------------------------------------------------------------


def _tell(address: str, names: Names, statuses: list[Status]) -> None:
    chosen = choose(statuses, None, None, set())
    shown = chosen[:BEHIND_SHOWN]
    out().print(f"[bold]who is behind[/] (the first {len(shown)} of {counted(len(chosen), 'group')})")
    console = table_out()
    console.print(table(shown, console.width))
    out().print(footer(chosen))
    alerts = list(newest_by_key(address, names.alerts).values())
    alerts.sort(key=lambda alert: (alert["on_day"], alert["group_id"]))
    out().print(f"\n[bold]the last alerts[/] (of {counted(len(alerts), 'episode')})")
    for alert in alerts[-ALERTS_SHOWN:]:
        out().print(alert_line(alert))


def _stay(address: str, names: Names, worker: subprocess.Popen[bytes]) -> None:
    """Show how to go on, then alerts as they come, until Ctrl-C."""
    where = f"--bootstrap-servers {address} --prefix {names.prefix}"
    console = out()
    console.print(f"\nKafka listens at {address}, and the worker stands on its day. In another terminal:")
    for command in (f"status GROUP {where}", f"watch --from-start {where}", f"publish FILE {where}"):
        console.print(f"  quotastream {escape(command)}", soft_wrap=True)
    console.print("Alerts that come of it are shown here. Ctrl-C ends the demo and deletes its topics.")
    with consumer(address, names.alerts) as client:
        client.seek_to_end()
        for output in as_they_come(client, lambda: worker.poll() is None):
            if output.body is not None:
                console.print(alert_line(output.body))
    raise CliError(f"the worker ended with {worker.returncode}; start the demo again")


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the demo as Ctrl-C does, so that it leaves no process and no topic behind."""

    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, float | None], None]]:
    """Give what shows progress: a bar on a terminal, a line for each step elsewhere; both on stderr."""
    console = err()
    said: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None, visible=False)

        def show(message: str, fraction: float | None) -> None:
            bar.update(
                task,
                description=message,
                total=None if fraction is None else 1.0,
                completed=fraction or 0.0,
                visible=bool(message),
            )
            if not console.is_terminal and message and message not in said:
                said.append(message)
                console.print(message)

        yield show
