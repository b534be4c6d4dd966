"""Measures catching up with a backlog: the whole `quotastream worker` beside a plain Faust agent, same records.

`make bench` runs the whole, `make bench ARGS=--short` a form for CI. Starts a Kafka of its own in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.contestants import cores, pin, plain_faust, worker
from benchmarks.figures import HEADER, Run, row
from benchmarks.workload import Workload, publish
from streams.devkafka import broker as devkafka
from streams.shell import topic_admin
from streams.shell.topics import Names

FIRST_TOPIC = "remittances-first"  # the beginning of the backlog: the plain agent is too slow for all of it
PLAIN = "plain Faust agent, totals only"
FOLDED, TOLD = "quotastream worker, all folded", "quotastream worker, all told"
# The broker deletes or compacts nothing meanwhile.
BROKER_CONFIG = {"log.retention.ms": "-1", "log.cleaner.enable": "false"}


def main() -> int:
    """Measure, print the table; 1 where totals are wrong or the ratio is below --min-ratio."""
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="quotastream-bench-") as scratch:
        folder = Path(scratch)
        with devkafka.session(folder / "kafka", extra_config=BROKER_CONFIG) as broker:
            pin(broker.pid, cores()[0])
            runs = _measure(given, broker.bootstrap_servers, folder)
    print(HEADER)
    for name, of in runs.items():
        print(row(name, of))
    ratio = None
    if PLAIN in runs:
        ratio = median(run.rate for run in runs[TOLD]) / median(run.rate for run in runs[PLAIN])
    if ratio is not None:
        print(f"\nratio (all told / plain Faust): {ratio:.1f}")
    if given.json:
        rows = {name: [asdict(run) for run in of] for name, of in runs.items()}
        given.json.write_text(json.dumps({"events": given.events, "ratio": ratio, "runs": rows}, indent=1) + "\n")
    if not all(run.right for of in runs.values() for run in of):
        print("totals are wrong", file=sys.stderr)
        return 1
    if given.min_ratio is not None and (ratio is None or ratio < given.min_ratio):
        print(f"the ratio is below {given.min_ratio:g}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.throughput", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, help="remittances in the backlog (200000; with --short 50000)")
    parser.add_argument("--plain-events", type=int, help="of these for the plain agent (40000; with --short 8000)")
    parser.add_argument("--groups", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, help="runs of each contestant, interleaved (3; with --short 1)")
    parser.add_argument("--short", action="store_true", help="a form for CI: a minute at most")
    parser.add_argument("--min-ratio", type=float, metavar="R", help="exit 1 below this ratio to the plain agent")
    parser.add_argument("--only-worker", action="store_true", help="leave the plain agent out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures")
    given = parser.parse_args()
    given.events = given.events or (50_000 if given.short else 200_000)
    given.plain_events = min(given.plain_events or (8_000 if given.short else 40_000), given.events)
    given.rounds = given.rounds or (1 if given.short else 3)
    return given


def _measure(given: argparse.Namespace, bootstrap_servers: str, folder: Path) -> dict[str, list[Run]]:
    names, whole = Names(), Workload(given.events, given.groups)
    with topic_admin.admin_client(bootstrap_servers) as admin:
        topic_admin.create_missing(admin, names, partitions=4)
        if not given.only_worker:
            admin.create_topics({FIRST_TOPIC: {"num_partitions": 4, "replication_factor": 1}})
    print(f"publishing {given.events:,} remittances of {given.groups:,} groups", file=sys.stderr)
    publish(bootstrap_servers, names.policy_changes, whole.policies())
    publish(bootstrap_servers, names.remittances, whole.remittances())
    first = Workload(given.events, given.groups, stop=given.plain_events)
    if not given.only_worker:
        publish(bootstrap_servers, FIRST_TOPIC, first.remittances())
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    for number in range(1, given.rounds + 1):
        if not given.only_worker:
            runs[PLAIN].append(plain_faust(bootstrap_servers, FIRST_TOPIC, first, folder / f"plain-{number}"))
            print(f"round {number}: {PLAIN}: {runs[PLAIN][-1].rate:,.0f}/s", file=sys.stderr)
        folded, told = worker(bootstrap_servers, whole, f"round{number}", folder / f"worker-{number}")
        runs[FOLDED].append(folded)
        runs[TOLD].append(told)
        print(f"round {number}: {FOLDED}: {folded.rate:,.0f}/s, all told: {told.rate:,.0f}/s", file=sys.stderr)
    return dict(runs)


if __name__ == "__main__":
    sys.exit(main())
