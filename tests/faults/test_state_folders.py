"""A worker's local store is damaged, of another version, or can't grow; what was told then equals the naive model."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.harness import WorkerProcess
    from tests.faults.scene import Scene

KIB = 1 << 10


def stores(worker: WorkerProcess) -> list[Path]:
    """Return the files of a worker's ledgers."""
    found = sorted((worker.folder / "state").glob("**/*.sqlite"))
    assert len(found) == 4
    return found


def fill_with_garbage(path: Path) -> None:
    """Make the file one of random bytes."""
    path.write_bytes(os.urandom(100 * KIB))


def cut_in_half(path: Path) -> None:
    """Keep the first half of the file."""
    os.truncate(path, path.stat().st_size // 2)


def make_of_another_version(path: Path) -> None:
    """Say that a program of the future wrote it."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def ruin_the_events(path: Path) -> None:
    """Overwrite the pages of the events, and leave what a start looks at: the damage shows when a group is read."""
    with closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


DAMAGES: list[Callable[[Path], None]] = [
    fill_with_garbage,
    cut_in_half,
    make_of_another_version,
    ruin_the_events,
]


def test_damaged_state_is_made_again(scene: Scene) -> None:
    """Garbage, half a file, another version, ruined pages: made again from the log; nothing is told again."""
    scene.plays(41, 3_000, groups=12)
    (worker,) = scene.workers(1)
    scene.publish_all(scene.messages[:2_000])
    worker.says("caught up", 4)
    assert worker.stop() == 0
    for path, damage in zip(stores(worker), DAMAGES, strict=True):
        path.with_name(path.name + "-wal").unlink(missing_ok=True)
        damage(path)
    worker.start().ready()
    scene.publish_all(scene.messages[2_000:])
    outputs = scene.compare()
    assert worker.stop() == 0
    assert worker.said("made again") == 4
    scene.report("garbage, truncated, ruined and other-version state", outputs)


def test_state_is_ruined_under_a_worker(scene: Scene) -> None:
    """Damage that happens while the worker runs is noticed once it is read, and made good by itself."""
    scene.plays(42, 3_000)
    (worker,) = scene.workers(1)
    scene.publish_all(scene.messages[:2_000])
    worker.says("caught up", 4)
    for path in stores(worker):
        fill_with_garbage(path)
    scene.publish_all(scene.messages[2_000:])
    outputs = scene.compare()
    worker.kill()
    worker.start().ready().says("caught up", 8)
    assert worker.stop() == 0
    scene.report("state ruined under a running worker", outputs)


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[bool], None]]:
    """Put a disk of 3 MiB at the folder; the function says whether it is to be full."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=True)
    filler = folder / "filler"

    def fill(full: bool) -> None:
        if not full:
            filler.unlink()
            return
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * KIB)
            except OSError:
                return

    try:
        yield fill
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def run_full(scene: Scene, worker: WorkerProcess, fill: Callable[[bool], None]) -> None:
    """Publish while the store can't grow, restart the worker so, then give it space."""
    scene.plays(43, 6_000)
    worker.start().ready()
    scene.publish_all(scene.messages[:1_000])
    worker.says("caught up", 4)
    fill(True)
    scene.publish_all(scene.messages[1_000:4_000])
    said_after = worker.says("can't be written")
    assert worker.process is not None
    assert worker.process.poll() is None
    fill(False)
    scene.publish_all(scene.messages[4_000:])
    outputs = scene.compare()
    assert worker.stop() == 0
    scene.report("disk full", outputs, said_after_seconds=round(said_after, 1))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_the_disk_is_full(scene: Scene) -> None:
    """On a full disk the worker says so, lives, and goes on once there is space."""
    worker = scene.worker("w1")
    with small_disk(worker.folder / "state") as fill:
        run_full(scene, worker, fill)
        worker.kill()


@pytest.mark.slow
def test_files_may_not_grow(scene: Scene) -> None:
    """The same where the system lets the worker's files grow no further (RLIMIT_FSIZE, which needs no root)."""
    worker = scene.worker("w1")

    def fill(full: bool) -> None:
        assert worker.process is not None
        limit = 64 * KIB if full else resource.RLIM_INFINITY
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    run_full(scene, worker, fill)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_worker_starts_on_a_full_disk(scene: Scene) -> None:
    """A worker that starts on a full disk waits for space, in a process that lives."""
    scene.plays(44, 2_000)
    scene.publish_all()
    worker = scene.worker("w1")
    with small_disk(worker.folder / "state") as fill:
        fill(True)
        worker.start().says("anew", 2)
        fill(False)
        outputs = scene.compare()
        assert worker.stop() == 0
    scene.report("start on a full disk", outputs)
