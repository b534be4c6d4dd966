"""The tools that only Node has: installed once from their lock file, and run."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def installed(folder: Path = HERE) -> str:
    """Return Node's path once what a folder's lock file names is in its node_modules; skip where there is no Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no node or no npm here: `make packages` installs them")
    lock, mark = folder / "package-lock.json", folder / "node_modules" / ".installed"
    with (folder / "package.json").open() as guard:  # test processes run side by side
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not mark.is_file() or mark.read_bytes() != lock.read_bytes():
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
            subprocess.run(command, cwd=folder, check=True, timeout=240)
            mark.write_bytes(lock.read_bytes())
    return node


class Ajv:
    """The validator ajv with the published schemas, in a process of its own."""

    def __init__(self, published: Path) -> None:
        self._process = subprocess.Popen(
            [installed(), HERE / "judge.mjs", published], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._read() == "ready"

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def accepts(self, name: str, text: str) -> bool:
        """Return whether a message that is JSON passes its schema."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, text]) + "\n")
        self._process.stdin.flush()
        return {"true": True, "false": False}[self._read()]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def parsed_asyncapi(path: Path) -> dict[str, Any]:
    """Return what AsyncAPI's official parser says of a document."""
    done = subprocess.run(
        [installed(), HERE / "parse_asyncapi.mjs", path], capture_output=True, text=True, check=True, timeout=120
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said
