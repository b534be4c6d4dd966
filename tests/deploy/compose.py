"""docker-compose.yml as Compose reads it: merged, and with its variables filled in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<other>[^}]*))?\}")


def example_environment() -> dict[str, str]:
    """Return the variables of .env.example."""
    rows = [line.split("=", 1) for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]
    return dict(rows)


def load(environment: dict[str, str]) -> dict[str, Any]:
    """Return the file with its variables filled in; KeyError for one that has to be given and is not."""

    def fill(found: re.Match[str]) -> str:
        if given := environment.get(found["name"]):
            return given
        if found["kind"] != "-":
            raise KeyError(found["name"])
        return found["other"]

    return filled(yaml.safe_load(FILE.read_text()), fill)


def filled(value: Any, fill: Any) -> Any:
    """Return a tree with each text's variables filled in."""
    if isinstance(value, dict):
        return {key: filled(of, fill) for key, of in value.items()}
    if isinstance(value, list):
        return [filled(of, fill) for of in value]
    return _VARIABLE.sub(fill, value) if isinstance(value, str) else value
