"""Fuzzes the module in C, built so that a read or write out of bounds ends it: `python -m tests.fuzz.in_c`.

Messages are changed byte by byte, batches of records and the spans of them too. What the module says of a message
must be what the models say, and of a batch what aiokafka reads. A process whose memory is watched has to load the
sanitizer's library first, so it is another one.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SOURCE = Path(__file__).parents[2] / "streams" / "shell" / "_columns.c"
INSIDE = "FUZZED_MODULE"  # names the built module to the process that is watched
CUTS = 400  # bytes of garbage at most


def build(folder: Path, *flags: str) -> Path:
    """Build the module with some flags."""
    made = folder / "_columns.abi3.so"
    command = ["gcc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", *flags]
    subprocess.run([*command, f"-I{sysconfig.get_path('include')}", str(SOURCE), "-o", str(made)], check=True)
    return made


def run(seconds: int) -> int:
    """Build the module with the sanitizers and fuzz it in a process of its own."""
    with TemporaryDirectory() as folder:
        made = build(Path(folder), "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
        preload = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
        # Python's own allocator would hide from the sanitizer where an object ends.
        watched = {"LD_PRELOAD": preload.stdout.strip(), "PYTHONMALLOC": "malloc", "ASAN_OPTIONS": "detect_leaks=0"}
        command = [sys.executable, "-m", "tests.fuzz.in_c", "--seconds", str(seconds)]
        return subprocess.run(command, env=os.environ | watched | {INSIDE: str(made)}, check=False).returncode


def changed(data: bytes, dice: random.Random) -> bytes:
    """Return data with a few bytes turned over, cut, put in, doubled, or moved."""
    for _ in range(dice.choice((0, 1, 1, 1, 2, 5))):
        at, end = sorted(dice.randrange(len(data) + 1) for _ in "ab")
        end = min(end, at + dice.choice((0, 1, 1, 2, 8, CUTS)))
        middle = dice.choice((b"", bytes([dice.randrange(256)]), dice.randbytes(3), data[at:end] * 2, b'"', b" "))
        data = data[:at] + middle + data[end:]
    return data


class Fuzz:
    """Holds the module to what must hold."""

    def __init__(self, columns: Any) -> None:
        from streams.shell import codec, codec_fast  # noqa: PLC0415  once the module to look at is in its place
        from tests.fuzz import targets  # noqa: PLC0415

        self._codec, self._fast, self._columns = codec, codec_fast, columns
        self._seeds = [seed[1:] for seed in targets.seeds() if seed[0] == 0 and len(seed) < 1000]
        self.said = 0

    def once(self, dice: random.Random) -> None:
        """Try one input of each kind."""
        values = [changed(dice.choice(self._seeds), dice) for _ in range(dice.choice((1, 1, 9, 40)))]
        alone = self._decoded(values, None)
        for row, event in alone.items():
            assert event == self._codec.judge("remittances", values[row]), values[row]
        self.said += len(alone)
        self._batch(dice, values)

    def _decoded(self, values: list[bytes], spans: Any) -> dict[int, Any]:
        found = self._columns.decode(values, spans, self._fast._DECIMALS, 1 << 20)
        rows, events = self._fast._found(found)
        return dict(zip(rows.tolist(), events.single(), strict=True))

    def _batch(self, dice: random.Random, values: list[bytes]) -> None:
        from tests.unit.shell.batches import body, read  # noqa: PLC0415

        records = [
            (3 * n + dice.randrange(3), dice.choice((None, b"key")), value, []) for n, value in enumerate(values)
        ]
        whole = body(records)
        data = changed(whole, dice)
        spans = self._columns.spans(data, len(values), 5, 7)
        if data == whole:
            assert spans is not None
        if spans is not None:
            assert read(data, spans) == read(data, None, len(values)), data
            assert self._decoded([data], spans) == self._decoded([r[3] for r in read(data, spans)], None)
        self._decoded([data], dice.randbytes(56 * 3))
        # A piece that ends amid a message, and spans that go on after it.
        cut = values[0][: dice.randrange(len(values[0]) + 1)]
        at, size = dice.choice((0, 0, 1, -1, len(cut))), len(cut) + dice.choice((-1, 0, 1, 60, 2**63 - 1 - len(cut)))
        found = self._decoded(
            [cut], b"".join(n.to_bytes(8, "little", signed=True) for n in (0, 0, 0, 0, -1, at, size))
        )
        if at < 0 or at + size > len(cut):
            assert found == {}


def watched(seconds: int) -> int:
    """Fuzz for so long."""
    spec = importlib.util.spec_from_file_location("streams.shell._columns", os.environ[INSIDE])
    assert spec is not None
    assert spec.loader is not None
    columns = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = columns
    spec.loader.exec_module(columns)
    seed = time.time_ns() % 10**9
    print(f"seed {seed}", flush=True)
    dice, fuzz, until, tries = random.Random(seed), Fuzz(columns), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        fuzz.once(dice)
        tries += 1
    print(f"{tries} tries, {fuzz.said} messages that it was sure of")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.in_c", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    wanted = parser.parse_args().seconds
    sys.exit(watched(wanted) if INSIDE in os.environ else run(wanted))
