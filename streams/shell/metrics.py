"""Every metric, declared in this one place; docs/metrics.md is made from it.

Prometheus naming: base units, `_total` for counters, ratios from 0 to 1. Labels are bounded: topics are named without
the installation's prefix, regions beyond `census.REGIONS` are one, and no label names a group unless
QUOTASTREAM_METRICS_PER_GROUP asks for it. Counters and histograms are moved where the thing happens, once a chunk or
batch, never once a record; the gauges that are *read* are what the worker's loop found when it looked last, which it
does every second, so that a scrape costs the loop nothing.
"""

from __future__ import annotations

import platform
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple, get_args

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from schemas.outputs import Kind, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "quotastream_"
INPUTS = ("remittances", "policy-changes")
TOPICS = (*INPUTS, "quotastream-home")
ROUTED, DEAD_LETTER = "routed", "dead_letter"
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
WORK_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
DELAY_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 86400.0)
CHUNK_RECORDS = (1, 10, 100, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000)

Samples = dict[tuple[str, ...], float]  # by the values of the labels
Readings = dict[str, Samples]  # by the metric's name without PREFIX


class Declared(NamedTuple):
    """One metric, as the docs list it."""

    name: str
    kind: str  # counter, gauge, histogram, info
    labels: tuple[str, ...]
    says: str
    buckets: tuple[float, ...] = ()


class _Declaring:
    """Makes metrics, and takes note of each."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.all: list[Declared] = []

    def _note(self, name: str, kind: str, says: str, labels: tuple[str, ...], buckets: tuple[float, ...] = ()) -> str:
        self.all.append(Declared(PREFIX + name, kind, labels, says, buckets))
        return PREFIX + name

    def counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(self._note(name, "counter", says, labels), says, labels, registry=self._registry)

    def gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(self._note(name, "gauge", says, labels), says, labels, registry=self._registry)

    def histogram(self, name: str, says: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
        name = self._note(name, "histogram", says, labels, buckets)
        return Histogram(name, says, labels, buckets=buckets, registry=self._registry)

    def info(self, name: str, says: str, **values: str) -> None:
        self._note(name, "info", says, tuple(values))
        Info((PREFIX + name).removesuffix("_info"), says, registry=self._registry).info(values)

    def read(self, name: str, says: str, *labels: str) -> None:
        self._note(name, "gauge", says, labels)


class _Shown(Collector):
    """The gauges that are read: what `Metrics.show` was given last."""

    def __init__(self, declared: list[Declared]) -> None:
        self._declared = {gauge.name.removeprefix(PREFIX): gauge for gauge in declared}
        self._readings: Readings = {}
        self._shown_at = time.monotonic()

    def show(self, readings: Readings) -> None:
        unknown = readings.keys() - self._declared.keys()
        assert not unknown, f"not declared: {unknown}"
        self._readings, self._shown_at = readings, time.monotonic()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        readings: Readings = {**self._readings, "heartbeat_age_seconds": {(): time.monotonic() - self._shown_at}}
        for name, gauge in self._declared.items():
            family = GaugeMetricFamily(gauge.name, gauge.says, labels=gauge.labels)
            for values, number in readings.get(name, {}).items():
                family.add_metric(values, number)
            yield family


class Metrics:
    """The worker's metrics."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        declaring = _Declaring(registry)
        self._declare_work(declaring)
        self._declare_delays(declaring)
        directly = len(declaring.all)
        _declare_progress(declaring)
        _declare_accounts(declaring)
        _declare_policies(declaring)
        self._shown = _Shown(declaring.all[directly:])
        registry.register(self._shown)
        #: Every metric, in the order of the docs.
        self.declared: tuple[Declared, ...] = tuple(declaring.all)
        self._begin_at_zero()

    def _declare_work(self, declaring: _Declaring) -> None:
        self.records = declaring.counter(
            "records_total",
            "Records read from the input topics, by what became of them (`routed` or `dead_letter`).",
            "topic",
            "result",
        )
        self.dead_letters = declaring.counter(
            "dead_letters_total", "Dead letters made, by reason; one made again after a failure too.", "reason"
        )
        self.folded = declaring.counter("folded_packs_total", "Packs of the home log taken into the ledger.")
        self.folded_events = declaring.counter(
            "folded_events_total", "Remittances and reversals in those packs, repeats too."
        )
        self.evaluations = declaring.counter(
            "evaluations_total", "Accounts evaluated (a group and a plan year, once)."
        )
        self.statuses = declaring.counter("statuses_total", "Statuses published.")
        self.alerts = declaring.counter("alerts_total", "Alerts published, by the episode's kind.", "kind")
        self.takeovers = declaring.counter("takeovers_total", "Home partitions whose telling was taken over.")
        self.restarts = declaring.counter(
            "restarts_total", "Times that the worker was put together anew in the same process, after a failure."
        )
        self.evaluation_failures = declaring.counter(
            "evaluation_failures_total", "Groups that could not be evaluated or told of; the log names them."
        )
        self.log_events = declaring.counter(
            "log_events_total", "Events logged, by level, those too that were only counted as repeats.", "level"
        )
        self.chunk_records = declaring.histogram(
            "chunk_records", "Records in a chunk that an agent was handed.", "topic", buckets=CHUNK_RECORDS
        )
        declaring.info("build_info", "Versions of what runs, as labels; the value is 1.", **_versions())

    def _declare_delays(self, declaring: _Declaring) -> None:
        self.route_seconds = declaring.histogram(
            "route_seconds",
            "Time from a chunk's handing out until the internal logs acknowledged all that came of it.",
            "topic",
            buckets=WORK_SECONDS,
        )
        self.fold_seconds = declaring.histogram(
            "fold_seconds", "Time that a local transaction of the ledger took.", buckets=WORK_SECONDS
        )
        self.commit_seconds = declaring.histogram(
            "commit_seconds", "Time that a commit of input offsets took.", buckets=WORK_SECONDS
        )
        self.transaction_seconds = declaring.histogram(
            "transaction_seconds", "Time that a Kafka transaction of told messages took.", buckets=WORK_SECONDS
        )
        self.record_to_fold_seconds = declaring.histogram(
            "record_to_fold_seconds",
            "Time from a record's timestamp until its pack was folded: of the first record of each pack, once the "
            "partition is caught up.",
            buckets=DELAY_SECONDS,
        )
        self.record_to_told_seconds = declaring.histogram(
            "record_to_told_seconds",
            "Time from a record's timestamp until what came of it was committed to the output topics, by message "
            "(`status` or `alert`). What a new day brings is in no record, and not counted.",
            "message",
            buckets=DELAY_SECONDS,
        )
        self.last_record_timestamp = declaring.gauge(
            "last_record_timestamp_seconds",
            "The newest processed record's timestamp, in seconds since 1970; 0 before one.",
            "topic",
        )

    def _begin_at_zero(self) -> None:
        """Let every series that may come be there from the start: a rate is wrong where one begins at 1."""
        for topic in INPUTS:
            for result in (ROUTED, DEAD_LETTER):
                self.records.labels(topic, result)
            self.route_seconds.labels(topic)
        for topic in TOPICS:
            self.chunk_records.labels(topic)
            self.last_record_timestamp.labels(topic)
        for reason in get_args(Reason):
            self.dead_letters.labels(reason)
        for kind in get_args(Kind):
            self.alerts.labels(kind)
        for message in ("status", "alert"):
            self.record_to_told_seconds.labels(message)
        for level in LOG_LEVELS:
            self.log_events.labels(level)

    def show(self, readings: Readings) -> None:
        """Take what the worker's loop read just now, for the scrapes until it reads again."""
        self._shown.show(readings)


class NotifyMetrics:
    """A notifier's metrics."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        declaring = _Declaring(registry)
        self.posted = declaring.counter(
            "notify_messages_total", "Messages of quota-alerts that the target accepted, repeats too."
        )
        self.failures = declaring.counter("notify_failures_total", "Posts that the target did not accept.")
        self.waiting = declaring.gauge(
            "notify_waiting_messages", "Messages that were read, and that the target has not accepted yet."
        )
        self.lag = declaring.gauge("notify_lag_records", "Records of quota-alerts that were not read yet.")
        self.open_episodes = declaring.gauge("notify_open_episodes", "Alert episodes that are open.")
        self.accepted_at = declaring.gauge(
            "notify_accepted_timestamp_seconds", "When the target accepted a post last; 0 before the first."
        )
        self.declared: tuple[Declared, ...] = tuple(declaring.all)


def _declare_progress(declaring: _Declaring) -> None:
    read = declaring.read
    read("heartbeat_age_seconds", "Time since the worker's loop turned last; it should every second.")
    read("check_ok", "The checks of /readyz: 1 where all is well, else 0.", "check")
    read(
        "lag_records",
        "Records not worked through yet, of each partition that is this worker's, and of the policies log.",
        "topic",
        "partition",
    )
    read(
        "lag_seconds",
        "Age, by its timestamp, of the oldest record not worked through; 0 where there is none.",
        "topic",
        "partition",
    )
    read("home_partitions", "Home partitions that are this worker's.")
    read("caught_up_partitions", "Those of them past the catch-up barrier: the worker tells of their groups.")
    read("restore_remaining_records", "Records of the home log to fold before the others can be told of.")
    read("restore_ratio", "How much of the home log is folded of those others; 1 where there are none.")
    read("untold_groups", "Groups in which something changed that is not told yet.")
    read("untold_seconds", "For how long at most a group has been waiting to be told of.")
    read(
        "day_reached_timestamp_seconds",
        "The day reached that the worker tells by: its midnight UTC, in seconds since 1970.",
    )
    read(
        "clock_lead_seconds",
        "How far the worker's clock is ahead of the brokers', by the time that a broker gives to what is written to "
        "the home log; behind where negative. None before the first write, and none in a replay.",
    )


def _declare_accounts(declaring: _Declaring) -> None:
    read = declaring.read
    read("groups", "Groups with an account of the running plan year, by level and region.", "level", "region")
    read(
        "groups_at_attainment",
        "Those of them whose attainment_to_date is at most `le`; for histogram_quantile. Groups of which nothing is "
        "expected yet are not among them.",
        "le",
    )
    read("open_episodes", "Open alert episodes, of all plan years.", "kind", "severity")
    read(
        "unconverted_amount",
        "Money that waits for a target or for an exchange rate, in major units of its currency.",
        "currency",
    )
    read(
        "unassigned_amount",
        "Money that is earmarked for a levy which does not hold, in major units of its currency.",
        "currency",
    )
    read(
        "remittances_ahead",
        "Remittances of a day after the day reached: they count once it comes. Many at once: a producer's clock.",
    )
    read(
        "group_attainment_ratio",
        "attainment_to_date of a group in the running plan year (QUOTASTREAM_METRICS_PER_GROUP).",
        "group_id",
    )
    read("group_level", "1 for the level of a group (QUOTASTREAM_METRICS_PER_GROUP).", "group_id", "level")
    read("group_metrics_left_out", "Groups beyond QUOTASTREAM_METRICS_PER_GROUP; none where that is 0.")


def _declare_policies(declaring: _Declaring) -> None:
    read = declaring.read
    read("policies_in_force", "Policies known, issued, and not revoked by the day reached.", "type")
    read(
        "late_decrees",
        "Decrees known that were issued over a day before they arrived: each changes what was true by then.",
    )
    read("late_decrees_max_seconds", "The longest of those times between issue and arrival.")
    read("early_decrees", "Decrees known that were dated over a day after they arrived: a producer's clock.")


def _versions() -> Mapping[str, str]:
    return {
        "version": version("quotastream"),
        "python": platform.python_version(),
        "faust": version("faust-streaming"),
        "aiokafka": version("aiokafka"),
    }
