"""What is released: the same bytes from the same tree, whole, and fit to run where there is nothing but Python."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
INSTALL_SECONDS = 900

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a release."""
    return release(tmp_path_factory.mktemp("released"), "022")


def release(into: Path, umask: str) -> Path:
    """Build a release, as `make release` does, under a umask."""
    script = f"umask {umask} && exec '{sys.executable}' requirements/release.py --into '{into}'"
    subprocess.run(["sh", "-c", script], cwd=ROOT, check=True, capture_output=True, timeout=300)
    return into


def test_the_same_tree_gives_the_same_bytes(released: Path, tmp_path: Path) -> None:
    """Whoever builds it again, at another time and under another umask, can hold theirs against ours."""
    again = release(tmp_path, "077")
    assert sorted(file.name for file in again.iterdir()) == sorted(file.name for file in released.iterdir())
    for file in released.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name
    for line in (released / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((released / name).read_bytes()).hexdigest() == digest


def test_all_that_the_program_reads_is_in_the_wheel_and_in_the_sdist(released: Path) -> None:
    """A file that is left out would be missed where there is no checkout."""
    tracked = subprocess.run(
        ["git", "ls-files", "streams", "schemas"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    (wheel,) = released.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert set(tracked) - inside == set()
    licences = {Path(name).name for name in inside if ".dist-info/licenses/" in name}
    assert {"LICENSE", "uPlot.LICENSE"} <= licences
    (sdist,) = released.glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        unpacked = {name.partition("/")[2] for name in tar.getnames()}
    assert {*tracked, "pyproject.toml", "README.md", "LICENSE"} - unpacked == set()


def test_the_bill_of_materials_is_valid_and_names_what_comes_along(released: Path) -> None:
    """Packages, the broker's jars, the page's script; and no place of the machine that built it."""
    (sbom,) = released.glob("*.cdx.json")
    text = sbom.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = {component["purl"] for component in json.loads(text)["components"]}
    for start in ("pkg:pypi/aiokafka@", "pkg:maven/org.apache.kafka/kafka_2.13@", "pkg:npm/uplot@"):
        assert any(part.startswith(start) for part in parts), start
    assert str(ROOT) not in text


@cache
def python(version: str) -> str | None:
    """Return an interpreter of a version, where this machine has one."""
    places = [*map(str, Path.home().glob(f".pyenv/versions/{version}*/bin/python{version}")), f"python{version}"]
    for place in filter(None, map(shutil.which, places)):
        ask = [place, "-c", "import ensurepip, sys; print(sys.version)"]
        asked = subprocess.run(ask, capture_output=True, text=True, check=False)
        if asked.returncode == 0 and asked.stdout.startswith(version):
            return place
    return None


def python_or_skip(version: str) -> str:
    """Return such an interpreter; skip the test where there is none."""
    return python(version) or pytest.skip(f"there is no Python {version} here")


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give an environment without settings, and with data of its own; only the fetched jars are shared."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("QUOTASTREAM_", "PYTHON"))}
    yield own | {"XDG_DATA_HOME": str(tmp_path / "data")}
    shutil.rmtree(tmp_path, ignore_errors=True)  # some hundred MB each


@pytest.mark.parametrize("version", PYTHONS)
def test_the_wheel_runs_the_demo_in_an_empty_environment(
    released: Path, tmp_path: Path, plain: dict[str, str], version: str
) -> None:
    """`pip install quotastream-*.whl`, then `quotastream demo`: nothing of the checkout is needed."""
    (wheel,) = released.glob("*.whl")
    command = installed(python_or_skip(version), wheel, tmp_path, plain)
    demo = [command, "demo", "--once", "--groups", "6", "--remittances", "500", "--data-dir", str(tmp_path / "kafka")]
    assert not has_c(command, plain)
    done = subprocess.run(demo, cwd=tmp_path, env=plain, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "who is behind (the first 6 of 6 groups)" in done.stdout
    doctor = subprocess.run([command, "doctor", "--json"], cwd=tmp_path, env=plain, capture_output=True, check=False)
    states = {finding["check"]: finding["state"] for finding in json.loads(doctor.stdout)}
    assert states["versions"] == "ok"


@pytest.mark.parametrize("version", PYTHONS)
def test_the_sdist_can_be_installed(released: Path, tmp_path: Path, plain: dict[str, str], version: str) -> None:
    """Packagers build from it."""
    (sdist,) = released.glob("*.tar.gz")
    command = installed(python_or_skip(version), sdist, tmp_path, plain)
    said = subprocess.run([command, "--version"], env=plain, capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.strip() == f"quotastream {sdist.name.removeprefix('quotastream-').removesuffix('.tar.gz')}"
    assert has_c(command, plain) == (shutil.which("cc") is not None)


def has_c(command: str, environment: dict[str, str]) -> bool:
    """Whether the module in C is there: the sdist has it built where that can be, the wheel does without."""
    ask = [str(Path(command).with_name("python")), "-c", "from streams.shell import native; print(native.columns)"]
    return "_columns" in subprocess.run(ask, env=environment, capture_output=True, text=True, check=True).stdout


def installed(interpreter: str, what: Path, folder: Path, environment: dict[str, str]) -> str:
    """Install into a new environment, at the locked versions; return the command."""
    home = folder / "environment"
    subprocess.run([interpreter, "-m", "venv", str(home)], env=environment, check=True, timeout=120)
    pinned = folder / "constraints.txt"
    lines = (ROOT / "requirements" / "run.lock").read_text().splitlines()
    pinned.write_text("\n".join(line.rstrip(" \\") for line in lines if "==" in line and not line.startswith(" ")))
    arguments = [str(home / "bin" / "pip"), "install", "--quiet", "--constraint", str(pinned), str(what)]
    done = subprocess.run(
        arguments, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return str(home / "bin" / "quotastream")
