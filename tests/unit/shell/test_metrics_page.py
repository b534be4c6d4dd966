"""docs/metrics.md says what the declarations say."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from streams.shell.metrics import Metrics, NotifyMetrics
from streams.shell.metrics_page import page

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_is_what_the_declarations_make() -> None:
    """A metric that is added, renamed or said otherwise would leave the page behind."""
    assert PAGE.read_text() == page(), "run `make docs-metrics`"


def test_names_and_words_are_in_order() -> None:
    """Each is named by Prometheus' conventions and says what it is in a sentence."""
    for metric in (*Metrics(CollectorRegistry()).declared, *NotifyMetrics(CollectorRegistry()).declared):
        assert metric.name.startswith("quotastream_")
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert metric.says.endswith((".", ")."))
        assert "|" not in metric.says
        assert metric.kind != "histogram" or metric.buckets == tuple(sorted(metric.buckets))
