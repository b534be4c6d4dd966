"""Backups of what can't be made again from the inputs: which revision of each episode was told, and what was told.

A file of JSON lines, gzipped: a heading, then `[kind, key, value, headers]` of the newest records of
`quotastream-told`, `quota-status` and `quota-alerts`, then how many there are of each. What was told is read first,
so that the outputs are never older than it: a file may be written while workers work. What they tell after it they
tell again where it is put back, in the same words, with the same alert_id.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.shell import spreading, topic_admin
from streams.shell.outbox import Message
from streams.shell.rebuilding import forget_offsets, require_nobody
from streams.shell.spreading import Facts, account_group, newest, reader
from streams.shell.topics import home_partition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kafka import KafkaAdminClient, KafkaConsumer

    from streams.shell.topics import Names

VERSION = 1
KINDS = ("told", "status", "alerts")


class BackupError(Exception):
    """A backup can't be used; the text is one line that says why."""


class Line(NamedTuple):
    """One record in a backup."""

    kind: str
    key: str
    value: str
    headers: list[tuple[str, str]]


class Backup(NamedTuple):
    """A whole file: how many home partitions there were, what belongs to no group, how many lines of each kind."""

    file: Path
    home_partitions: int
    facts: Facts
    counts: dict[str, int]


def write(bootstrap_servers: str, names: Names, file: Path) -> dict[str, int]:
    """Write a backup, in the place of another only once it is whole; return how many records it has of each kind."""
    partitions = _partitions(bootstrap_servers, names)
    missing = [getattr(names, kind) for kind in KINDS if not partitions[kind]]
    if missing:
        raise BackupError(f"no topic {', '.join(missing)}: there is nothing to keep")
    unfinished = file.with_name(f"{file.name}.unfinished")
    counts: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    try:
        with gzip.open(unfinished, "wt", encoding="utf-8") as text, reader(bootstrap_servers) as consumer:
            heading = {"quotastream_backup": VERSION, "home_partitions": partitions["told"]}
            text.write(json.dumps(heading) + "\n")
            for kind in KINDS:
                for line in _lines(consumer, kind, getattr(names, kind), partitions[kind]):
                    text.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
                    counts[kind] += 1
            text.write(json.dumps({"end": counts}) + "\n")
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return dict(counts)


def _lines(consumer: KafkaConsumer, kind: str, topic: str, partitions: int) -> Iterator[Line]:
    facts = Facts()
    for kept in newest(consumer, topic, range(partitions)):
        if kind == "told" and facts.take(kept.key, kept.value):
            continue
        headers = [(name, value.decode()) for name, value in kept.headers]
        yield Line(kind, kept.key.decode(), kept.value.decode(), headers)
    for key, value in facts.records():
        yield Line(kind, key.decode(), value.decode(), [])


def read(file: Path) -> Backup:
    """Read a backup to its end; BackupError where it is none, or isn't whole, NewerStateError where it is newer."""
    facts = Facts()
    counts: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    end: dict[str, int] | None = None
    written = _written(file)
    heading = next(written, None)
    if not isinstance(heading, dict) or heading.get("quotastream_backup") != VERSION:
        raise BackupError(f"{file} is no backup that this version knows")
    for found in written:
        if isinstance(found, dict):
            end = found.get("end")
            continue
        line = Line(*found)
        counts[line.kind] += 1
        if line.kind == "told":
            facts.take(line.key.encode(), line.value.encode())
    if end != counts:
        raise BackupError(f"{file} is not whole: it has {dict(counts)}, and should have {end}")
    return Backup(file, heading["home_partitions"], facts, dict(counts))


def _written(file: Path) -> Iterator[Any]:
    """Yield what each line of a backup says."""
    try:
        with gzip.open(file, "rt", encoding="utf-8") as text:
            for line in text:
                yield json.loads(line)
    except (EOFError, UnicodeDecodeError, json.JSONDecodeError, zlib.error, gzip.BadGzipFile) as error:
        raise BackupError(f"{file} is no backup, or not whole ({type(error).__name__})") from error


def restore(
    admin: KafkaAdminClient, bootstrap_servers: str, names: Names, backup: Backup, home_partitions: int | None = None
) -> list[str]:
    """Put a backup back, in one transaction, and have the workers read the inputs again; return the topics written.

    Topics that are missing are made (with so many home partitions; None: as in the backup); outputs that hold
    something are left alone. RebuildError where a worker is alive, BackupError where what was told is not empty or an
    input is missing.
    """
    require_nobody(admin, names)
    missing = [topic["name"] for topic in topic_admin.describe(admin, names.inputs) if topic["error_code"]]
    if missing:
        raise BackupError(f"no topic {', '.join(missing)}: without its past all that was told would be taken back")
    there = _partitions(bootstrap_servers, names)
    with reader(bootstrap_servers) as consumer:
        empty = {kind for kind in KINDS if _is_empty(consumer, getattr(names, kind), there[kind])}
    if "told" not in empty:
        raise BackupError(f"{names.told} is not empty: what it says was told is newer; delete it to do without")
    forget_offsets(admin, names)
    topic_admin.create_missing(admin, names, home_partitions or backup.home_partitions)
    partitions = _partitions(bootstrap_servers, names)
    with spreading.transaction(bootstrap_servers, names, partitions["told"]) as send:
        for message in _messages(names, backup, {kind: partitions[kind] for kind in empty}):
            send(message)
    return [getattr(names, kind) for kind in KINDS if kind in empty]


def _messages(names: Names, backup: Backup, partitions: dict[str, int]) -> Iterator[Message]:
    """Yield a backup's records of some kinds, each to the partition of its group."""
    for found in _written(backup.file):
        if isinstance(found, dict) or found[0] not in partitions:
            continue
        line = Line(*found)
        key, value, count = line.key.encode(), line.value.encode(), partitions[line.kind]
        if line.kind == "told" and Facts().take(key, value):
            continue
        group_id = account_group(key) if line.kind == "told" else json.loads(line.value)["group_id"]
        headers = [(name, text.encode()) for name, text in line.headers]
        yield Message(getattr(names, line.kind), home_partition(group_id, count), key, value, headers)
    for partition in range(partitions["told"]):
        for key, value in backup.facts.records():
            yield Message(names.told, partition, key, value)


def _partitions(bootstrap_servers: str, names: Names) -> dict[str, int]:
    """Return how many partitions each topic of a backup has, by kind; 0 where it is missing."""
    with topic_admin.admin_client(bootstrap_servers) as admin:
        found = topic_admin.describe(admin, [getattr(names, kind) for kind in KINDS])
    counts = {topic["name"]: len(topic["partitions"]) for topic in found}
    return {kind: counts[getattr(names, kind)] for kind in KINDS}


def _is_empty(consumer: KafkaConsumer, topic: str, partitions: int) -> bool:
    """Return whether a topic holds no record; marks of transactions are none."""
    return next(iter(newest(consumer, topic, range(partitions))), None) is None
