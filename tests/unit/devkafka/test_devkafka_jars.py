"""The lock of the jars, the cache and the check, with a jgo that fetches from nowhere."""

from __future__ import annotations

import hashlib
from errno import ENOSPC
from typing import TYPE_CHECKING, Any

import pytest
from requests.exceptions import ProxyError

from streams.devkafka import jars
from streams.devkafka.errors import BrokerError
from streams.devkafka.jars import Jar

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"bytes of a jar"
JAR = Jar("org.example:thing:1.0", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class FakeMaven:
    """Stands for jgo's context: gives every artifact the same content, or raises."""

    def __init__(self, folder: Path, content: bytes = CONTENT, error: Exception | None = None) -> None:
        self.path, self.content, self.error = folder / JAR.path, content, error
        self.asked = 0

    def project(self, _group: str, _artifact: str) -> FakeMaven:
        """Name a project, whichever."""
        return self

    def at_version(self, _version: str) -> FakeMaven:
        """Name its version."""
        return self

    def artifact(self) -> FakeMaven:
        """Name its jar."""
        return self

    def resolve(self) -> Path:
        """Fetch it."""
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(self.content)
        return self.path


def _maven(monkeypatch: pytest.MonkeyPatch, **what: Any) -> None:
    monkeypatch.setattr(jars, "_context", lambda folder, _counter: FakeMaven(folder, **what))


def test_the_lock_names_kafka_first_and_each_jar_once() -> None:
    """The committed lock can be read and names the Kafka of the docs."""
    locked = jars.read_lock()
    assert locked[0].coordinate == "org.apache.kafka:kafka_2.13:4.3.1"
    assert jars.kafka_version(locked) == "4.3.1"
    assert len({jar.coordinate for jar in locked}) == len(locked)


def test_a_broken_lock_is_told_with_its_line(tmp_path: Path) -> None:
    """A line that is no jar is named, so that it can be mended."""
    lock = tmp_path / "jars.lock"
    lock.write_text("# a comment\n\nnonsense\n")
    with pytest.raises(BrokerError, match=r"jars\.lock, line 3"):
        jars.read_lock(lock)


def test_a_lock_without_kafka_is_told() -> None:
    """The version comes from the lock, so the lock must have it."""
    with pytest.raises(BrokerError, match="relock"):
        jars.kafka_version([JAR])


def test_the_repository_is_mavens_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """M2_REPO wins, else it is .m2/repository in the home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("M2_REPO", raising=False)
    assert jars.repository() == tmp_path / ".m2" / "repository"
    monkeypatch.setenv("M2_REPO", str(tmp_path / "elsewhere"))
    assert jars.repository() == tmp_path / "elsewhere"


def test_a_missing_jar_is_fetched_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The jar enters the cache under Maven's path, and nothing else does."""
    _maven(monkeypatch)
    (path,) = jars.resolve_jars([JAR], tmp_path)
    assert path == tmp_path / "org/example/thing/1.0/thing-1.0.jar"
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in tmp_path.iterdir()] == ["org"]


def test_a_cached_jar_is_not_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With all jars there nobody is asked."""
    _maven(monkeypatch)
    jars.resolve_jars([JAR], tmp_path)
    _maven(monkeypatch, error=AssertionError("asked"))
    assert jars.resolve_jars([JAR], tmp_path)


def test_a_changed_jar_in_the_cache_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What lies in the cache is checked at every start."""
    _maven(monkeypatch)
    (path,) = jars.resolve_jars([JAR], tmp_path)
    path.write_bytes(b"changed")
    with pytest.raises(BrokerError, match="delete it"):
        jars.resolve_jars([JAR], tmp_path)


def test_a_jar_that_comes_wrong_never_enters_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A download that is cut or changed is thrown away."""
    _maven(monkeypatch, content=b"cut")
    with pytest.raises(BrokerError, match="thrown away"):
        jars.resolve_jars([JAR], tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ProxyError("unreachable"), r"check the network .* start again"),
        (RuntimeError("not found"), "does not give out org.example:thing:1.0"),
        (OSError(ENOSPC, "No space left on device"), "no space left .* M2_REPO"),
        (PermissionError(13, "Permission denied"), r"cannot be kept in .*Permission denied.* M2_REPO"),
    ],
)
def test_what_can_go_wrong_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, says: str
) -> None:
    """Each cause has a sentence that says what to do."""
    _maven(monkeypatch, error=error)
    with pytest.raises(BrokerError, match=says) as told:
        jars.resolve_jars([JAR], tmp_path)
    assert "\n" not in str(told.value)


def test_progress_adds_up_all_files() -> None:
    """The bar goes from nothing to all, over several files."""
    seen: list[float | None] = []
    counter = jars._Counter(200, lambda _message, fraction: seen.append(fraction))
    for _ in range(2):
        with counter.file("name", 100) as update:
            update(50)
            update(50)
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_without_progress_counting_is_silent() -> None:
    """Nobody has to watch."""
    with jars._Counter(10, None).file("name", 10) as update:
        update(10)
