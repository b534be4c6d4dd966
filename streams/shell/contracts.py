"""The published contracts as files: made of the code, and held against what is committed.

Not here: what a schema says (`schemas.publishing`), what a topic is like (`asyncapi.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import schemas
from schemas import publishing
from streams.shell import asyncapi

PUBLISHED: Final = Path(schemas.__file__).parent / "published"
ASYNCAPI_FILE: Final = "asyncapi.json"


def files() -> dict[str, str]:
    """Return every published file's text by its name."""
    made = {publishing.file_name(name): publishing.json_schema(name) for name in publishing.ALL}
    return {name: _text(value) for name, value in {**made, ASYNCAPI_FILE: asyncapi.document()}.items()}


def drift(folder: Path) -> list[str]:
    """Return how the files of a folder differ from what the code makes, one sentence each; none where they don't."""
    made = files()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return [
        *(f"{name}: missing" for name in sorted(made.keys() - there.keys())),
        *(f"{name}: no message has this schema" for name in sorted(there.keys() - made.keys())),
        *(f"{name}: not what the models say" for name in sorted(made) if made[name] != there.get(name, made[name])),
    ]


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
