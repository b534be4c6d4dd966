"""`quotastream demo`: a Kafka, a worker, the page and a made-up year, from nothing to a table of who is behind."""

from __future__ import annotations

import contextlib
import secrets
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from kafka.errors import KafkaError
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from streams import synthetic
from streams.cli.common import BootstrapServers, err, out, quiet_kafka_client, require_no_access_settings, table_out
from streams.cli.demo_processes import Process, address_of, start_page, start_worker
from streams.cli.event_files import Record
from streams.cli.outputs import as_they_come, consumer, newest_by_key, waiting
from streams.cli.publish import send
from streams.cli.status import choose, footer, table
from streams.cli.watch import alert_line
from streams.cli.wording import counted, example
from streams.devkafka import broker as devkafka
from streams.shell.connection import UnreachableError
from streams.shell.settings import default_data_dir
from streams.shell.topic_admin import TopicAdminError, admin_client, create_missing
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.cli.status import Status

    Show = Callable[[str, float | None], None]

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
STUCK_AFTER_S = 120.0
LOOK_AGAIN_S = 0.1
SETTLED_AFTER_S = 1.5  # where days passed by, the last may be told a moment after all money is


@dataclass(frozen=True)
class Year:
    """The made-up year, ready to publish, and what a worker has to come to."""

    records: list[Record]
    days: list[date]  # of each record: the day that is reached when it becomes known
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
    """Run Kafka, a worker, the page and a made-up year at high speed; show who is behind.

    Without --bootstrap-servers the Kafka is an embedded one of its own. On a terminal the year passes by week by
    week, to be seen on the page, and it stays until Ctrl-C, so that you can publish to it; its topics are deleted at
    the end.
    """
    quiet_kafka_client()
    names = Names(prefix=f"demo-{secrets.token_hex(4)}-")
    plays = sys.stdout.isatty() and not once
    with contextlib.ExitStack() as stack:
        stack.enter_context(_signals_interrupt())
        with _progress() as show:
            address = _kafka(stack, bootstrap_servers, data_dir, show)
            _make_topics(stack, address, names)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quotastream-demo-")))
            clock = Clock(folder / "clock", date(year, 1, 1) if plays else date(year, *AS_OF_MONTH_AND_DAY))
            page = start_page(address, names, clock.file, folder)
            stack.callback(page.stop)
            show("starting the page", None)
            url = address_of(page)
            out().print(f"the page, live: [bold]{url}[/]", soft_wrap=True)
            show("making up a year", None)
            made_up = make_up(seed, groups, remittances, year)
            # Unless it is to be seen how the year passes, nothing is told of a year that is half known.
            if not plays:
                _publish(address, names, made_up, show)
            worker = start_worker(address, names, clock.file, folder)
            stack.callback(worker.stop)
            if plays:
                _play(address, names, made_up, worker, clock, show)
            statuses = _await_worker(address, names, made_up, worker, show)
        _tell(address, names, statuses)
        if not plays:
            out().print(HOW_TO_GO_ON)
            return
        with contextlib.suppress(KeyboardInterrupt):
            _stay(address, names, url, worker, page)


# --- making it up ---------------------------------------------------------------------------------------------------


def make_up(seed: int, groups: int, remittances: int, plan_year: int) -> Year:
    """Return a made-up year as records, and what follows from it that a worker's output can be held against."""
    as_of = date(plan_year, *AS_OF_MONTH_AND_DAY)
    records, days, counting, reversed_ids = [], [date(plan_year, 1, 1)], set(), set()
    for message in synthetic.year(seed, groups, remittances, plan_year):
        is_policy = "policy_id" in message
        key = message["policy_id"] if is_policy else message["group_id"]
        records.append(Record(is_policy, key.encode(), msgspec.json.encode(message)))
        days.append(min(as_of, max(days[-1], _utc_day(message["issued_at" if is_policy else "occurred_at"]))))
        if message["type"] == "reversal":
            reversed_ids.add(message["reverses"])
        elif message["type"] == "remittance" and _utc_day(message["occurred_at"]) <= as_of:
            counting.add(message["event_id"])
    return Year(records, days[1:], groups, len(counting - reversed_ids), as_of)


def _utc_day(time_text: str) -> date:
    return datetime.fromisoformat(time_text).astimezone(UTC).date()


# --- Kafka and the worker -------------------------------------------------------------------------------------------


def _kafka(stack: contextlib.ExitStack, given: str | None, data_dir: Path | None, show: Show) -> str:
    if given:
        return given
    require_no_access_settings()
    folder = data_dir or default_data_dir() / "demo-kafka"
    return stack.enter_context(devkafka.session(folder, progress=show)).bootstrap_servers


def _make_topics(stack: contextlib.ExitStack, address: str, names: Names) -> None:
    with admin_client(address) as admin:
        stack.callback(_take_away, address, names)
        create_missing(admin, names)


def _publish(address: str, names: Names, made_up: Year, show: Show) -> None:
    total = len(made_up.records)
    send(address, names, made_up.records, lambda done: show("publishing", done / total))


def _take_away(address: str, names: Names) -> None:
    """Delete what the demo made in Kafka; a Kafka that is gone by then took it along, or keeps it."""
    with contextlib.suppress(TopicAdminError, UnreachableError), admin_client(address) as admin:
        admin.delete_topics([topic for topic in admin.list_topics() if topic.startswith(names.prefix)])
        admin.delete_groups([names.consumer_group])


class Clock:
    """The demo's clock: noon of a day, in a file that the worker and the page read."""

    def __init__(self, file: Path, day: date) -> None:
        self.file = file
        self.move(day)

    def move(self, day: date) -> None:
        """Let it be another day; at once, so that nobody reads half of it."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{day}T12:00:00Z")
        fresh.replace(self.file)


class Patience:
    """Ends the wait for a worker that ended, or that stands still."""

    def __init__(self, worker: Process) -> None:
        self._worker = worker
        self._best, self._since = -1, time.monotonic()

    def see(self, done: int) -> None:
        """Take note of how far it is; CliError where that leads nowhere."""
        if not self._worker.alive:
            raise self._worker.failure()
        if done != self._best:
            self._best, self._since = done, time.monotonic()
        elif time.monotonic() - self._since > STUCK_AFTER_S:
            raise self._worker.failure("stands still")


def _play(address: str, names: Names, made_up: Year, worker: Process, clock: Clock, show: Show) -> None:
    """Let the year pass by: publish what becomes known in a week, and once that is taken in let the week be over."""
    sent = 0
    with admin_client(address) as admin:
        for _, week in groupby(zip(made_up.days, made_up.records, strict=True), key=lambda one: _week(one[0])):
            days, records = zip(*week, strict=True)
            send(address, names, list(records), lambda _: None)
            sent += len(records)
            patience = Patience(worker)
            while (taken_in := _routed(admin, names)) < sent:
                patience.see(taken_in)
                time.sleep(LOOK_AGAIN_S)
            clock.move(days[-1])
            show(f"the year passes: {days[-1]:%d %b}", sent / len(made_up.records))
    clock.move(made_up.as_of)


def _week(day: date) -> int:
    return day.timetuple().tm_yday // 7


def _await_worker(address: str, names: Names, made_up: Year, worker: Process, show: Show) -> list[Status]:
    """Return the statuses once they account for every remittance; a worker that ended or stands still is an error."""
    newest: dict[str, Status] = {}
    patience, came_at = Patience(worker), time.monotonic()
    with consumer(address, names.status) as client, admin_client(address) as admin:
        while True:
            came = {output.key: output.body for output in waiting(client) if output.body is not None}
            if came:
                newest, came_at = newest | came, time.monotonic()
            accounted = sum(status["remittance_count"] for status in newest.values())
            all_told = accounted == made_up.counted_remittances and len(newest) >= made_up.groups
            if all_told and time.monotonic() - came_at > SETTLED_AFTER_S:
                return list(newest.values())
            done = _routed(admin, names) + accounted
            patience.see(done)
            # Telling comes after routing and folding, and costs about as much.
            show("worker catching up", done / (len(made_up.records) + made_up.counted_remittances))


def _routed(admin: Any, names: Names) -> int:
    """Return how many of the published events the worker has taken in for certain."""
    try:
        offsets = admin.list_group_offsets(names.consumer_group)[names.consumer_group]
    except KafkaError:  # a new Kafka has nowhere to keep offsets until the first worker asks for it
        return 0
    return sum(at.offset for partition, at in offsets.items() if partition.topic in names.inputs and at.offset > 0)


# --- telling --------------------------------------------------------------------------------------------------------


def _tell(address: str, names: Names, statuses: list[Status]) -> None:
    chosen = choose(statuses, None, None, set())
    shown = chosen[:BEHIND_SHOWN]
    out().print(f"[bold]who is behind[/] (the first {len(shown)} of {counted(len(chosen), 'group')})")
    console = table_out()
    console.print(table(shown, console.width))
    out().print(footer(chosen))
    alerts = [one for one in newest_by_key(address, names.alerts).values() if one["transition"] != "retracted"]
    alerts.sort(key=lambda alert: (alert["on_day"], alert["group_id"]))
    out().print(f"\n[bold]the last alerts[/] (of {counted(len(alerts), 'episode')})")
    for alert in alerts[-ALERTS_SHOWN:]:
        out().print(alert_line(alert))


def _stay(address: str, names: Names, url: str, worker: Process, page: Process) -> None:
    """Show how to go on, then alerts as they come, until Ctrl-C."""
    where = f"--bootstrap-servers {address} --prefix {names.prefix}"
    console = out()
    console.print(f"\nThe page is at [bold]{url}[/]", soft_wrap=True)
    console.print(f"Kafka listens at {address}, and the worker stands on its day. In another terminal:")
    for command in (f"status GROUP {where}", f"watch --from-start {where}", f"publish FILE {where}"):
        console.print(f"  quotastream {escape(command)}", soft_wrap=True)
    console.print("Alerts that come of it are shown here. Ctrl-C ends the demo and deletes its topics.")
    with consumer(address, names.alerts) as client:
        client.seek_to_end()
        for output in as_they_come(client, lambda: worker.alive and page.alive):
            if output.body is not None:
                console.print(alert_line(output.body))
    raise (page if worker.alive else worker).failure()


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
def _progress() -> Iterator[Show]:
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
