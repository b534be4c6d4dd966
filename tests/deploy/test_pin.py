"""Naming images by digest: `deploy/docker/pin.py` on copies of the real files, with digests that are made up."""

from __future__ import annotations

import importlib.util
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.deploy.compose import ROOT

if TYPE_CHECKING:
    from pathlib import Path

spec = importlib.util.spec_from_file_location("pin", ROOT / "deploy" / "docker" / "pin.py")
pin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pin)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a folder with the files in which images are named."""
    for file in pin.FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def digests(letter: str) -> dict[str, str]:
    """Return a digest for each image."""
    return dict.fromkeys(pin.images(), f"sha256:{letter * 64}")


def named(tree: Path) -> list[str]:
    """Return every image that compose runs and the Dockerfile builds on, as YAML and Docker read them."""
    services = yaml.safe_load((tree / "docker-compose.yml").read_text())["services"].values()
    defaults = [line.partition("=")[2] for line in (tree / pin.FILES[0]).read_text().splitlines() if "ARG " in line]
    bases = [default for default in defaults if default.startswith("python:")]
    return [one["image"] for one in services if "build" not in one] + bases


def test_every_image_of_others_is_pinned(tree: Path) -> None:
    """None is left out: what compose runs and isn't built here, and what the Dockerfile builds on."""
    assert sorted(image.partition("@")[0] for image in named(tree)) == sorted(pin.images())
    assert len(pin.images()) == 6
    pin.pin(digests("a"), tree)
    assert {image.partition("@")[2] for image in named(tree)} == {f"sha256:{'a' * 64}"}


def test_pinned_again_it_has_the_new_digests_and_nothing_else_has_changed(tree: Path) -> None:
    """And versions stay: taken off again, the digests leave the files as they were."""
    pin.pin(digests("a"), tree)
    pin.pin(digests("b"), tree)
    for file in pin.FILES:
        text = (tree / file).read_text()
        assert "a" * 64 not in text
        assert text.replace(f"@sha256:{'b' * 64}", "") == (ROOT / file).read_text()


def test_what_does_not_fit_is_refused_and_changes_nothing(tree: Path) -> None:
    """A digest that is missing, one of nothing that is used, and a line that is none."""
    few = digests("a")
    few.popitem()
    for wrong, says in ((few, "no digest for: grafana"), (digests("a") | {"x:1": "sha256:b"}, "not used here: x:1")):
        with pytest.raises(pin.PinError, match=says):
            pin.pin(wrong, tree)
    assert all((tree / file).read_text() == (ROOT / file).read_text() for file in pin.FILES)
    for text in ("python:3.11", "python:3.11 sha256:abc", f"a:1 sha256:{'a' * 64}\na:1 sha256:{'b' * 64}"):
        with pytest.raises(pin.PinError):
            pin.read(text)


def test_a_file_of_digests_is_read() -> None:
    """A line each, as the loop in the script's own words writes them."""
    assert pin.read(f"a/b:1.2 sha256:{'0' * 64}\n\nc:3 sha256:{'1' * 64}\n") == {
        "a/b:1.2": f"sha256:{'0' * 64}", "c:3": f"sha256:{'1' * 64}",
    }  # fmt: skip
