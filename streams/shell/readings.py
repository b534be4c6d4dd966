"""What the worker's loop reads off its parts once a second, for the gauges of `streams.shell.metrics`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streams.core.events import EPOCH_DAY
from streams.shell import health
from streams.shell.clock import WallClock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.core.events import Day
    from streams.shell.census import Census
    from streams.shell.folder import Folder
    from streams.shell.metrics import Readings, Samples
    from streams.shell.outbox import BrokerTime
    from streams.shell.policy_log import PolicyLog
    from streams.shell.transport import ChunkConsumer
    from streams.shell.watchdog import Watchdog
    from streams.shell.workplace import Workplace

DAY_SECONDS = 86_400


def of_checks(checks: Iterable[health.Check]) -> Readings:
    """Return the readings that there are at any time, of a worker that starts or stops too."""
    return {"check_ok": {(check.name,): float(check.ok) for check in checks}}


def of_worker(
    place: Workplace, consumer: ChunkConsumer, watchdog: Watchdog, folder: Folder, broker_time: BrokerTime | None
) -> Readings:
    """Return the readings of a worker that runs."""
    day = place.day_reached()
    readings: Readings = {
        **_lags(place, consumer, watchdog),
        **_restoring(place, watchdog, folder),
        "untold_groups": {(): float(folder.untold_groups())},
        "untold_seconds": {(): folder.untold_seconds(time.monotonic())},
        "day_reached_timestamp_seconds": {(): float((day - EPOCH_DAY) * DAY_SECONDS)},
        **of_census(place.census),
        **_policies(place.policy_log, day),
    }
    if isinstance(place.day_reached, WallClock) and broker_time is not None:
        lead_seconds = place.day_reached.now() - broker_time.now(time.monotonic())
        readings["clock_lead_seconds"] = {(): lead_seconds}
    return readings


def _lags(place: Workplace, consumer: ChunkConsumer, watchdog: Watchdog) -> Readings:
    records: Samples = {}
    seconds: Samples = {}
    oldest, now = consumer.oldest_timestamps_ms(), time.time()
    behind_seconds = watchdog.behind_seconds(time.monotonic())
    for tp, front in consumer.fronts().items():
        labels = (place.names.plain(tp.topic), str(tp.partition))
        lag = max(0, watchdog.ends.get(tp, 0) - front)
        records[labels] = float(lag)
        if oldest.get(tp, 0) > 0:
            seconds[labels] = max(0.0, now - oldest[tp] / 1000)
        else:  # what is behind isn't fetched yet: its age isn't known, but how long it has been behind
            seconds[labels] = behind_seconds.get(tp, 0.0) if lag else 0.0
    records[place.names.plain(place.names.policies), "0"] = float(place.policy_log.lag_records())
    return {"lag_records": records, "lag_seconds": seconds}


def _restoring(place: Workplace, watchdog: Watchdog, folder: Folder) -> Readings:
    standing = folder.standing()
    waiting, folded, there = health.restoring(watchdog, place.names.home, standing)
    return {
        "home_partitions": {(): float(len(standing))},
        "caught_up_partitions": {(): float(len(standing) - len(waiting))},
        "restore_remaining_records": {(): float(there - folded)},
        "restore_ratio": {(): folded / there if there else float(not waiting)},
    }


def of_census(census: Census) -> Readings:
    """Return how the groups stand."""
    readings: Readings = {
        "groups": {labels: float(count) for labels, count in census.groups().items()},
        "groups_at_attainment": census.at_attainment(),
        "open_episodes": {labels: float(count) for labels, count in census.episodes.items()},
        "unconverted_amount": census.money("unconverted"),
        "unassigned_amount": census.money("unassigned"),
        "remittances_ahead": {(): float(census.remittances_ahead)},
    }
    if census.per_group:
        each = census.of_each_group()
        readings["group_level"] = {(group_id, level): 1.0 for group_id, (level, _) in each.items()}
        readings["group_attainment_ratio"] = {
            (group_id,): float(ratio) for group_id, (_, ratio) in each.items() if ratio is not None
        }
        readings["group_metrics_left_out"] = {(): float(census.left_out())}
    return readings


def _policies(policy_log: PolicyLog, day: Day) -> Readings:
    census = policy_log.census
    return {
        "policies_in_force": {(kind,): float(count) for kind, count in census.in_force(day).items()},
        "late_decrees": {(): float(census.late)},
        "late_decrees_max_seconds": {(): census.latest_seconds},
        "early_decrees": {(): float(census.early)},
    }
