"""What the fuzzer begins with holds, a short run and a long one find nothing, and it would find what is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.fuzz import in_c, targets

ROOT = Path(__file__).parents[2]
LONG_SECONDS = int(os.environ.get("FUZZ_SECONDS", "600"))
SHORT_SECONDS = 5
PLANTED = """
import sys
from tests.fuzz import __main__ as fuzz

decode, known = fuzz.targets.codec.decode, set()

def planted(topic, value, of=()):
    event = decode(topic, value, of)
    if topic == "policy-changes":
        return event
    if learning:
        known.add(event.group_id)
    if event.group_id not in known:
        raise ZeroDivisionError("planted")
    return event

fuzz.targets.codec.decode, learning = planted, True
for seed in fuzz.targets.seeds():
    if seed[0] == 0:
        fuzz.targets.one(seed)
learning = False
fuzz.main()
"""


def fuzz(folder: Path, seconds: int, *how: str) -> subprocess.CompletedProcess[str]:
    """Fuzz in a process of its own; what fails is kept in the folder."""
    pytest.importorskip("atheris", reason="the fuzzer has no build for this platform")
    arguments = [sys.executable, *(how or ("-m", "tests.fuzz")), "--seconds", str(seconds), "--found", str(folder)]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 120, check=False)


def found(done: subprocess.CompletedProcess[str]) -> str:
    """Say what failed: the traceback goes to stdout, the input that led to it to stderr."""
    return done.stdout[-3000:] + done.stderr[-1000:]


def test_what_the_fuzzer_begins_with_holds() -> None:
    """Each example goes through its target; so a target that is wrong itself is noticed at once."""
    seeds = targets.seeds()
    assert len(seeds) > 100
    for seed in seeds:
        targets.one(seed)


def test_every_target_has_something_to_begin_with() -> None:
    """No way in is left to chance."""
    assert {seed[0] % len(targets.TARGETS) for seed in targets.seeds()} == set(range(len(targets.TARGETS)))


def test_a_short_run_finds_nothing(tmp_path: Path) -> None:
    """Some seconds, in every run of the tests."""
    done = fuzz(tmp_path, SHORT_SECONDS)
    assert done.returncode == 0, found(done)
    assert "Done" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_found(tmp_path: Path) -> None:
    """A planted error that no example reaches: the run fails, and keeps the input that the replay fails on."""
    done = fuzz(tmp_path, 60, "-c", PLANTED)
    assert done.returncode != 0
    assert "ZeroDivisionError: planted" in found(done)
    (kept,) = tmp_path.iterdir()
    again = subprocess.run(
        [sys.executable, "-c", PLANTED, "--replay", str(kept)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "ZeroDivisionError: planted" in again.stderr


@pytest.mark.slow
@pytest.mark.timeout(LONG_SECONDS + 180)
def test_a_long_run_finds_nothing(tmp_path: Path) -> None:
    """Ten minutes, or as many seconds as FUZZ_SECONDS says."""
    done = fuzz(tmp_path, LONG_SECONDS)
    assert done.returncode == 0, found(done)
    assert list(tmp_path.iterdir()) == []


def sanitized(seconds: int) -> int:
    """Fuzz the module in C with its memory watched."""
    if not (shutil.which("gcc") and Path(sysconfig.get_path("include"), "Python.h").exists()):
        pytest.skip("there is no gcc here")
    return in_c.run(seconds)


def test_the_module_in_c_stays_within_its_bounds() -> None:
    """A short run of messages and batches of any bytes; AddressSanitizer and UBSan look on."""
    assert sanitized(SHORT_SECONDS) == 0


@pytest.mark.slow
@pytest.mark.timeout(LONG_SECONDS + 300)
def test_the_module_in_c_stays_within_its_bounds_for_long() -> None:
    """The same, for ten minutes."""
    assert sanitized(LONG_SECONDS) == 0


def test_a_read_out_of_bounds_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that is not held ends the process: what looks on does look."""
    unbound = in_c.SOURCE.read_text().replace("span[VALUE_SIZE] <= size - span[VALUE_AT]", "true")
    assert unbound != in_c.SOURCE.read_text()
    planted = tmp_path / "_columns.c"
    planted.write_text(unbound)
    monkeypatch.setattr(in_c, "SOURCE", planted)
    assert sanitized(SHORT_SECONDS) != 0
