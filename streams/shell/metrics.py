"""Every metric of the worker, declared in this one place (Prometheus naming; no label names a group)."""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The worker's metrics."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.records = Counter(
            "quotastream_records_total", "Records read from the input topics.", ["topic"], registry=registry
        )
        self.dead_letters = Counter(
            "quotastream_dead_letters_total",
            "Records that could not be used, by reason.",
            ["reason"],
            registry=registry,
        )
        self.folded = Counter(
            "quotastream_folded_packs_total", "Packs of the home log taken into the ledger.", registry=registry
        )
        self.folded_events = Counter(
            "quotastream_folded_events_total",
            "Remittances and reversals in those packs, repeats too.",
            registry=registry,
        )
        self.evaluations = Counter(
            "quotastream_evaluations_total", "Accounts evaluated (a group and a plan year, once).", registry=registry
        )
        self.evaluation_failures = Counter(
            "quotastream_evaluation_failures_total",
            "Groups that could not be evaluated or told of; the log names them.",
            registry=registry,
        )
        self.statuses = Counter("quotastream_statuses_total", "Statuses published.", registry=registry)
        self.alerts = Counter("quotastream_alerts_total", "Alerts published, by kind.", ["kind"], registry=registry)
        self.takeovers = Counter(
            "quotastream_takeovers_total", "Home partitions whose telling was taken over.", registry=registry
        )
        self.caught_up = Gauge(
            "quotastream_caught_up_partitions",
            "Home partitions past the catch-up barrier: the worker tells of their groups.",
            registry=registry,
        )
        self.transaction_seconds = Histogram(
            "quotastream_transaction_seconds", "Time that a transaction of told messages took.", registry=registry
        )
