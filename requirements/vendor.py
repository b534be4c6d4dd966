"""Brings in what the page and its tests take from npm, pinned and checked: `make vendor`.

vendor.lock names each package, its version, npm's own checksum of it, and each file that is kept, with its SHA-256.
The packages are fetched by npm's client; `--check` only holds the files that are here against the lock, offline.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = Path(__file__).with_name("vendor.lock")


def differences() -> list[str]:
    """Return what of the vendored files is not as the lock has it."""
    found = []
    for package in packages():
        for kept in package["files"]:
            file = ROOT / kept["to"]
            if not file.is_file():
                found.append(f"{kept['to']}: missing")
            elif hashlib.sha256(file.read_bytes()).hexdigest() != kept["sha256"]:
                found.append(f"{kept['to']}: not as {package['name']} {package['version']} has it")
    return found


def packages() -> list[dict[str, Any]]:
    """Return the lock's entries."""
    entries: list[dict[str, Any]] = json.loads(LOCK.read_text())
    return entries


def bring_in(package: dict[str, Any], folder: Path) -> None:
    """Fetch one package, check it, and put its files where they belong; their checksums go into the entry."""
    wanted = f"{package['name']}@{package['version']}"
    done = subprocess.run(["npm", "pack", "--silent", wanted], cwd=folder, capture_output=True, text=True, check=True)
    archive = folder / done.stdout.strip().splitlines()[-1]
    algorithm, _, digest = package["integrity"].partition("-")
    found = base64.b64encode(hashlib.new(algorithm, archive.read_bytes()).digest()).decode()
    if found != digest:
        raise SystemExit(f"vendor: {wanted} is not what the lock names: {algorithm}-{found}")
    with tarfile.open(archive) as tar:
        for kept in package["files"]:
            member = tar.extractfile(f"package/{kept['from']}")
            assert member is not None
            content = member.read()
            target = ROOT / kept["to"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            kept["sha256"] = hashlib.sha256(content).hexdigest()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare what is here with the lock")
    if not parser.parse_args().check:
        entries = packages()
        with tempfile.TemporaryDirectory() as folder:
            for package in entries:
                bring_in(package, Path(folder))
        LOCK.write_text(json.dumps(entries, indent=2) + "\n")
    found = differences()
    for line in found:
        print(f"vendor: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
