"""The record of the broker's process, and what tells it from others; with other programs in the broker's place."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from streams.devkafka import broker, process
from streams.devkafka.errors import BrokerError
from streams.devkafka.process import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def _pretender(folder: Path, program: str = "input()") -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that has the broker's mark among its arguments."""
    command = [sys.executable, "-c", f"print(flush=True); {program}", process.marker(folder), "-Dother=1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pretender:
        assert pretender.stdout is not None
        pretender.stdout.readline()
        try:
            yield pretender
        finally:
            pretender.kill()


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The record comes back, and no draft of it stays."""
    path = tmp_path / "broker.json"
    process.write_record(path, Record(12, 20_001, "4.3.1"))
    assert process.read_record(path) == Record(12, 20_001, "4.3.1")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x", "port": 1, "version": "4"}', "null"])
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    """Whatever a crash left there, a start goes on without it."""
    path = tmp_path / "broker.json"
    path.write_text(text)
    assert process.read_record(path) is None


@pytest.mark.parametrize("asks", [process.is_alive, process._is_shown_by_ps])
def test_a_broker_is_told_by_its_folder(tmp_path: Path, asks: object) -> None:
    """Only a process with this very folder among its arguments is meant; the same on systems without /proc."""
    folder = tmp_path / "a folder"
    with _pretender(folder) as pretender:
        assert asks(pretender.pid, folder)
        assert not asks(pretender.pid, tmp_path / "a")
        assert not asks(os.getpid(), folder)
        pretender.kill()
        pretender.wait()
        assert not asks(pretender.pid, folder)


def test_what_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """A process that does not end when asked ends by force."""
    with _pretender(tmp_path, "import signal; signal.signal(15, signal.SIG_IGN); print(flush=True); input()") as one:
        assert one.stdout is not None
        one.stdout.readline()
        process.terminate(one.pid, tmp_path, 0.2)
        assert not process.is_alive(one.pid, tmp_path)


def test_the_folders_lock_lets_one_in(tmp_path: Path) -> None:
    """A second one waits, and is told what to do when that takes too long."""
    lock = tmp_path / "lock"
    with (
        process.folder_lock(lock),
        pytest.raises(BrokerError, match="try again"),
        process.folder_lock(lock, wait_seconds=0.1),
    ):
        pass
    with process.folder_lock(lock, wait_seconds=0.1):
        pass


def test_nothing_runs_on_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Asking, and stopping what is not there, makes no folder."""
    folder = tmp_path / "none"
    assert broker.running(folder) is None
    assert not broker.stop(folder)
    assert not folder.exists()


def test_what_does_not_listen_does_not_answer(tmp_path: Path) -> None:
    """The ready-check of an address without a broker says so at once."""
    assert not broker.answers(broker.Broker("127.0.0.1:9", 1, tmp_path))


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("INFO fine\njava.lang.IllegalStateException: Bad\n\tat x.Y\n", "java.lang.IllegalStateException: Bad"),
        ("x\nCaused by: java.net.BindException: Address already in use\n", "Address already in use"),
        ("java.io.IOException: No space left on device\nother Error\n", "no space left in"),
        ("Error occurred during initialization of VM\nToo small maximum heap\n", "Too small maximum heap"),
        (
            "a.b.KafkaException: locked\n\tat x.Y\n1 INFO a RejectedExecutionException (x)\n",
            "a.b.KafkaException: locked",
        ),
        ('Exception in thread "main" a.b.ConfigException: no x\n\tat x.Y\n', "a.b.ConfigException: no x"),
        ("1 ERROR it broke (x)\n2 INFO bye\n", "it broke"),
        ("only this\n", "only this"),
        ("", "it said nothing"),
    ],
)
def test_the_reason_of_an_end_is_found_in_the_log(tmp_path: Path, log: str, says: str) -> None:
    """Of all that a dying broker says one line is told."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "kafka.log").write_text(log)
    launch = broker._Launch(broker._Folder(tmp_path), "", "4.3.1", {}, die_with_parent=False)
    reason = launch._failure()
    assert says in reason
    assert "\n" not in reason
