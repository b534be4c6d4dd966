"""Measures catching up with a backlog: the whole `quotastream worker` beside the peers, on the same records.

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
from typing import TYPE_CHECKING

from benchmarks.contestants import kafka_streams, kafka_streams_at_hand, pinned_broker, plain_faust, worker
from benchmarks.figures import HEADER, Run, offer_to_write, row, tell
from benchmarks.workload import RECORD_BYTES, Workload, publish
from streams.shell import topic_admin
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTITIONS = 4
FIRST_TOPIC = "remittances-first"  # the beginning of the backlog: the plain agent is too slow for all of it
PLAIN = "plain Faust agent, totals only"
STREAMS = {  # the totals only too; by processing guarantee
    "exactly_once_v2": "Kafka Streams, exactly_once_v2, totals only",
    "at_least_once": "Kafka Streams, at_least_once, totals only",
}
FOLDED, TOLD = "quotastream worker, all folded", "quotastream worker, all told"
# What CI looks at: unlike the clock, CPU seconds say the same on a machine that has other work.
TOLD_TO_PLAIN = "all told / plain Faust agent, records a CPU second"


def main() -> int:
    """Measure, print the tables; 1 where totals are wrong or the ratio is below --min-ratio."""
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="quotastream-bench-") as scratch:
        folder = Path(scratch)
        with pinned_broker(folder / "kafka") as broker:
            runs = _measure(given, broker.bootstrap_servers, folder)
    ratios = _ratios(runs)
    report = "\n".join(_report(given, runs, ratios))
    tell("throughput", report, write=given.write)
    if given.json:
        rows = {name: [asdict(run) for run in of] for name, of in runs.items()}
        given.json.write_text(json.dumps({"events": given.events, "ratios": ratios, "runs": rows}, indent=1) + "\n")
    if not all(run.right for of in runs.values() for run in of):
        print("totals are wrong", file=sys.stderr)
        return 1
    if given.min_ratio is not None and ratios.get(TOLD_TO_PLAIN, 0) < given.min_ratio:
        print(f"the ratio to the plain agent is below {given.min_ratio:g}", file=sys.stderr)
        return 1
    return 0


def _report(given: argparse.Namespace, runs: dict[str, list[Run]], ratios: dict[str, float]) -> Iterator[str]:
    yield (
        f"{given.events:,} remittances of {RECORD_BYTES} bytes, lz4, {given.groups:,} groups, {PARTITIONS} "
        f"partitions; median of {given.rounds}, interleaved."
    )
    yield ""
    yield HEADER
    for name, of in runs.items():
        yield row(name, of)
    yield ""
    for what, ratio in ratios.items():
        yield f"- {what}: **{ratio:.2f} x**"


def _ratios(runs: dict[str, list[Run]]) -> dict[str, float]:
    """Return the medians' ratios: the whole job beside each peer's running total."""
    ratios: dict[str, float] = {}
    rates = {name: (median(r.rate for r in of), median(r.second_half for r in of)) for name, of in runs.items()}
    if PLAIN in runs:
        per_cpu = {name: median(r.events / r.cpu for r in of) for name, of in runs.items()}
        ratios[TOLD_TO_PLAIN] = per_cpu[TOLD] / per_cpu[PLAIN]
        ratios["all told / plain Faust agent"] = rates[TOLD][0] / rates[PLAIN][0]
        ratios["all folded / plain Faust agent"] = rates[FOLDED][0] / rates[PLAIN][0]
    for guarantee, name in STREAMS.items():
        if name in runs:
            ratios[f"all told / Kafka Streams {guarantee}"] = rates[TOLD][0] / rates[name][0]
            ratios[f"all told / Kafka Streams {guarantee}, second halves"] = rates[TOLD][1] / rates[name][1]
            ratios[f"all folded / Kafka Streams {guarantee}, second halves"] = rates[FOLDED][1] / rates[name][1]
    return ratios


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.throughput", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, help="remittances in the backlog (1000000; with --short 100000)")
    parser.add_argument("--plain-events", type=int, help="of these for the plain agent (60000; with --short 10000)")
    parser.add_argument("--groups", type=int, help="1000; with --short 100, so that each has as many remittances")
    parser.add_argument("--rounds", type=int, help="runs of each contestant, interleaved (5; with --short 1)")
    parser.add_argument("--short", action="store_true", help="a form for CI: a minute at most")
    parser.add_argument("--min-ratio", type=float, metavar="R", help="exit 1 below this ratio to the plain agent")
    parser.add_argument("--only-worker", action="store_true", help="leave the peers out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures")
    offer_to_write(parser)
    given = parser.parse_args()
    given.events = given.events or (100_000 if given.short else 1_000_000)
    given.groups = given.groups or (100 if given.short else 1_000)
    given.plain_events = min(given.plain_events or (10_000 if given.short else 60_000), given.events)
    given.rounds = given.rounds or (1 if given.short else 5)
    return given


def _measure(given: argparse.Namespace, bootstrap_servers: str, folder: Path) -> dict[str, list[Run]]:
    names, whole = Names(), Workload(given.events, given.groups)
    with topic_admin.admin_client(bootstrap_servers) as admin:
        topic_admin.create_missing(admin, names, partitions=PARTITIONS)
        if not given.only_worker:
            admin.create_topics({FIRST_TOPIC: {"num_partitions": PARTITIONS, "replication_factor": 1}})
    print(f"publishing {given.events:,} remittances of {given.groups:,} groups", file=sys.stderr)
    publish(bootstrap_servers, names.policy_changes, whole.policies())
    publish(bootstrap_servers, names.remittances, whole.remittances())
    first = Workload(given.events, given.groups, stop=given.plain_events, by_day=True)
    guarantees: list[str] = []
    if not given.only_worker:
        publish(bootstrap_servers, FIRST_TOPIC, first.remittances())
        asked = list(STREAMS)[:1] if given.short else list(STREAMS)  # one is what the goal is of
        guarantees = asked if kafka_streams_at_hand() else []
        if not guarantees:
            print("no javac or no mvn here: Kafka Streams is left out", file=sys.stderr)
    runs: defaultdict[str, list[Run]] = defaultdict(list)

    def ran(name: str, run: Run) -> None:
        runs[name].append(run)
        print(f"round {number}: {name}: {run.rate:,.0f}/s, second half {run.second_half:,.0f}/s", file=sys.stderr)

    for number in range(1, given.rounds + 1):
        if not given.only_worker:
            ran(PLAIN, plain_faust(bootstrap_servers, FIRST_TOPIC, first, folder / f"plain-{number}"))
        for guarantee in guarantees:
            scratch = folder / f"{guarantee}-{number}"
            ran(STREAMS[guarantee], kafka_streams(bootstrap_servers, guarantee, whole, scratch))
        folded, told = worker(bootstrap_servers, whole, f"round{number}", folder / f"worker-{number}")
        ran(FOLDED, folded)
        ran(TOLD, told)
    return dict(runs)


if __name__ == "__main__":
    sys.exit(main())
