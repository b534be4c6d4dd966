"""Writes docs/metrics.md from the declarations: `python -m streams.shell.metrics_page > docs/metrics.md`."""

from __future__ import annotations

import sys

from prometheus_client import CollectorRegistry

from streams.shell.metrics import Declared, Metrics, NotifyMetrics

HEAD = """# Metrics

A worker serves them at `/metrics` with `--metrics-port N` (docs/operations.md, Health). This page is made from the
declarations in `streams/shell/metrics.py` (`make docs-metrics`); a test fails where it differs. Times are in seconds,
ratios go from 0 to 1. `topic` is a topic's name without the installation's prefix.

Each worker shows its own partitions and the groups at home in them: sum over the workers (`sum by (level)
(quotastream_groups)`). What every worker reads whole (policies, the clock) is the same on each: take the `max`.
Beside these there are prometheus-client's own `process_*` and `python_*`. To watch: the rules
in `deploy/prometheus/rules/`, and [the runbook](runbook.md).

| metric | kind | labels | what |
| --- | --- | --- | --- |
"""

NOTIFIER = """
## A notifier's

`quotastream notify --metrics-port N` serves these.

| metric | kind | labels | what |
| --- | --- | --- | --- |
"""


def page() -> str:
    """Return the page."""
    worker, notifier = Metrics(CollectorRegistry()).declared, NotifyMetrics(CollectorRegistry()).declared
    return HEAD + _rows(worker) + _buckets() + NOTIFIER + _rows(notifier)


def _rows(metrics: tuple[Declared, ...]) -> str:
    return "".join(map(_row, metrics))


def _row(metric: Declared) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.says} |\n"


def _buckets() -> str:
    by_bounds: dict[tuple[float, ...], list[str]] = {}
    for metric in Metrics(CollectorRegistry()).declared:
        if metric.buckets:
            by_bounds.setdefault(metric.buckets, []).append(f"`{metric.name}`")
    lines = [f"- {', '.join(names)}: {', '.join(f'{b:g}' for b in bounds)}\n" for bounds, names in by_bounds.items()]
    return "\n## Buckets\n\n" + "".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page())
