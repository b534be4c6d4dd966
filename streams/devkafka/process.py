"""The broker's process: its record on disk, whether it still lives, how it is started and stopped."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from streams.devkafka.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

LOCK_WAIT_SECONDS = 180.0  # the other start may be fetching the jars
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Record:
    """What broker.json says of the broker that was started last; its port outlives it."""

    pid: int
    port: int
    version: str


def read_record(path: Path) -> Record | None:
    """Return the record, or None if there is none that can be read."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Record(int(fields["pid"]), int(fields["port"]), str(fields["version"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(path: Path, record: Record) -> None:
    """Replace the record whole, so that nobody ever reads half of one."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(record)) + "\n", encoding="utf-8")
    draft.replace(path)


def marker(data_dir: Path) -> str:
    """Return the argument by which the broker of a folder is told from any other process with its pid."""
    return f"-Dquotastream.data.dir={data_dir}"


def is_alive(pid: int, data_dir: Path) -> bool:
    """Tell whether the pid is a live broker of this folder; pids are used again, zombies have no arguments."""
    if sys.platform == "linux":
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(marker(data_dir)) in arguments
    return _is_shown_by_ps(pid, data_dir)


def _is_shown_by_ps(pid: int, data_dir: Path) -> bool:
    """Answer the same where there is no /proc; ps does not show where an argument ends, but another -D follows it."""
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    shown = subprocess.run(command, capture_output=True, check=False).stdout
    return os.fsencode(marker(data_dir)) + b" -D" in shown


def spawn(
    command: Sequence[str],
    environment: Mapping[str, str],
    output: Path,
    *,
    die_with_parent: bool,
    keeps: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, deaf to this terminal's Ctrl-C; it may keep an open file."""
    with output.open("ab") as file:
        return subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=output.parent,
            pass_fds=() if keeps is None else (keeps,),
            # Between fork and exec only a system call that was looked up before: safe with threads about.
            preexec_fn=_dying_with(os.getpid()) if die_with_parent else None,  # noqa: PLW1509
        )


def _dying_with(parent: int) -> Callable[[], None] | None:
    """Return what makes the kernel send SIGTERM when the thread that starts the process dies, however it dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died just before
            os._exit(1)

    return ask_kernel


def terminate(pid: int, data_dir: Path, timeout_seconds: float) -> None:
    """Ask the broker to end, wait, and kill it if it does not."""
    for sign, seconds in ((signal.SIGTERM, timeout_seconds), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            if is_alive(pid, data_dir):
                os.kill(pid, sign)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            _reap(pid)
            if not is_alive(pid, data_dir):
                return
            time.sleep(0.05)
    raise BrokerError(f"the broker (pid {pid}) does not end; see the log in {data_dir / 'logs'}")


def _reap(pid: int) -> None:
    """Take the exit status if the process is a child of ours, so that no zombie stays."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


@contextlib.contextmanager
def held(path: Path, wait_seconds: float, otherwise: str) -> Iterator[int]:
    """Hold a lock on a file, which the kernel frees when the last process that has it open ends, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise BrokerError(otherwise) from error
                time.sleep(0.05)
        yield descriptor
    finally:
        os.close(descriptor)


def folder_lock(path: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> contextlib.AbstractContextManager[int]:
    """Hold the folder's lock: starts and stops of one folder take turns."""
    return held(path, wait_seconds, f"another start or stop of {path.parent} has not ended; wait and try again")
