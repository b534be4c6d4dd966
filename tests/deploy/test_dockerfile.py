"""The image's Dockerfile: linted, its pins those of the lock, and its build steps run as plain commands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.deploy.compose import ROOT

DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
TEXT = DOCKERFILE.read_text()


def test_the_linter_finds_nothing() -> None:
    """What hadolint warns of has cost others an image that is too large, not repeatable, or run by root."""
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_its_build_tools_are_those_of_the_lock() -> None:
    """An image that is built by another setuptools may hold other files than what was tested."""
    lock = (ROOT / "requirements" / "dev.lock").read_text()
    pinned = re.findall(r'"((?:setuptools|wheel)==[^"]+)"', TEXT)
    assert len(pinned) == 2
    assert [pin for pin in pinned if f"\n{pin} " not in lock] == []


def test_its_version_is_the_program_s() -> None:
    """The label names what is inside."""
    assert f"\nARG VERSION={version('quotastream')}\n" in TEXT


def test_only_what_the_image_is_made_of_is_sent_to_the_builder() -> None:
    """Every folder and file that is copied is let through by .dockerignore, and nothing else is."""
    copied = {word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", TEXT, re.MULTILINE) for word in line.split()}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_in
    assert [name for name in let_in if not (ROOT / name).exists()] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_its_build_steps_make_a_command_that_works(tmp_path: Path) -> None:
    """The RUN lines of the build stage, one after the other, in folders of this machine: no Docker is needed."""
    stage = TEXT.split("\nFROM ")[1]
    tools = tmp_path / "tools"  # in the place of the base image's python, which has a pip
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    places = {"/opt/quotastream": str(tmp_path / "opt"), "/build": str(tmp_path / "build")}
    for step in re.findall(r"^(RUN|COPY) ((?:.*\\\n)*.*)$", stage, re.MULTILINE):
        kind, words = step[0], step[1].replace("\\\n", " ")
        for inside, here in places.items():
            words = words.replace(inside, here)
        if kind == "RUN":
            subprocess.run(f"set -e; PATH={tools / 'bin'}:$PATH; {words}", shell=True, check=True, cwd=tmp_path)
        else:
            copy(words.split())
    command = tmp_path / "opt" / "bin" / "quotastream"
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    assert said == f"quotastream {version('quotastream')}\n"
    assert not (command.with_name("pip")).exists()


def copy(words: list[str]) -> None:
    """Do what COPY does with files and folders of the repository."""
    *sources, target = words
    for source in sources:
        origin, place = ROOT / source, Path(target)
        if origin.is_dir():
            shutil.copytree(origin, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, place)
