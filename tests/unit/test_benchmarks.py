"""What the benchmarks say of their figures: no cliff goes unnamed, and ratios are of what they say."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from benchmarks import growth, growth_bytes, recovery
from benchmarks.growth import Size
from benchmarks.growth_bytes import INTERNAL, Written
from benchmarks.recovery import STREAMS, WORKER, Input, Start, Starts
from benchmarks.scale import Measured, Spent
from benchmarks.workload import Workload


def measured(size: Size, fold_seconds: float) -> Measured:
    """Return a size at which folding took so long, and all else a CPU second for 1,000 groups."""
    others = Spent(1.0, size.groups / 1_000)
    return Measured(*size, spent={"folded": Spent(1.0, fold_seconds), "told": others, "policy for all, 2": others})


FAST, SLOW = measured(Size(100, 10_000, 10), 10.0), measured(Size(10_000, 100, 10), 20.1)


def test_a_size_below_half_of_the_best_is_named() -> None:
    """And one at half of it is not: a reader looks for cliffs in this line alone."""
    folded = growth.MEASURES[0]
    assert growth.below_half(folded, [FAST, SLOW]) == ["10,000 x 100, 10 policies (0.50)"]
    assert growth.below_half(folded, [FAST, measured(Size(10_000, 100, 10), 20.0)]) == []


def test_what_took_too_little_has_no_figure() -> None:
    """100 groups are told of a policy within what a worker does anyway."""
    told_of_policy = growth.MEASURES[-1]
    assert told_of_policy.of(FAST) == 0
    assert growth.below_half(told_of_policy, [FAST, SLOW]) == []
    assert any("too little" in line for line in growth.report([FAST, SLOW], []))


def test_the_report_names_what_was_not_measured() -> None:
    """A size that was left out must not look like one without a cliff."""
    lines = list(growth.report([FAST], [Size(1_000_000, 10, 10)]))
    assert lines[-1] == "- not measured: 1,000,000 x 10, 10 policies"
    assert "- remittances folded: below half of the best at no size" in lines


def test_the_plot_has_a_bar_for_each_figure_and_size() -> None:
    """It is well-formed, and what is below half has a colour of its own."""
    plot = ET.fromstring(growth.drawn([FAST, SLOW]))
    colours = Counter(bar.get("fill") for bar in plot.iter("{http://www.w3.org/2000/svg}rect"))
    low = sum(len(growth.below_half(measure, [FAST, SLOW])) for measure in growth.MEASURES)
    assert low > 0
    assert colours == {"#fff": 1, growth.LOW_COLOUR: low, growth.COLOUR: 2 * len(growth.MEASURES) - low}


def test_bytes_are_of_a_remittance_and_compared_within_one_way() -> None:
    """Many a group / few a group; a backlog is not set beside live remittances."""
    found = [
        Written(how, each, 1_000 // each, dict.fromkeys(INTERNAL, bytes_a_topic))
        for how, each, bytes_a_topic in (
            ("once", 100, 3_000),
            ("once", 10, 1_000),
            ("live", 10, 50),
            ("live", 100, 60),
        )
    ]
    assert found[0].a_remittance() == 9.0
    assert list(growth_bytes.report(found))[-2:] == [
        "- once, bytes at 100 a group / at 10: **3.00 x**",
        "- live, bytes at 100 a group / at 10: **1.20 x**",
    ]


def test_recovery_compares_records_restored_a_second() -> None:
    """By medians; wrong totals are shown."""
    ours = [Start(9.0, 100, True, 100, took, restoring_cpu_seconds=1.0) for took in (1.0, 2.0, 50.0)]
    theirs = [Start(9.0, 100, False, 100, 4.0, restoring_cpu_seconds=3.0)]
    found = {WORKER: Starts(ours, ours), STREAMS: Starts(theirs, theirs)}
    lines = list(recovery.report(Input("unused", 100, 1), found, 3, with_policies=True))
    assert lines[-2:] == [
        "- records restored a second, quotastream / Kafka Streams: **2.00 x**",
        "- records restored a CPU second, quotastream / Kafka Streams: **3.00 x**",
    ]
    assert sum("WRONG" in line for line in lines) == 2


@pytest.mark.parametrize("each", [1, 3])
def test_groups_that_remit_in_turn_remit_as_often(each: int) -> None:
    """Else Kafka Streams would restore fewer records than there are groups."""
    workload = Workload(7 * each, 7, in_turn=True)
    assert Counter(key for key, _ in workload.remittances()) == dict.fromkeys(workload.names(), each)
    assert sum(workload.totals.values()) > 0
