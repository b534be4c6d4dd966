"""docs/glossary.md has every word of messages and metrics, and nothing is called by a word that it rules out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry

from schemas import outputs, policies, remittances
from streams.core.rules import KINDS
from streams.shell.metrics import Metrics, NotifyMetrics

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "glossary.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| word ", "| --- "))
]
ON_THE_WIRE = set(re.findall(r"`([a-z0-9_]+)`", PAGE.read_text(encoding="utf-8")))
WORDS = set(re.findall(r"[a-z]+", " ".join(f"{row[0]} {row[1]}" for row in ROWS).lower()))
RULED_OUT = {word for row in ROWS for word in row[2].split(", ") if word}
MODELS = [
    *policies.MODELS.values(), *remittances.MODELS.values(), outputs.QuotaStatus, outputs.LevyStatus,
    outputs.OpenEpisode, outputs.QuotaAlert, outputs.DeadLetter,
]  # fmt: skip
#: Words of metrics' names that mean what they do everywhere: units, and how numbers are put.
PLAIN = {
    *("total", "amount", "ratio", "info", "build", "max", "age"),
    *("lead", "left", "out", "at", "to", "last", "remaining", "ok", "metrics"),
}
#: A word that is somebody else's: the name of a browser's feature.
NOT_OURS = {"streams/web/security.py": {"payment"}}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_of_a_message_is_explained(model: type) -> None:
    """A reader of the wire finds each field, and the code has the field's word and no other."""
    assert set(model.model_fields) - ON_THE_WIRE == set()  # type: ignore[attr-defined]


def test_every_value_of_the_wire_is_explained() -> None:
    """Types, kinds, levels and transitions too."""
    values = {*policies.MODELS, *remittances.MODELS, *(kind.name for kind in KINDS)}
    for said in (outputs.Kind, outputs.Severity, outputs.Level, outputs.LevyLevel, outputs.Transition):
        values |= set(get_args(said))
    assert values - ON_THE_WIRE == set()


def is_known(word: str) -> bool:
    """Tell whether a word of a metric's name, in whatever form, is one of the glossary's."""
    return any(word.removesuffix(ending) in WORDS for ending in ("", "s", "es", "ed"))


def test_every_word_of_a_metric_is_explained() -> None:
    """Who reads a chart finds what it is about."""
    declared = [*Metrics(CollectorRegistry()).declared, *NotifyMetrics(CollectorRegistry()).declared]
    words = {word for metric in declared for word in metric.name.removeprefix("quotastream_").split("_")}
    assert sorted(word for word in words - PLAIN if not is_known(word)) == []


def texts() -> list[Path]:
    """Return what people read and what code calls things by: pages, code, the page's files."""
    found = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
    for folder, ending in (("docs", "md"), ("streams", "py"), ("schemas", "py"), ("streams/web/static", "[hj][ts]*")):
        found += (ROOT / folder).rglob(f"*.{ending}")
    return [path for path in found if "vendor" not in path.parts and path != PAGE]


def test_nothing_is_called_by_a_word_that_is_ruled_out() -> None:
    """Two words for one thing are two things to who reads them first."""
    assert len(RULED_OUT) > 15
    said = re.compile(rf"(?:^|[^a-z])({'|'.join(sorted(RULED_OUT))})s?(?![a-z])", re.IGNORECASE | re.MULTILINE)
    wrong = {
        str(path.relative_to(ROOT)): words
        for path in texts()
        if (
            words := {word.lower() for word in said.findall(path.read_text(encoding="utf-8"))}
            - NOT_OURS.get(str(path.relative_to(ROOT)), set())
        )
    }
    assert wrong == {}
