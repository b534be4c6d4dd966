"""One worker, put together and run: from the settings to the exit code."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.shell import connection, health, listener, logs, readings, topic_admin
from streams.shell.app import add_agent, make_app
from streams.shell.census import Census
from streams.shell.clock import ClockError, WallClock, standing
from streams.shell.collector import Collector
from streams.shell.folder import Folder
from streams.shell.letterbox import Letterbox
from streams.shell.metrics import Metrics
from streams.shell.outbox import CLIENT_ERRORS, Outbox
from streams.shell.policy_log import PolicyLog
from streams.shell.quick_compression import install_quick_compression
from streams.shell.router import Router
from streams.shell.settings import default_data_dir
from streams.shell.topics import Names
from streams.shell.versions import UnreadableStateError
from streams.shell.watchdog import Watchdog
from streams.shell.workplace import Workplace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streams.core.events import Day
    from streams.shell.clock import DayReached
    from streams.shell.metrics import Readings
    from streams.shell.settings import WorkerSettings

log = logging.getLogger(__name__)

STOP_SECONDS = 8.0
HARD_STOP_SECONDS = 9.0  # within 10 s, also where others use the machine
STARTING = health.Check("worker", False, "starting")
STOPPING = health.Check("worker", False, "stopping")


class WorkerError(Exception):
    """The worker can't run as asked; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A worker that stands on a day: `--as-of`."""

    day: Day
    output_prefix: str = ""


class LogIds(NamedTuple):
    """The topic ids of the internal logs: one that was made anew has another, and offsets in the old say nothing."""

    home: str
    policies: str


def run(settings: WorkerSettings, bootstrap_servers: str, replay: Replay | None = None) -> int:
    """Run a worker until SIGTERM or SIGINT; return the exit code. WorkerError where it can't start."""
    names = Names(settings.prefix, replay is not None, replay.output_prefix if replay else "")
    _prepare_topics(bootstrap_servers, names, settings)
    day_reached = standing(replay.day) if replay else _clock(settings)
    metrics, state = Metrics(), health.Health()
    metrics.show(readings.of_checks(state.readyz()))
    logs.count(lambda level: metrics.log_events.labels(level).inc())
    listener.listen(settings, state)
    with _state_folder(settings.state_dir, names.consumer_group) as folder:
        for pause_seconds in chain((1.0, 2.0, 4.0, 8.0, 16.0), repeat(30.0)):
            worker = Worker(settings, bootstrap_servers, names, day_reached, metrics, state, folder)
            if _run_in_loop(worker):
                return 0
            log.error("the worker starts anew in %.0f s", pause_seconds)
            state.pause(pause_seconds, "starts anew")
            metrics.restarts.inc()
            metrics.show(readings.of_checks(state.readyz()))
            time.sleep(pause_seconds)
    raise AssertionError  # the pauses never end


def _run_in_loop(worker: Worker) -> bool:
    """Run a worker in a loop of its own; return whether it was asked to stop (else it has to start anew)."""
    import uvloop  # noqa: PLC0415  not on every platform; the default loop serves as well, slower

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(worker.run())
    except (*CLIENT_ERRORS, topic_admin.TopicAdminError, connection.UnreachableError) as error:
        log.error("the worker ended: %r", error)
        return False
    finally:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # between two runs nothing is begun


def _clock(settings: WorkerSettings) -> DayReached:
    clock = WallClock(settings.settle_seconds, settings.clock_file)
    try:
        clock()
    except ClockError as error:
        raise WorkerError(str(error)) from error
    return clock


def _prepare_topics(bootstrap_servers: str, names: Names, settings: WorkerSettings) -> None:
    """Create what is missing, say what differs."""
    with topic_admin.admin_client(bootstrap_servers) as admin:
        if names.replay and not names.output_prefix:
            _refuse_where_live(admin, names)
        missing = [d for d in topic_admin.check(admin, names) if d.found is None]
        if missing:
            topic_admin.create_missing(admin, names, settings.partitions)
        for difference in topic_admin.check(admin, names):
            if difference.fatal:
                raise WorkerError(str(difference))
            log.warning("%s", difference)


def _read_log_ids(bootstrap_servers: str, names: Names) -> LogIds:
    """Return which logs these are. At each start, for a rebuild may have made them anew since the one before."""
    with topic_admin.admin_client(bootstrap_servers) as admin:
        topics = topic_admin.describe(admin, [names.home, names.policies])
    if any(topic["error_code"] for topic in topics):
        raise topic_admin.TopicAdminError("an internal log is missing: is a rebuild under way?")
    ids = {topic["name"]: str(topic["topic_id"]) for topic in topics}
    return LogIds(ids[names.home], ids[names.policies])


def _refuse_where_live(admin: Any, names: Names) -> None:
    live = Names(names.prefix).told
    found = topic_admin.describe(admin, [live])[0]
    if found["error_code"]:
        return
    from kafka import KafkaConsumer  # noqa: PLC0415
    from kafka import TopicPartition as Tp  # noqa: PLC0415

    consumer = connection.opened(KafkaConsumer, admin.config["bootstrap_servers"])
    try:
        ends = consumer.end_offsets([Tp(live, p["partition_index"]) for p in found["partitions"]])
    finally:
        consumer.close()
    if any(ends.values()):
        raise WorkerError("a live worker has written to the usual outputs: give --output-prefix, to replay beside it")


@contextmanager
def _state_folder(named: Path | None, consumer_group: str) -> Iterator[Path]:
    """Hold a folder for this process's local stores alone: the named one, or the first that is free of the user's."""
    if named is not None:
        with _lock(named, consumer_group) as is_mine:
            if not is_mine:
                raise WorkerError(f"another worker uses the state folder {named}: give another with --state-dir")
            yield named
        return
    for number in count(1):
        folder = default_data_dir() / "state" / f"{consumer_group}-{number}"
        with _lock(folder, consumer_group) as is_mine:
            if is_mine:
                yield folder
                return


@contextmanager
def _lock(folder: Path, consumer_group: str) -> Iterator[bool]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / f"{consumer_group}.lock").open("w")
    except OSError as error:
        raise WorkerError(f"the state folder {folder} can't be used ({error.strerror}): give --state-dir") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


class Worker:
    """The parts of a worker, and their order of starting and stopping."""

    def __init__(
        self, settings: WorkerSettings, bootstrap_servers: str, names: Names, day_reached: DayReached,
        metrics: Metrics, state: health.Health, state_folder: Path,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._bootstrap_servers = bootstrap_servers
        self._names = names
        self._metrics = metrics
        self._health = state
        self._state_folder = state_folder
        self._day_reached = day_reached
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._assess: Callable[[], list[health.Check]] = lambda: [STARTING]
        self._read: Callable[[], Readings] = dict
        self._known: Callable[[], int] = lambda: 0

    async def run(self) -> bool:
        """Run until a signal (True), or until something fails that only a new start mends (False)."""
        install_quick_compression()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop)
        self._tasks.append(asyncio.ensure_future(self._beat_forever(Collector())))
        log_ids = await asyncio.to_thread(_read_log_ids, self._bootstrap_servers, self._names)
        outbox = Outbox(self._bootstrap_servers, self._names.consumer_group)
        await outbox.start()
        app = make_app(self._names, self._settings, self._bootstrap_servers, self._state_folder)
        place, folder = await self._put_together(app, outbox, log_ids)
        try:
            await app.start()
            log.info("worker ready")
            watchdog = Watchdog(app.consumer, folder.progress)
            self._assess = lambda: health.assess(watchdog, self._names.home, folder.standing(), time.monotonic())
            self._read = lambda: readings.of_worker(place, app.consumer, watchdog, folder, outbox.broker_time)
            self._known = lambda: len(place.policy_log.book) + folder.accounts_at_hand()
            return await self._until_stopped(app, folder, watchdog)
        finally:
            await self._shut_down(app, folder, outbox)

    async def _put_together(self, app: Any, outbox: Outbox, log_ids: LogIds) -> tuple[Workplace, Folder]:
        names, consumer, metrics = self._names, app.consumer, self._metrics
        letterbox = self._letterbox = Letterbox(self._bootstrap_servers, names, metrics)
        router = Router(names, outbox, letterbox, consumer, metrics)
        await router.start()
        policy_log = PolicyLog(
            self._bootstrap_servers,
            names,
            lambda *news: folder.policies_changed(*news),  # noqa: PLW0108  the folder comes later
        )
        place = Workplace(
            names, self._bootstrap_servers, await outbox.partitions(names.home), log_ids.policies,
            await self._input_ends(outbox), self._day_reached, policy_log, router, metrics, consumer.prove_membership,
            lambda: consumer.waiting_records, Census(self._settings.metrics_per_group),
        )  # fmt: skip
        consumer.on_commit = metrics.commit_seconds.observe
        folder = Folder(place, consumer, self._state_folder, log_ids.home)
        consumer.in_blocks = names.remittances
        consumer.start_offsets = folder.start_offsets
        router.on_logged = folder.logged
        add_agent(app, "router", names.inputs, router.route)
        add_agent(app, "folder", (names.home,), folder.fold)
        self._tasks += [asyncio.ensure_future(policy_log.run()), asyncio.ensure_future(router.stamp_forever())]
        return place, folder

    async def _input_ends(self, outbox: Outbox) -> dict[tuple[str, int], int]:
        """Return where the inputs end now: nothing is told before all of that was folded."""
        consumer = AIOKafkaConsumer(
            **connection.aiokafka(self._bootstrap_servers), group_id=None, isolation_level="read_committed"
        )
        ends: dict[tuple[str, int], int] = {}
        async with connection.started(consumer):
            for kind, topic in zip(("remittances", "policy-changes"), self._names.inputs, strict=True):
                partitions = [TopicPartition(topic, p) for p in range(await outbox.partitions(topic))]
                found = await consumer.end_offsets(partitions)
                ends |= {(kind, tp.partition): end for tp, end in found.items()}
        return ends

    async def _beat_forever(self, collector: Collector) -> None:
        while True:
            self._health.beat([STOPPING] if self._stop.is_set() else self._assess())
            self._metrics.show(readings.of_checks(self._health.readyz()) | self._read())
            collector.look(self._known())
            logs.look()
            await asyncio.sleep(health.BEAT_SECONDS)

    async def _until_stopped(self, app: Any, folder: Folder, watchdog: Watchdog) -> bool:
        stop, crash = asyncio.ensure_future(self._stop.wait()), asyncio.ensure_future(app._crashed.wait())  # noqa: SLF001
        watch = asyncio.ensure_future(watchdog.run())
        parts = {*self._tasks, folder.failed}
        done, pending = await asyncio.wait({stop, crash, watch, *parts}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in {stop, crash, watch} & pending:
            waiting.cancel()
        if stop in done:
            return True
        if watch in done:
            log.error("%s", watch.result())
        if crash in done:
            log.error("Faust crashed: %r", app.crash_reason)
        for part in done & parts:
            if isinstance(error := part.exception(), UnreadableStateError):
                raise error  # a new start would find the same
            log.error("a part of the worker ended", exc_info=part.exception())
        return False

    def _asked_to_stop(self) -> None:
        self._stop.set()
        # A client that waits for a broker for ever must not keep the process: what is unfinished is read again.
        hard_stop = threading.Timer(HARD_STOP_SECONDS, os._exit, (0,))
        hard_stop.daemon = True
        hard_stop.start()

    async def _shut_down(self, app: Any, folder: Folder, outbox: Outbox) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                app.consumer.stop_flow()
                await app.consumer.quiesce()  # before Faust clears the agents' queues, and with them what was begun
                await app.stop()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await folder.stop()
                await self._letterbox.stop()
                await outbox.stop()
        except TimeoutError:
            for task in asyncio.all_tasks():
                log.warning("still running at the end: %r", task)
