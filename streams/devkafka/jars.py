"""The jars of Apache Kafka: read from the lock, taken from the cache or fetched by jgo, checked, and only then used.

The lock (`jars.lock`, written by `python -m streams.devkafka.relock`) names every jar with its size and its sha256,
so that a start resolves nothing: no POM is read, Maven is not needed, and what runs is what was tested.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.devkafka.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Progress = Callable[[str, float | None], None]

LOCK = Path(__file__).with_name("jars.lock")
KAFKA = "org.apache.kafka:kafka_2.13"
LINE = re.compile(r"(?P<sha256>[0-9a-f]{64}) +(?P<size>\d+) (?P<coordinate>[\w.-]+:[\w.-]+:[\w.-]+)")
FETCHERS = 4  # enough to hide the latency of many small files, few enough to be a polite guest


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    coordinate: str  # group:artifact:version
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    @property
    def path(self) -> Path:
        """Where a Maven repository keeps it, below its root."""
        group, artifact, version = self.coordinate.split(":")
        return Path(*group.split("."), artifact, version, self.name)


def read_lock(path: Path = LOCK) -> tuple[Jar, ...]:
    """Return the jars that the lock names, Kafka's own first."""
    jars = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise BrokerError(f"{path.name}, line {number}: not 'sha256 size group:artifact:version'")
        jars.append(Jar(match["coordinate"], int(match["size"]), match["sha256"]))
    return tuple(jars)


def kafka_version(jars: Sequence[Jar] | None = None) -> str:
    """Return the version of Kafka that the lock names."""
    for jar in read_lock() if jars is None else jars:
        if jar.coordinate.startswith(KAFKA + ":"):
            return jar.coordinate.rsplit(":", 1)[1]
    raise BrokerError(f"{LOCK.name} names no {KAFKA}; write it anew with python -m streams.devkafka.relock")


def repository() -> Path:
    """Return the folder of cached jars: Maven's own (M2_REPO or ~/.m2/repository), so that tools share it."""
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")


def sha256_of(path: Path) -> str:
    """Return a file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve_jars(jars: Sequence[Jar], cache: Path, progress: Progress | None = None) -> list[Path]:
    """Return the paths of all jars, in the lock's order, each fetched if it is missing and checked in any case."""
    missing = [jar for jar in jars if not (cache / jar.path).is_file()]
    if missing:
        _fetch(missing, cache, progress)
    paths = [cache / jar.path for jar in jars]
    for jar, path in zip(jars, paths, strict=True):
        _check(jar, path)
    return paths


def _disk_message(error: OSError, folder: Path) -> str:
    if error.errno == ENOSPC:
        return f"no space left for the jars of Kafka in {folder}; free some, or set M2_REPO to another folder"
    return f"the jars of Kafka cannot be kept in {folder} ({error.strerror or error}); set M2_REPO to another folder"


def _check(jar: Jar, path: Path) -> None:
    if sha256_of(path) != jar.sha256:
        raise BrokerError(
            f"{path} is not the {jar.name} that {LOCK.name} names (sha256 differs); delete it, start again"
        )


def _fetch(jars: Sequence[Jar], cache: Path, progress: Progress | None) -> None:
    from requests import RequestException  # noqa: PLC0415  # see _context

    try:
        cache.mkdir(parents=True, exist_ok=True)
        # jgo writes straight to the final name, so it gets a folder of its own: a jar enters the cache whole and
        # checked, or not at all, however the fetch ends. It lies in the cache, for a rename stays in a file system.
        with tempfile.TemporaryDirectory(prefix=".quotastream-", dir=cache) as staging:
            context = _context(Path(staging), _Counter(sum(jar.size for jar in jars), progress))
            _fetch_all(context, jars, cache)
    except RequestException as error:
        raise BrokerError(
            "the jars of Kafka could not be fetched from Maven Central "
            f"({type(error).__name__}); check the network (or HTTPS_PROXY) and start again"
        ) from error
    except OSError as error:
        raise BrokerError(_disk_message(error, cache)) from error


def _fetch_all(context: Any, jars: Sequence[Jar], cache: Path) -> None:
    with ThreadPoolExecutor(FETCHERS) as pool:
        futures = [pool.submit(_fetch_one, context, jar, cache) for jar in jars]
        try:
            for future in futures:
                future.result()
        except BaseException:  # the first error speaks for all, and Ctrl-C does not wait for the rest either
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch_one(context: Any, jar: Jar, cache: Path) -> None:
    group, artifact, version = jar.coordinate.split(":")
    try:
        fetched: Path = context.project(group, artifact).at_version(version).artifact().resolve()
    except RuntimeError as error:  # jgo: none of the repositories has it
        raise BrokerError(f"Maven Central does not give out {jar.coordinate} just now; try again later") from error
    if sha256_of(fetched) != jar.sha256:
        raise BrokerError(
            f"{jar.name} came with another sha256 than {LOCK.name} names and was thrown away; "
            "start again, and if it persists check the network's proxy"
        )
    target = cache / jar.path
    target.parent.mkdir(parents=True, exist_ok=True)
    fetched.replace(target)


def _context(folder: Path, counter: _Counter) -> Any:
    # Imported only here, for it takes longer than all else that most commands do, and they find every jar cached.
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415

    logging.getLogger("jgo").addHandler(logging.NullHandler())  # what goes wrong is told by our own one line
    resolver = PythonResolver(progress_callback=counter.file)
    return MavenContext(resolver=resolver, repo_cache=folder, timeout=20)


class _Counter:
    """Adds up the bytes of several fetches and tells how far they are."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._done = 0
        self._lock = threading.Lock()
        self._add(0)

    @contextmanager
    def file(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        """Serve as jgo's callback: one context per file, which takes the sizes of its pieces."""
        yield self._add

    def _add(self, count: int) -> None:
        if self._progress is None:
            return
        with self._lock:
            self._done += count
            megabytes = self._total / 1e6
            self._progress(f"fetching Kafka ({megabytes:.0f} MB)", min(1.0, self._done / self._total))
