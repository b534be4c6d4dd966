"""Builds what is released, the same bytes from the same commit each time: `make release`.

Into dist/ go the sdist, the wheel that is built from it (without the module in C: it runs everywhere), an SBOM
(CycloneDX: what the run lock pins, the embedded broker's jars, the page's vendored scripts) and SHA256SUMS. What is
built is the tree as git tracks it, with the build tools of the dev lock and the commit's time in place of the clock.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BUILT = ("README.md", "LICENSE", "pyproject.toml", "setup.py", "streams", "schemas")


def release(into: Path) -> list[Path]:
    """Build all into a folder; return the files."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    into.mkdir(parents=True, exist_ok=True)
    epoch = int(_said("git", "log", "-1", "--format=%ct"))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _export(work / "tree")
        _build("--sdist", work / "tree", work / "made", epoch)
        (made,) = (work / "made").glob("*.tar.gz")
        sdist = into / made.name
        sdist.write_bytes(_evened(made, epoch))
        with tarfile.open(sdist) as tar:
            tar.extractall(work / "unpacked", filter="data")
        (unpacked,) = (work / "unpacked").iterdir()
        _build("--wheel", unpacked, into, epoch)
    wheel = into / f"quotastream-{version}-py3-none-any.whl"
    sbom = into / f"quotastream-{version}.cdx.json"
    sbom.write_text(json.dumps(_sbom(epoch), indent=2, sort_keys=True) + "\n")
    sums = into / "SHA256SUMS"
    files = [sdist, wheel, sbom]
    sums.write_text("".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files))
    return [*files, sums]


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _export(to: Path) -> None:
    """Copy what is built and tracked, as it is in the work tree: what lies about there is not released."""
    for name in _said("git", "ls-files", "-z", *BUILT).rstrip("\0").split("\0"):
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)


def _build(what: str, source: Path, into: Path, epoch: int) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", what, "--outdir", str(into), str(source)]
    # What the umask is would be in the archives.
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0", "PURE_PYTHON": "1"}
    done = subprocess.run(
        command, env=environment, umask=0o022, capture_output=True, text=True, check=False, cwd=source
    )
    if done.returncode:
        raise SystemExit(f"release: {what} can't be built: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _evened(archive: Path, epoch: int) -> bytes:
    """Return a tar.gz with its members in order, of nobody, and of one time: setuptools takes those from the disk."""
    raw = io.BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda found: found.name):
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = epoch
            member.mode = 0o755 if member.isdir() else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return gzip.compress(raw.getvalue(), mtime=epoch)


def _sbom(epoch: int) -> dict[str, Any]:
    command = [
        sys.executable, "-m", "cyclonedx_py", "requirements", "requirements/run.lock",
        "--pyproject", "pyproject.toml", "--output-reproducible", "--short-PURLs", "--of", "JSON",
    ]  # fmt: skip
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    sbom: dict[str, Any] = json.loads(done.stdout)
    sbom["components"] += [*_jars(), *_scripts()]
    for component in sbom["components"]:
        component.pop("externalReferences", None)  # where the lock's builder looked, which is nobody's business
    return sbom


def _jars() -> list[dict[str, Any]]:
    """Return the jars that the embedded broker fetches."""
    found = []
    for line in (ROOT / "streams" / "devkafka" / "jars.lock").read_text().splitlines():
        if line.startswith("#"):
            continue
        digest, _, coordinates = line.split()
        group, artifact, version = coordinates.split(":")[:3]
        found.append(_component(f"pkg:maven/{group}/{artifact}@{version}", artifact, version, digest))
    return found


def _scripts() -> list[dict[str, Any]]:
    """Return what of npm is in the wheel."""
    entries = json.loads((ROOT / "requirements" / "vendor.lock").read_text())
    inside = [one for one in entries if any(kept["to"].startswith("streams/") for kept in one["files"])]
    return [_component(f"pkg:npm/{one['name']}@{one['version']}", one["name"], one["version"]) for one in inside]


def _component(purl: str, name: str, version: str, sha256: str | None = None) -> dict[str, Any]:
    known = {"type": "library", "bom-ref": purl, "purl": purl, "name": name, "version": version}
    return known | ({"hashes": [{"alg": "SHA-256", "content": sha256}]} if sha256 else {})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "dist")
    for file in release(parser.parse_args().into):
        print(file)
