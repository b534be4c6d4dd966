"""What is deployed beside the workers: rules, alerts, dashboards and the runbook fit together and fit the metrics."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from streams.shell import metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool (make packages)")


def rules() -> list[dict[str, Any]]:
    """Return every rule, recorded and alerting."""
    return [rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


ALERTS = [rule for rule in rules() if "alert" in rule]


def panels(board: Path) -> list[dict[str, Any]]:
    """Return the panels of a dashboard that show something."""
    return [panel for panel in json.loads(board.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> dict[str, str]:
    """Return every query there is, by where it stands."""
    found = {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules()}
    for board in DASHBOARDS:
        for panel in panels(board):
            found |= {f"{board.name}, {panel['title']}, {t['refId']}": t["expr"] for t in panel["targets"]}
    return found


@needs_promtool
@pytest.mark.parametrize("arguments", [
    ["check", "config", "prometheus.yml"],
    ["check", "rules", *(f"rules/{file.name}" for file in RULES)],
    ["test", "rules", "tests/alerts.yml"],
])  # fmt: skip
def test_prometheus_takes_them(arguments: list[str]) -> None:
    """Prometheus itself reads the configuration and the rules, and the rules pass their unit tests."""
    done = subprocess.run(
        ["promtool", *arguments], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("amtool"), reason="needs amtool (make packages)")
def test_alertmanager_takes_its_configuration() -> None:
    """Alertmanager reads it; ours and the groups' alerts go to different people."""
    config = str(DEPLOY / "alertmanager" / "alertmanager.yml")
    done = subprocess.run(["amtool", "check-config", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for alertname, receiver in (("QuotastreamNoWorker", "operators"), ("QuotaBehindPace", "analysts")):
        arguments = ["amtool", "config", "routes", "test", f"--config.file={config}", f"alertname={alertname}"]
        routed = subprocess.run(arguments, capture_output=True, text=True, check=True)
        assert routed.stdout.strip() == receiver


def test_every_alert_is_seen_firing_and_not_firing() -> None:
    """An alert without a unit test may never fire, or always."""
    text = (DEPLOY / "prometheus" / "tests" / "alerts.yml").read_text()
    fires: set[str] = set()
    rests: set[str] = set()
    for test in yaml.safe_load(text)["tests"]:
        for asked in test.get("promql_expr_test", ()):
            name = re.search(r'alertname="(\w+)"', asked["expr"])
            assert name
            (fires if asked["exp_samples"] else rests).add(name[1])
    named = {alert["alert"] for alert in ALERTS}
    assert named <= fires
    assert named <= rests


def test_every_alert_has_its_section_in_the_runbook() -> None:
    """Whoever is woken up has to find what to do; a section that no alert leads to is out of date."""
    headings = re.findall(r"^## (Quotastream\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(alert["alert"] for alert in ALERTS)
    for alert in ALERTS:
        assert alert["annotations"]["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"
        assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
        assert alert["labels"]["severity"] in {"info", "warning", "critical"}


def test_only_metrics_that_exist_are_asked_for() -> None:
    """A query for a metric that was renamed shows nothing and never fires."""
    worker, notifier = metrics.Metrics(CollectorRegistry()), metrics.NotifyMetrics(CollectorRegistry())
    known = {rule["record"] for rule in rules() if "record" in rule}
    for metric in (*worker.declared, *notifier.declared):
        parts = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        known |= {metric.name + part for part in parts}
    for where, expression in expressions().items():
        for name in re.findall(r"quotastream[\w:]*", re.sub(r'"quotastream-[\w-]*"', "", expression)):
            assert name in known, f"{where}: {name}"


def test_dashboards_are_in_order() -> None:
    """Panels have ids of their own, say what they show and fit side by side; Grafana finds them where they are."""
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/quotastream.yml").read_text())
    assert provider["providers"][0]["options"]["path"].endswith("/dashboards")
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][
        0
    ]
    for board in DASHBOARDS:
        shown = json.loads(board.read_text())
        assert shown["uid"] == f"quotastream-{board.stem}"
        assert len({panel["id"] for panel in shown["panels"]}) == len(shown["panels"])
        cells = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in shown["panels"]]
        assert len(set(cells)) == len(cells)
        for panel in panels(board):
            assert panel["title"]
            assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
            assert {t["datasource"]["uid"] for t in panel["targets"]} == {source["uid"]}
