"""What was taken from npm is here as it was published, with its licence."""

from __future__ import annotations

import importlib.util
from pathlib import Path

FILE = Path(__file__).parents[2] / "requirements" / "vendor.py"


def test_vendored_files_are_what_the_lock_names() -> None:
    """An edit by hand, or a file that is missing, would go unnoticed until somebody brings in a new version."""
    spec = importlib.util.spec_from_file_location("vendor", FILE)
    assert spec is not None
    assert spec.loader is not None
    vendor = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(vendor)
    assert vendor.differences() == []
    for package in vendor.packages():
        assert any(kept["from"] == "LICENSE" for kept in package["files"])
