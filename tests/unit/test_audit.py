"""`make audit`: a finding fails, a service that is away is said, and every lock is pinned with hashes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

PATH = Path(__file__).parents[2] / "requirements" / "audit.py"
SPEC = importlib.util.spec_from_file_location("audit", PATH)
assert SPEC is not None
assert SPEC.loader is not None
audit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(audit)

CLEAN = {"name": "good", "version": "1", "vulns": []}
FOUND = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-2026-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "odd", "skip_reason": "Dependency not found on PyPI and could not be audited: odd (1)"}


def run(monkeypatch: pytest.MonkeyPatch, answer: str, *arguments: str) -> int:
    """Audit, with what pip-audit writes made up."""
    done = SimpleNamespace(stdout=answer, stderr="Traceback\nConnectionError: no such host")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    return int(audit.main(list(arguments)))


def report(*dependencies: dict[str, Any]) -> str:
    """Return what pip-audit writes."""
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_a_finding_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With its name, and where it is mended."""
    assert run(monkeypatch, report(CLEAN, FOUND)) == 1
    assert "bad 2: CVE-2026-1 (mended in 3)" in capsys.readouterr().out


def test_no_finding_passes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is called unaudited."""
    assert run(monkeypatch, report(CLEAN), "--strict") == 0
    assert "NOT AUDITED" not in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["", report(SKIPPED)])
def test_a_service_that_is_away_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    """pip-audit itself would say that there are no known vulnerabilities where it could look nothing up."""
    assert run(monkeypatch, answer) == 0
    assert "NOT AUDITED: the vulnerability service can't be reached" in capsys.readouterr().out
    assert run(monkeypatch, answer, "--strict") == 1


def test_what_was_not_looked_up_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside what was."""
    assert run(monkeypatch, report(CLEAN, SKIPPED)) == 0
    assert "NOT AUDITED, for the service doesn't know them: odd" in capsys.readouterr().out


@pytest.mark.parametrize("lock", audit.LOCKS, ids=lambda lock: lock.name)
def test_every_lock_is_pinned_with_hashes(lock: Path) -> None:
    """And what isn't would be noticed."""
    text = lock.read_text()
    assert text.count("==") > 50
    assert audit.unpinned(text) == []
    assert audit.unpinned(f"loose>=1\n{text}") == ["loose"]
    assert audit.unpinned(f"{text}\nunhashed==1 ; python_version > '3'\n    # via\n") == ["unhashed"]
