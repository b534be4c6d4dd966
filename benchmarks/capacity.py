"""Simulates an installation of a size that nobody has run, from figures of one worker, and names what breaks first.

`make capacity` reads benchmarks/capacity.toml. Real in it are the hash that gives groups their homes, the assignor
that gives workers their partitions, the topics that an installation has, and the bytes of a stamp; the rest is
arithmetic, on an installation that has run for a year at an even rate.
"""

from __future__ import annotations

import argparse
import math
import tomllib
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from benchmarks.figures import write_section
from streams.shell import packs
from streams.shell.topics import Names, home_partition

FIGURES = Path(__file__).with_suffix(".toml")
PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
YEAR_SECONDS = 365 * 86_400
MONTH_HOURS = 730
SUFFIXES = 100_000  # group names are region-00000 to region-99999
GIB = 1 << 30
MOST = 1_000.0  # times the groups: no more is looked at


@dataclass(frozen=True)
class Size:
    """How large an installation is."""

    workers: int
    home_partitions: int
    groups: int
    remittances_a_group: int
    policies_a_group: int
    brokers: int

    def times(self, factor: float) -> Size:
        """Return one with so many times the groups, on the same machines."""
        return replace(self, groups=max(1, round(self.groups * factor)))

    @property
    def remittances_a_second(self) -> float:
        """How many come in on average."""
        return self.groups * self.remittances_a_group / YEAR_SECONDS


class Skew(NamedTuple):
    """How much more the fullest has than the average one."""

    partition: float
    worker: float
    partitions_of_a_worker: int  # at most


class Stamps(NamedTuple):
    """What routers write to say how far they have come."""

    a_second: float
    inputs: float  # that one of them speaks of, on average


class Use(NamedTuple):
    """What something needs, and what there is of it."""

    what: str
    needs: float
    has: float
    unit: str
    how: str

    @property
    def share(self) -> float:
        """How much of what there is it needs."""
        return self.needs / self.has


# --- what is real ---


def homes(groups: int, partitions: int) -> np.ndarray[Any, Any]:
    """Return how many of so many groups are at home in each partition, by the hash that workers use.

    CRC-32 is linear: names that differ in their last five digits alone differ in their sums by what the digits do,
    whatever stands before them. So a hundred thousand names cost one step.
    """
    zero = zlib.crc32(b"00000")
    digits = np.array([zlib.crc32(b"%05d" % n) ^ zero for n in range(SUFFIXES)], dtype=np.uint32)
    counts = np.zeros(partitions, dtype=np.int64)
    for region in range(-(-groups // SUFFIXES)):
        here = digits[: groups - region * SUFFIXES]
        sums = here ^ np.uint32(zlib.crc32(f"region-{region}-00000".encode()))
        counts += np.bincount(sums % np.uint32(partitions), minlength=partitions)
    return counts


def name(number: int) -> str:
    """Return the name of a group, by number."""
    return f"region-{number // SUFFIXES}-{number % SUFFIXES:05d}"


def assigned(workers: int, partitions: int) -> list[list[int]]:
    """Return the home partitions of each worker, as the assignor of the workers' consumer group gives them out."""
    names = Names()
    topics = {names.remittances, names.policy_changes, names.home}
    cluster = SimpleNamespace(partitions_for_topic=lambda _: set(range(partitions)))
    members = {f"worker-{n:05d}": SimpleNamespace(subscription=sorted(topics)) for n in range(workers)}
    given = RoundRobinPartitionAssignor.assign(cluster, members)
    return [
        [p for topic, partitions in one.assignment if topic == names.home for p in partitions]
        for one in given.values()
    ]


def skew(size: Size) -> Skew:
    """Return how uneven groups lie."""
    counts = homes(size.groups, size.home_partitions)
    shares = assigned(size.workers, size.home_partitions)
    of_workers = np.array([counts[share].sum() for share in shares])
    return Skew(
        float(counts.max() / counts.mean()), float(of_workers.max() / of_workers.mean()), max(map(len, shares))
    )


def stamp_bytes(inputs: float) -> float:
    """Return how many bytes a stamp of so many input partitions takes in the home log, alone in its batch."""
    one, many = map(_stamp_bytes, (1, 101))
    return one + (many - one) / 100 * (inputs - 1)


def _stamp_bytes(inputs: int) -> int:
    batch = DefaultRecordBatchBuilder(
        magic=2, compression_type=3, is_transactional=0, producer_id=1, producer_epoch=0, base_sequence=0,
        batch_size=1 << 16,
    )  # fmt: skip
    sources = [packs.Source(500 + 100 * place, 5_000_000 + 1_000 * place, 0) for place in range(inputs)]
    batch.append(0, 0, None, packs.encode(packs.stamps("remittances", sources)), [])
    return len(batch.build())


def stamps(size: Size, every_seconds: float) -> Stamps:
    """Return what is written: by each worker a stamp into each home partition, where any of its inputs came on."""
    inputs = size.home_partitions / size.workers  # of one worker
    in_a_round = size.remittances_a_second * every_seconds / size.home_partitions  # of one input
    moved, any_moved = -math.expm1(-in_a_round), -math.expm1(-in_a_round * inputs)
    return Stamps(size.workers * any_moved * size.home_partitions / every_seconds, inputs * moved / any_moved)


def partitions_of_all_topics(size: Size) -> int:
    """Return how many partitions the topics of an installation have."""
    return sum(spec.partitions or size.home_partitions for spec in Names().specs())


# --- arithmetic ---


def uses(size: Size, uneven: Skew, figures: dict[str, Any]) -> list[Use]:
    """Return what each thing needs at a size, and what there is."""
    here = size.groups / size.workers * uneven.worker
    return [
        *_of_memory_and_disk(size, here, figures),
        *_of_kafka(size, figures),
        *_of_starts(size, uneven, here, figures),
        *_of_telling(size, here, figures),
    ]


def _of_memory_and_disk(size: Size, here: float, figures: dict[str, Any]) -> list[Use]:
    measured, budget = figures["measured"], figures["budget"]
    policies = size.groups * measured["policies_bytes_a_group"]
    accounts = here * measured["account_bytes_a_group"] + measured["worker_bytes"]
    store = 2 * here * size.remittances_a_group * measured["store_bytes_a_remittance"]
    memory = budget["worker_memory_bytes"]
    return [
        Use("policies in a worker's memory", policies, memory, "B", "every worker keeps all"),
        Use("accounts in its memory", accounts, memory, "B", f"the fullest has {here:,.0f} groups"),
        Use("its local store", store, budget["worker_disk_bytes"], "B", "twice what stays, while it is merged"),
    ]


def _of_starts(size: Size, uneven: Skew, here: float, figures: dict[str, Any]) -> list[Use]:
    measured, limit = figures["measured"], figures["budget"]["start_seconds"]
    policies = size.groups * size.policies_a_group * measured["policy_read_seconds"]
    fold = here * size.remittances_a_group / measured["folds_a_cpu_second"]
    judge = here * measured["judged_anew_seconds"]
    written = stamps(size, figures["ours"]["stamp_every_seconds"])
    there = written.a_second / size.home_partitions * YEAR_SECONDS  # in one home partition
    read = there * (measured["stamp_read_seconds"] + measured["stamp_input_read_seconds"] * (written.inputs - 1))
    taken = -(-uneven.partitions_of_a_worker // max(1, size.workers - 1))  # partitions of one that is gone
    part = taken / (size.home_partitions / size.workers)
    takeover = part * (fold + judge) + taken * read
    return [
        Use("start: policies read", policies, limit, "s", "all of them, by each worker"),
        Use("start: accounts judged anew", judge, limit, "s", "behind what has news"),
        Use("start without the store: remittances", fold, limit, "s", "folded from the home log"),
        Use("start without the store: stamps", read * uneven.partitions_of_a_worker, limit, "s",
            f"{there:,.0f} in each home partition, of {written.inputs:.1f} inputs each"),
        Use("another's partition taken over", takeover, figures["budget"]["takeover_seconds"], "s",
            f"of it {taken * read:,.0f} s for stamps"),
    ]  # fmt: skip


def _of_telling(size: Size, here: float, figures: dict[str, Any]) -> list[Use]:
    measured, limit = figures["measured"], figures["budget"]["policy_for_all_seconds"]
    wire = size.groups * measured["told_bytes_a_group"]
    wire_seconds = wire / (figures["published"]["bytes_a_second_a_broker"] * size.brokers)
    return [
        Use("a policy for all", here / measured["judged_a_cpu_second"], limit, "s", "until the last status"),
        Use("a policy for all, on the wire", wire_seconds, limit, "s", "a status and a note of each group"),
        Use("the turn of a day", here / measured["day_turns_a_cpu_second"], limit, "s", "until the last status"),
    ]


def _of_kafka(size: Size, figures: dict[str, Any]) -> list[Use]:
    measured, published, budget = figures["measured"], figures["published"], figures["budget"]
    written = stamps(size, figures["ours"]["stamp_every_seconds"])
    stamp = stamp_bytes(written.inputs)
    transactions = min(size.remittances_a_second, size.workers / figures["ours"]["transaction_seconds"])
    records = written.a_second + transactions * 6 + size.workers + size.remittances_a_second * 4
    disk = budget["broker_disk_bytes"] * size.brokers
    year = size.groups * size.remittances_a_group
    data = year * (measured["home_bytes_a_remittance"] + measured["input_bytes_a_remittance"])
    partitions = partitions_of_all_topics(size) * budget["replicas"]
    return [
        Use("partitions a broker", partitions / size.brokers, published["partitions_a_broker"], "",
            f"{partitions:,} in all, copies too"),
        Use("records a second", records, published["records_a_second_a_broker"] * size.brokers, "",
            f"commits: {transactions:,.0f} of transactions, {size.workers} of offsets"),
        Use("disk: remittances", data * budget["replicas"], disk, "B", "inputs and home log"),
        Use("disk: stamps", written.a_second * stamp * YEAR_SECONDS * budget["replicas"], disk, "B",
            f"{written.a_second:,.0f} a second of {stamp:.0f} bytes, into every home partition"),
    ]  # fmt: skip


def breaks_at(size: Size, uneven: Skew, figures: dict[str, Any], what: str) -> float:
    """Return how many times the groups something bears, on the same machines; at most a thousand times."""

    def bears(factor: float) -> bool:
        return next(use for use in uses(size.times(factor), uneven, figures) if use.what == what).share <= 1

    low, high = 0.0, MOST
    if bears(high):
        return high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if bears(middle) else (low, middle)
    return low


def first_to_break(size: Size, uneven: Skew, figures: dict[str, Any]) -> tuple[Use, int]:
    """Return what breaks first as groups come, and at how many."""
    found = {use.what: breaks_at(size, uneven, figures, use.what) for use in uses(size, uneven, figures)}
    what = min(found, key=lambda one: found[one])
    use = next(use for use in uses(size, uneven, figures) if use.what == what)
    return use, round(size.groups * found[what])


def dollars_a_million(size: Size, figures: dict[str, Any]) -> dict[str, float]:
    """Return what a million remittances cost: the work alone, the disk of a year, and all machines by the year."""
    measured, price, budget = figures["measured"], figures["price"], figures["budget"]
    second = price["core_hour"] / 3600
    alone = 1 / measured["folds_a_cpu_second"] + 1 / measured["judged_a_cpu_second"]
    kept = measured["home_bytes_a_remittance"] + measured["input_bytes_a_remittance"]
    written = stamps(size, figures["ours"]["stamp_every_seconds"])
    stamp = written.a_second / size.remittances_a_second * stamp_bytes(written.inputs)
    disk = budget["replicas"] / GIB * price["gib_disk_month"] * 12
    memory = size.workers * budget["worker_memory_bytes"] / GIB * price["gib_memory_hour"]
    an_hour = size.workers * price["core_hour"] + memory + size.brokers * price["broker_hour"]
    millions = size.groups * size.remittances_a_group / 1e6
    return {
        "of a core's time, in bulk": 1e6 / measured["told_a_cpu_second"] * second,
        "of a core's time, each told by itself": 1e6 * alone * second,
        "of disk for a year": 1e6 * kept * disk,
        "of disk for their stamps": 1e6 * stamp * disk,
        "with all machines, busy or not": an_hour * MONTH_HOURS * 12 / millions,
    }


# --- what is said ---


def shown(number: float, unit: str) -> str:
    """Return a number for people."""
    if unit == "B":
        return f"{number / 1e9:,.1f} GB" if number < 1e12 else f"{number / 1e12:,.1f} TB"
    return f"{number:,.0f} {unit}".strip()


def row(size: Size, uneven: Skew, figures: dict[str, Any], use: Use) -> str:
    """Return a line of the table."""
    bears = breaks_at(size, uneven, figures, use.what)
    most = "over 1,000 times these" if bears >= MOST else f"{size.groups * bears:,.0f}"
    share = f"**{use.share:,.0%}**" if use.share > 1 else f"{use.share:.1%}"
    cells = (use.what, shown(use.needs, use.unit), shown(use.has, use.unit), share, most, use.how)
    return f"| {' | '.join(cells)} |"


def report(size: Size, figures: dict[str, Any]) -> str:
    """Return the page's section."""
    uneven = skew(size)
    found = sorted(uses(size, uneven, figures), key=lambda use: -use.share)
    first, groups = first_to_break(size, uneven, figures)
    costs = "; ".join(f"{price:.4f} {what}" for what, price in dollars_a_million(size, figures).items())
    head = (
        f"{size.workers} workers, {size.home_partitions:,} home partitions, {size.groups:,} groups with "
        f"{size.remittances_a_group} remittances a year and {size.policies_a_group} policies of their own, "
        f"{size.brokers} brokers; after a year. By the real hash the fullest partition has "
        f"{uneven.partition - 1:.1%} more groups than the average, by the real assignor the fullest worker "
        f"{uneven.worker - 1:.1%}."
    )
    paragraphs = (
        head,
        "| what | needs | has | share | groups it bears | |\n| --- | --- | --- | --- | --- | --- |\n"
        + "\n".join(row(size, uneven, figures, use) for use in found),
        f"**Breaks first: {first.what}**, at {groups:,} groups ({first.how}).",
        f"A million remittances cost, in US dollars: {costs}.",
    )
    return "\n\n".join(paragraphs)


def load(file: Path = FIGURES) -> tuple[Size, dict[str, Any]]:
    """Return the size and the figures of a file."""
    figures = tomllib.loads(file.read_text())
    return Size(**figures["size"]), figures


def main() -> None:
    """Print the report, or put it on the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put it into docs/scaling.md")
    given = parser.parse_args()
    size, figures = load()
    assert homes(1_000, 7).tolist() == [sum(home_partition(name(n), 7) == p for n in range(1_000)) for p in range(7)]
    text = report(size, figures)
    if given.write:
        write_section("capacity", text, PAGE)
    print(text)


if __name__ == "__main__":
    main()
