"""What `quotastream doctor` looks at on this machine: settings, versions, the state folder and its disk."""

from __future__ import annotations

import platform
import shutil
from collections import Counter
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from streams.shell.checkup import Finding
from streams.shell.setting_sources import settings_file, sources
from streams.shell.settings import Settings, default_data_dir, is_secret, origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.shell.checkup import State
    from streams.shell.settings import ClockSettings

DISK_FAILED_BYTES, DISK_WARNING_BYTES = 100 << 20, 1 << 30
SHOWN = ("faust-streaming", "aiokafka", "kafka-python")


def configuration(settings: ClockSettings) -> Iterator[Finding]:
    """Say where settings come from, and what of them is fit for a rehearsal alone."""
    found = sources(Settings)
    origins = Counter(source.kind for field in Settings.model_fields if (source := origin(field, found)))
    given = ", ".join(f"{count} from {kind}" for kind, count in origins.items()) or "all are the defaults"
    file, _ = settings_file()
    open_secret = any(is_secret(Settings.model_fields[field]) for field in found[-1].values)
    if open_secret and file.stat().st_mode & 0o077:
        yield Finding(
            "configuration", "warning", f"{file} holds a secret, and others than its owner can read it",
            f"chmod 600 {file}",
        )  # fmt: skip
    if settings.clock_file is not None:
        yield Finding(
            "configuration", "warning", f"the clock is the file {settings.clock_file}: for rehearsals alone",
            "take clock_file away (`quotastream config show` says where it is set)",
        )  # fmt: skip
    yield Finding("configuration", "ok", f"settings: {given}")


def versions() -> Iterator[Finding]:
    """Judge whether what is installed is what this version was made for."""
    wrong = []
    for text in metadata.requires("quotastream") or []:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        if not wanted.specifier.contains(installed, prereleases=True):
            wrong.append(f"{wanted.name} is {installed}, should be {wanted.specifier}")
    if wrong:
        yield Finding("versions", "failed", "; ".join(wrong), "install it anew, in an environment of its own")
        return
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in SHOWN)
    own = metadata.version("quotastream")
    yield Finding("versions", "ok", f"quotastream {own}, Python {platform.python_version()}, {libraries}")


def state_folder(named: Path | None) -> Iterator[Finding]:
    """Judge the folder for workers' local stores, and the disk below it."""
    folder = named or default_data_dir() / "state"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".doctor"
        probe.write_bytes(b"")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        says = f"the state folder {folder} can't be written ({error.strerror})"
        yield Finding("disk", "failed", says, "give another with --state-dir, or mend its rights")
        return
    says = f"{free / (1 << 30):.1f} GiB free in the state folder {folder}"
    if free < DISK_WARNING_BYTES:
        state: State = "failed" if free < DISK_FAILED_BYTES else "warning"
        yield Finding("disk", state, says, "make room: a store takes about 50 bytes a remittance")
    else:
        yield Finding("disk", "ok", says)
