"""What fault experiments share: workers that can be hurt, producers that note what Kafka acknowledged, a comparison.

An experiment publishes a known history during a fault; what was told must then equal what the naive model says.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from confluent_kafka import Producer as LibrdkafkaProducer
from kafka import KafkaProducer

from tests.model import naive
from tests.reading import read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from streams.shell.topics import Names
    from tests.faults.hosts import Host

QUOTASTREAM = Path(sys.executable).with_name("quotastream")
ROOT = Path(__file__).parents[2]
READY = "worker ready"
SESSION_SECONDS = 3.0
MONEY = ("remittance", "reversal")


class Lateness:
    """How long the machine kept this process from turning meanwhile, which says nothing of the worker."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sleep_and_look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _sleep_and_look(self) -> None:
        while not self._ended.is_set():
            since = time.monotonic()
            time.sleep(0.02)
            self.seconds += max(0.0, time.monotonic() - since - 0.02)


class WorkerProcess:
    """A real `quotastream worker`, in a process of its own, on a clock that the experiment moves."""

    def __init__(self, bootstrap_servers: str, prefix: str, folder: Path, name: str, day: date) -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.clock = folder / "clock"
        self.clock.write_text(f"{day.isoformat()}T12:00:00+00:00")
        self.log = self.folder / "log"
        self._arguments = [
            str(QUOTASTREAM), "worker", "--bootstrap-servers", bootstrap_servers, "--prefix", prefix,
            "--state-dir", str(self.folder / "state"),
        ]  # fmt: skip
        self._environment = os.environ | {
            "QUOTASTREAM_CLOCK_FILE": str(self.clock),
            "QUOTASTREAM_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._starts = 0  # how often it was ready before its last start

    def set(self, **settings: str) -> WorkerProcess:
        """Give it settings of its own, by their names in lower case."""
        self._environment = self._environment | {f"QUOTASTREAM_{k.upper()}": v for k, v in settings.items()}
        return self

    def wounded(self, wound: str) -> WorkerProcess:
        """Make it one that is hurt from inside, in one of the ways of `tests.faults.hurt_worker`."""
        self._arguments = [sys.executable, "-m", "tests.faults.hurt_worker", wound, *self._arguments[1:]]
        return self

    def on(self, host: Host, bootstrap_servers: str) -> WorkerProcess:
        """Make it one that runs on another host, where Kafka has another address."""
        at = self._arguments.index("--bootstrap-servers") + 1
        self._arguments = host.inside(*self._arguments[:at], bootstrap_servers, *self._arguments[at + 1 :])
        return self

    def start(self) -> WorkerProcess:
        """Start it, or start it again."""
        with self.log.open("ab") as log:
            self._starts = self.said(READY)
            self.process = subprocess.Popen(
                self._arguments, env=self._environment, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT
            )
        return self

    def ready(self, within_seconds: float = 120) -> WorkerProcess:
        """Wait until it says that it is ready, since its last start."""
        assert self.process is not None
        deadline = time.monotonic() + within_seconds
        while self.said(READY) <= self._starts:
            ended = self.process.poll()
            assert ended is None, f"ended with {ended}: {self.log.read_text(errors='replace')[-2000:]}"
            assert time.monotonic() < deadline, f"not ready: {self.log.read_text(errors='replace')[-2000:]}"
            time.sleep(0.05)
        return self

    def says(self, text: str, times: int = 1, within_seconds: float = 120) -> float:
        """Wait until so many lines of its log hold the text; return how many seconds that took."""
        since = time.monotonic()
        while self.said(text) < times:
            assert time.monotonic() - since < within_seconds, f"never said {text!r}: {self.log}"
            time.sleep(0.05)
        return time.monotonic() - since

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it with SIGKILL, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def ends_in_seconds(self) -> float:
        """SIGTERM, at which it ends with exit code 0; return how long that took, less how long the machine stood."""
        with Lateness() as late:
            since = time.monotonic()
            assert self.stop() == 0
            return time.monotonic() - since - late.seconds

    def stop(self, within_seconds: float = 60) -> int:
        """SIGTERM; return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def said(self, text: str) -> int:
        """Return how many lines of its log hold the text."""
        return sum(text in line for line in self.log.read_text(errors="replace").splitlines())


@dataclass
class Publishing:
    """Publishes messages from a kafka-python and a librdkafka producer at once; notes which Kafka acknowledged."""

    bootstrap_servers: str
    names: Names
    messages: list[dict[str, Any]]
    per_second: float = 2_000.0
    acknowledged: list[dict[str, Any]] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def start(self) -> Publishing:
        """Begin, in threads of its own: even messages by kafka-python, odd ones by librdkafka."""
        self._threads = [
            threading.Thread(target=self._by_kafka_python, args=(self.messages[::2],)),
            threading.Thread(target=self._by_librdkafka, args=(self.messages[1::2],)),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def wait(self) -> list[dict[str, Any]]:
        """Wait for the end; return what was acknowledged."""
        for thread in self._threads:
            thread.join()
        return self.acknowledged

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped.set()
        self.wait()

    @property
    def done(self) -> bool:
        """Whether everything was sent and answered."""
        return not any(thread.is_alive() for thread in self._threads)

    def _topic(self, message: dict[str, Any]) -> str:
        return self.names.remittances if message["type"] in MONEY else self.names.policy_changes

    def _note(self, message: dict[str, Any]) -> None:
        with self._lock:
            self.acknowledged.append(message)

    def _pace(self, count: int, since: float) -> None:
        ahead = count / (self.per_second / 2) - (time.monotonic() - since)
        if ahead > 0:
            time.sleep(ahead)

    def _by_kafka_python(self, messages: list[dict[str, Any]]) -> None:
        producer = KafkaProducer(
            bootstrap_servers=self.bootstrap_servers, acks="all", linger_ms=5, compression_type="gzip",
            delivery_timeout_ms=180_000, max_block_ms=180_000,
        )  # fmt: skip
        since, sent = time.monotonic(), []
        for count, message in enumerate(messages):
            if self._stopped.is_set():
                break
            key = message.get("group_id") or message.get("policy_id")
            sent.append((message, producer.send(self._topic(message), json.dumps(message).encode(), key.encode())))
            self._pace(count, since)
        producer.flush()
        for message, future in sent:
            future.get(180)
            self._note(message)
        producer.close()

    def _by_librdkafka(self, messages: list[dict[str, Any]]) -> None:
        producer = LibrdkafkaProducer(
            {"bootstrap.servers": self.bootstrap_servers, "acks": "all", "linger.ms": 5, "compression.type": "zstd",
             "message.timeout.ms": 180_000, "log_level": 0}
        )  # fmt: skip
        since = time.monotonic()

        def told(message: dict[str, Any]) -> Callable[[Any, Any], None]:
            return lambda error, _: None if error else self._note(message)

        for count, message in enumerate(messages):
            if self._stopped.is_set():
                break
            key = message.get("group_id") or message.get("policy_id")
            value = json.dumps(message).encode()
            producer.produce(self._topic(message), value, key.encode(), on_delivery=told(message))
            producer.poll(0)
            self._pace(count, since)
        producer.flush(180)


@dataclass
class Outputs:
    """What a subscriber that reads committed has seen."""

    statuses: dict[tuple[str, int], dict[str, Any]]
    episodes: dict[str, dict[str, Any]]  # the newest message of each, the retracted ones among them
    alerts: list[dict[str, Any]]
    dead_letters: list[dict[str, Any]]

    @property
    def told(self) -> dict[str, list[dict[str, Any]]]:
        """The histories that a subscriber holds: the newest messages, less the retracted."""
        return {key: alert["history"] for key, alert in self.episodes.items() if alert["transition"] != "retracted"}

    @property
    def retractions(self) -> int:
        """How many messages took something back."""
        return sum(alert["transition"] == "retracted" for alert in self.alerts)


def read_outputs(bootstrap_servers: str, names: Names) -> Outputs:
    """Read the output topics from their beginnings to their ends."""
    newest = dict(_read(bootstrap_servers, names.status))
    statuses = {
        (key.split("/")[0], int(key.split("/")[1])): value for key, value in newest.items() if value is not None
    }
    alerts = [value for _, value in _read(bootstrap_servers, names.alerts)]
    letters = [value for _, value in _read(bootstrap_servers, names.dead_letters)]
    return Outputs(statuses, {alert["episode_id"]: alert for alert in alerts}, alerts, letters)


def _read(bootstrap_servers: str, topic: str) -> Iterable[tuple[str, Any]]:
    for record in read_records(bootstrap_servers, topic):
        key = (record.key or b"").decode(errors="replace")
        yield key, None if record.value is None else json.loads(record.value)


def expected(messages: list[dict[str, Any]], day: date) -> tuple[dict[Any, Any], dict[str, Any]]:
    """Return the statuses and the histories that the naive model gives."""
    model = naive.model_of(messages)
    statuses = naive.statuses(model, day)
    return statuses, {key: episode["history"] for key, episode in naive.episodes(model, day).items()}


def expect(messages: list[dict[str, Any]], day: date) -> Future[tuple[dict[Any, Any], dict[str, Any]]]:
    """Begin to work the model out, in another process while the experiment runs: it loops over days, and is slow."""
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    future = pool.submit(expected, messages, day)
    pool.shutdown(wait=False)
    return future


def await_outputs(
    bootstrap_servers: str, names: Names, expectation: Future[Any], within_seconds: float = 60
) -> Outputs:
    """Wait until what was told equals the model's; AssertionError that says what differs where it doesn't in time."""
    statuses, histories = expectation.result()
    deadline = time.monotonic() + within_seconds
    while True:
        outputs = read_outputs(bootstrap_servers, names)
        if without_day(outputs.statuses) == without_day(statuses) and outputs.told == histories:
            return outputs
        if time.monotonic() > deadline:
            raise AssertionError(_difference(outputs, statuses, histories))
        time.sleep(0.5)


def without_day(statuses: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Return the statuses less as_of: one that differs in nothing else is not published again."""
    return {key: {name: v for name, v in status.items() if name != "as_of"} for key, status in statuses.items()}


def _difference(outputs: Outputs, statuses: dict[Any, Any], histories: dict[str, Any]) -> str:
    lines = []
    for key in sorted({*outputs.statuses, *statuses}):
        was, should = outputs.statuses.get(key, {}), statuses.get(key, {})
        fields = [f"{name}: {was.get(name)} != {v}" for name, v in should.items() if was.get(name) != v]
        lines += [f"{key}: {'; '.join(f for f in fields if not f.startswith('as_of'))}"] if fields else []
        lines += [f"{key}: there is no such account"] if was and not should else []
    wrong = [key for key in {*outputs.told, *histories} if outputs.told.get(key) != histories.get(key)]
    lines += [
        f"{key}: told {outputs.episodes.get(key, {}).get('history')} as revisions "
        f"{[(a['revision'], a['transition'], a['on_day']) for a in outputs.alerts if a['episode_id'] == key]}, "
        f"should be {histories.get(key)}"
        for key in wrong[:5]
    ]
    return f"{len(lines) - len(wrong[:5])} statuses differ, {len(wrong)} episodes differ\n" + "\n".join(lines[-10:])


def count_by_revision(outputs: Outputs) -> Counter[int]:
    """Return how many alert messages there were of each revision."""
    return Counter(alert["revision"] for alert in outputs.alerts)
