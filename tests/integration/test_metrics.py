"""The metrics of a real worker after real events: each that is declared is there, and says what is so."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest
from prometheus_client import CollectorRegistry

from streams.shell.metrics import Metrics
from tests.observing import AHEAD, BEHIND, DAY, PER_GROUP, Observed, observed
from tests.running import PARTITIONS, get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.devkafka.broker import Broker

CLOCK = datetime.fromisoformat(f"{DAY}T12:00:00Z").astimezone(UTC)


class Scrape:
    """One scrape, asked by a metric's name and some of its labels."""

    def __init__(self, worker: Observed) -> None:
        self._worker = worker.worker
        self._samples = [sample for family in worker.families().values() for sample in family.samples]

    def all(self, name: str, **labels: str) -> list[float]:
        """Return the values of the samples that have these labels, among others."""
        return [
            sample.value
            for sample in self._samples
            if sample.name == f"quotastream_{name}" and labels.items() <= sample.labels.items()
        ]

    def one(self, name: str, **labels: str) -> float | None:
        """Return the value of the one sample with these labels; None where there is none."""
        found = self.all(name, **labels)
        assert len(found) <= 1, found
        return found[0] if found else None

    def logged(self, level: str) -> int:
        """Return how many events of a level the worker's log has."""
        return self._worker.said(f'"level":"{level}"')

    def observed(self, name: str, **labels: str) -> bool:
        """Whether a histogram has some observations, none of them negative."""
        return bool(sum(self.all(f"{name}_count", **labels))) and min(self.all(f"{name}_sum", **labels)) >= 0


def near(value: float | None, wanted: float, within: float) -> bool:
    """Whether a value is about as wanted."""
    return value is not None and abs(value - wanted) <= within


#: What each metric says after `Observed.play`.
SAYS: dict[str, Callable[[Scrape], object]] = {
    "records_total": lambda s: (
        s.one("records_total", topic="remittances", result="routed") == 5
        and s.one("records_total", topic="remittances", result="dead_letter") == 1
        and s.one("records_total", topic="policy-changes", result="routed") == 9
    ),
    "dead_letters_total": lambda s: (
        s.one("dead_letters_total", reason="not_json") == 1 and sum(s.all("dead_letters_total")) == 1
    ),
    "folded_packs_total": lambda s: (s.one("folded_packs_total") or 0) >= PARTITIONS,  # packs or stamps
    "folded_events_total": lambda s: s.one("folded_events_total") == 5,
    "evaluations_total": lambda s: (s.one("evaluations_total") or 0) >= 4,
    "evaluation_failures_total": lambda s: s.one("evaluation_failures_total") == 0,
    "statuses_total": lambda s: (s.one("statuses_total") or 0) >= 4,
    "alerts_total": lambda s: (
        (s.one("alerts_total", kind="behind_pace") or 0) >= 2 and (s.one("alerts_total", kind="silent") or 0) >= 1
    ),
    "takeovers_total": lambda s: s.one("takeovers_total") == PARTITIONS,
    "restarts_total": lambda s: s.one("restarts_total") == 0,
    "log_events_total": lambda s: s.one("log_events_total", level="info") == s.logged("info") > PARTITIONS,
    "chunk_records": lambda s: (
        s.observed("chunk_records", topic="remittances") and s.observed("chunk_records", topic="quotastream-home")
    ),
    "build_info": lambda s: len(s.all("build_info")) == 1,
    "route_seconds": lambda s: s.observed("route_seconds", topic="policy-changes"),
    "fold_seconds": lambda s: s.observed("fold_seconds"),
    "commit_seconds": lambda s: s.observed("commit_seconds"),
    "transaction_seconds": lambda s: s.observed("transaction_seconds"),
    "record_to_fold_seconds": lambda s: 1 <= (s.one("record_to_fold_seconds_count") or 0) <= 5,  # of a pack one
    "record_to_told_seconds": lambda s: (
        s.observed("record_to_told_seconds", message="status")
        and s.observed("record_to_told_seconds", message="alert")
    ),
    "last_record_timestamp_seconds": lambda s: all(
        near(s.one("last_record_timestamp_seconds", topic=topic), time.time(), 300)
        for topic in ("remittances", "policy-changes", "quotastream-home")
    ),
    "heartbeat_age_seconds": lambda s: 0 <= (s.one("heartbeat_age_seconds") or 0) < 30,
    "check_ok": lambda s: (
        s.one("check_ok", check="recovery")
        == s.one("check_ok", check="progress")
        == s.one("check_ok", check="loop")
        == 1
    ),
    "lag_records": lambda s: len(s.all("lag_records")) == 3 * PARTITIONS + 1 and not any(s.all("lag_records")),
    "lag_seconds": lambda s: len(s.all("lag_seconds")) == 3 * PARTITIONS and not any(s.all("lag_seconds")),
    "home_partitions": lambda s: s.one("home_partitions") == PARTITIONS,
    "caught_up_partitions": lambda s: s.one("caught_up_partitions") == PARTITIONS,
    "restore_remaining_records": lambda s: s.one("restore_remaining_records") == 0,
    "restore_ratio": lambda s: s.one("restore_ratio") == 1,
    "untold_groups": lambda s: s.one("untold_groups") == 0,
    "untold_seconds": lambda s: 0 <= (s.one("untold_seconds") or 0) < 30,
    "day_reached_timestamp_seconds": lambda s: (
        s.one("day_reached_timestamp_seconds") == CLOCK.replace(hour=0).timestamp()
    ),
    "clock_lead_seconds": lambda s: near(s.one("clock_lead_seconds"), CLOCK.timestamp() - time.time(), 120),
    "groups": lambda s: (
        s.one("groups", level="ok", region="north") == s.one("groups", level="warning", region="north") == 1
        and s.one("groups", level="critical", region="south") == 2
        and sum(s.all("groups")) == 4
    ),
    "groups_at_attainment": lambda s: (
        s.one("groups_at_attainment", le="0.8") == 2
        and s.one("groups_at_attainment", le="0.85") == 3
        and s.one("groups_at_attainment", le="+Inf") == 4
    ),
    "open_episodes": lambda s: (
        s.one("open_episodes", kind="behind_pace", severity="critical") == 2
        and s.one("open_episodes", kind="behind_pace", severity="warning") == 1
        and s.one("open_episodes", kind="silent", severity="warning") == 1
    ),
    "unconverted_amount": lambda s: s.one("unconverted_amount", currency="RUB") == 120,
    "unassigned_amount": lambda s: s.one("unassigned_amount", currency="USD") == 7,
    "remittances_ahead": lambda s: s.one("remittances_ahead") == 1,
    "group_attainment_ratio": lambda s: (
        len(s.all("group_attainment_ratio")) == PER_GROUP
        and all(
            near(ratio, wanted, 0.0001)
            for group, wanted in ((AHEAD, 1.0497), (BEHIND, 0.8287))
            for ratio in s.all("group_attainment_ratio", group_id=group)
        )
    ),
    "group_level": lambda s: s.all("group_level") == [1.0] * PER_GROUP,
    "group_metrics_left_out": lambda s: s.one("group_metrics_left_out") == 4 - PER_GROUP,
    "policies_in_force": lambda s: (
        s.one("policies_in_force", type="group_opened") == s.one("policies_in_force", type="target_set") == 4
        and s.one("policies_in_force", type="target_adjusted") is None
    ),
    "late_decrees": lambda s: s.one("late_decrees") == 8,
    "late_decrees_max_seconds": lambda s: (s.one("late_decrees_max_seconds") or 0) > 86_400,
    "early_decrees": lambda s: s.one("early_decrees") == 1,
}


@pytest.fixture(scope="module")
def worker(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """Run a worker after events that move every metric."""
    folder = tmp_path_factory.mktemp("metrics")
    with observed(kafka.bootstrap_servers, folder, metrics_per_group=str(PER_GROUP)) as it:
        yield it


@pytest.mark.parametrize(
    "metric", [d.name.removeprefix("quotastream_") for d in Metrics(CollectorRegistry()).declared]
)
def test_each_metric_says_what_is_so(worker: Observed, metric: str) -> None:
    """A metric that is declared and never moved, or wrongly, would mislead whoever looks at it."""
    deadline = time.monotonic() + 30
    while not SAYS[metric](scrape := Scrape(worker)):
        assert time.monotonic() < deadline, [s for s in scrape._samples if s.name.startswith(f"quotastream_{metric}")]
        time.sleep(0.2)


def test_no_label_is_unbounded_unless_asked_for(worker: Observed) -> None:
    """Only the metrics that --metrics-per-group asks for name a group."""
    names = {
        sample.name
        for family in worker.families().values()
        for sample in family.samples
        if {AHEAD, BEHIND} & set(sample.labels.values())
    }
    assert names <= {"quotastream_group_attainment_ratio", "quotastream_group_level"}
    assert worker.house.names.prefix not in get(worker.port, "/metrics")[1]


def test_each_line_of_the_log_is_one_event(worker: Observed) -> None:
    """Whatever collects logs takes a line for an event, and finds level, logger and text in each by name."""
    events = [json.loads(line) for line in worker.worker.log.read_text().splitlines()]
    assert {"home partition 0", "worker ready"} <= {event["event"].split(":")[0] for event in events}
    for event in events:
        assert event.keys() >= {"time", "level", "logger", "event"}
        assert datetime.fromisoformat(event["time"]).tzinfo


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool (make packages)")
@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text"])
def test_prometheus_finds_nothing_to_mend(worker: Observed, accept: str) -> None:
    """Prometheus' own linter reads the page and finds its names in order; both formats are served."""
    request = Request(f"http://127.0.0.1:{worker.port}/metrics", headers={"Accept": accept})
    with urlopen(request, timeout=10) as answer:
        assert accept in answer.headers["Content-Type"]
        body = answer.read()
    if accept == "text/plain":
        linted = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False)
        complaints = [line for line in linted.stderr.decode().splitlines() if line.startswith("quotastream_")]
        # Counts that go up and down can't be a histogram, and histogram_quantile asks for this label.
        complaints = [line for line in complaints if not line.startswith("quotastream_groups_at_attainment")]
        assert (linted.returncode in {0, 3}, complaints) == (True, [])
    else:
        assert body.endswith(b"# EOF\n")
