"""`quotastream kafka start | stop | status`: the embedded broker."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from streams.cli.common import AsJson, err, write_json
from streams.cli.wording import example
from streams.devkafka import broker as devkafka
from streams.devkafka.broker import Broker, BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Report = Callable[[str, float | None], None]

NOT_RUNNING = 3  # what init scripts mean by it

app = typer.Typer(no_args_is_help=True, help="Start, stop and find the embedded Kafka.")

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Folder of the broker's data [default: below the user's data]."),
]


@app.command(epilog=example("quotastream kafka start --data-dir ./kafka --port 9092"))
def start(
    data_dir: DataDir = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=1, max=65_535, help="Port [default: the last one, else a free one]."),
    ] = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and stop the broker at Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start a broker, or find the one that runs on this folder; return once it answers.

    The first start fetches Kafka (45 MB); later ones need no network. KAFKA_HEAP_OPTS sets the broker's memory
    (default -Xmx768m), M2_REPO the folder of the fetched jars.
    """
    with _signals_raise(), ExitStack() as stack:
        found = devkafka.running(data_dir)
        stays = foreground and found is None
        with _progress() as report:
            if stays:
                broker = stack.enter_context(devkafka.session(data_dir, port, progress=report))
            else:
                broker = devkafka.start(data_dir, port, progress=report)
        if not stays:
            _say(broker, "runs" if found is None else "already runs", as_json)
            return
        with suppress(_Stopped):  # it was asked for: the end of a success
            _say(broker, "runs until Ctrl-C", as_json)
            _stay(broker)


@app.command(epilog=example("quotastream kafka stop --data-dir ./kafka"))
def stop(data_dir: DataDir = None) -> None:
    """Stop the broker of this folder cleanly; its data stay.

    Exits with 0 also when none was running.
    """
    typer.echo("Kafka is stopped." if devkafka.stop(data_dir) else "No Kafka was running on this folder.")


@app.command(epilog=example("quotastream kafka status --json"))
def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Tell whether a broker runs on this folder, and where.

    Exits with 0 if one runs, with 3 if none does.
    """
    broker = devkafka.running(data_dir)
    if broker is not None:
        answers = devkafka.answers(broker)
        _say(broker, "runs" if answers else "runs, but does not answer (yet),", as_json, answers=answers)
        return
    if as_json:
        folder = str(devkafka.data_folder(data_dir))
        write_json({**_fields(None), "data_dir": folder, "answers": False})
    else:
        typer.echo("No Kafka runs on this folder; start one with quotastream kafka start")
    raise typer.Exit(NOT_RUNNING)


def _fields(broker: Broker | None) -> dict[str, object]:
    return {
        "running": broker is not None,
        "bootstrap_servers": broker and broker.bootstrap_servers,
        "pid": broker and broker.pid,
        "data_dir": broker and str(broker.data_dir),
        "version": broker and broker.version,
    }


def _say(broker: Broker, what: str, as_json: bool, *, answers: bool = True) -> None:
    if as_json:
        write_json({**_fields(broker), "answers": answers})
    else:
        place = f"{broker.bootstrap_servers} (pid {broker.pid}, data in {broker.data_dir})"
        typer.echo(f"Kafka {broker.version} {what} at {place}")
    sys.stdout.flush()  # with --foreground, whoever reads a pipe is waiting for this line


def _stay(broker: Broker) -> None:
    while devkafka.running(broker.data_dir) == broker:
        time.sleep(0.2)
    raise BrokerError(f"Kafka ended by itself or was stopped by another command; see {broker.data_dir / 'logs'}")


class _Stopped(BaseException):
    """A signal asked this command to end; not an error, and nothing that handles errors should see it."""

    def __init__(self, number: int) -> None:
        self.number = number


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Turn the signals that end a program into an exception, so that what was half started is taken back."""

    def end(number: int, _frame: FrameType | None) -> None:
        for other in handled:  # a second Ctrl-C must not interrupt the stopping that the first one began
            signal.signal(other, signal.SIG_IGN)
        raise _Stopped(number)

    # A signal that is ignored already (nohup) stays so.
    candidates = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handled = [number for number in candidates if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in handled}
    try:
        yield
    except _Stopped as stopped:
        raise typer.Exit(128 + stopped.number) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress() -> Iterator[Report]:
    """Give what shows progress: a bar on a terminal, lines elsewhere; both on the error stream."""
    console = err()
    if not console.is_terminal:
        yield _Lines().report
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, visible=False)

        def report(message: str, fraction: float | None) -> None:
            total = None if fraction is None else 1.0  # without one the bar only shows that something goes on
            bar.update(task, description=message, total=total, completed=fraction or 0.0, visible=True)

        yield report


class _Lines:
    """Progress for a file or a pipe: a line when the message changes, and at every quarter."""

    def __init__(self) -> None:
        self._last: tuple[str, int] | None = None

    def report(self, message: str, fraction: float | None) -> None:
        quarter = int((fraction or 0.0) * 4)
        if (message, quarter) != self._last:
            self._last = (message, quarter)
            typer.echo(message if fraction is None else f"{message}: {quarter * 25} %", err=True)
