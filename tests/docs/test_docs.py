"""The documentation: its links lead somewhere, what is made of the code is as the code says, its commands work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streams.cli import reference

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Run by .ci/run itself: the demo, and these tests.
MAKE = re.compile(r"^make [^\n]*\n", re.MULTILINE)


@pytest.mark.parametrize("name", ["commands.md", "messages.md"])
def test_a_page_of_the_reference_is_made_of_the_code(name: str) -> None:
    """After a change of a command or a message `make reference` has to be run."""
    assert (reference.FOLDER / name).read_text() == reference.pages()[name]


def test_every_link_leads_somewhere(tmp_path: Path) -> None:
    """The site is built in strict mode: a page that none names, or a link or an anchor to nothing, is an error."""
    done = subprocess.run(
        [BIN / "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "site" / "tutorial.html").exists()


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
)
def test_every_target_of_make_that_is_named_is_there(page: Path) -> None:
    """A `make` command in a text is one that the Makefile knows."""
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert named - targets() == set()


def script(page: Path) -> str:
    """Return the shell commands of a page, less those of make."""
    return "".join(MAKE.sub("", block) for block in BLOCK.findall(page.read_text()))


def run(text: str, folder: Path) -> str:
    """Run commands as a user does on a machine where nothing runs yet; return what they printed."""
    folder.mkdir()
    (folder / ".venv").symlink_to(BIN.parent)
    (folder / "examples").symlink_to(ROOT / "examples")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUOTASTREAM_")}
    own = {f"XDG_{what}_HOME": str(folder / what.lower()) for what in ("DATA", "CONFIG", "STATE")}
    ending = "trap 'kill $(jobs -p) 2> /dev/null || true; .venv/bin/quotastream kafka stop; wait' EXIT\n"
    try:
        done = subprocess.run(
            ["bash", "-c", f"set -em\n{ending}{text}"],
            cwd=folder, env=kept | own, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder / "data", ignore_errors=True)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    return done.stdout


def test_the_tutorial_s_commands_work(tmp_path: Path) -> None:
    """Followed to the letter on a machine without Kafka, it shows what it says that it shows."""
    said = run(script(ROOT / "docs" / "tutorial.md"), tmp_path / "tutorial")
    assert "published 3 events" in said
    assert "150,000.00" in said
    assert "✓" in said
    assert re.search(r"tailors-1 .*behind_pace", said)


def test_the_readme_s_commands_work(tmp_path: Path) -> None:
    """What a stranger tries first, in the order of the page; what stays until Ctrl-C is given some seconds."""
    text = re.sub(
        r"^(\.venv/bin/quotastream (?:watch|web)\b[^#\n]*)", r"timeout 5 \1 || [ $? = 124 ] ",
        script(ROOT / "README.md"), flags=re.MULTILINE,
    )  # fmt: skip
    told = "until .venv/bin/quotastream status dandong-07 2> /dev/null; do sleep 1; done\n"
    text = text.replace(".venv/bin/quotastream status", f"{told}.venv/bin/quotastream status", 1)
    said = run(text, tmp_path / "readme")
    assert re.search(r"^dandong-07 ", said, re.MULTILINE)
    assert "✓" in said
    assert (tmp_path / "readme" / "2026.html").exists()
