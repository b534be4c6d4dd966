"""The simulation of capacity: its hash and assignment are the workers' own, and what it names does break first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import capacity
from benchmarks.capacity import PAGE, Size, Skew
from streams.shell.topics import home_partition

SIZE, FIGURES = capacity.load()
EVEN = Skew(1.0, 1.0, 10)


@pytest.mark.parametrize(("groups", "partitions"), [(1, 1), (5_000, 7), (100_003, 1_000), (250_000, 12)])
def test_groups_have_the_homes_that_workers_give_them(groups: int, partitions: int) -> None:
    """Counting by the sums' linearity gives what the workers' own function does, name by name."""
    counts = [0] * partitions
    for number in range(groups):
        counts[home_partition(capacity.name(number), partitions)] += 1
    assert capacity.homes(groups, partitions).tolist() == counts


def test_every_home_partition_is_somebodys() -> None:
    """Of the real assignor; evenly, where the numbers allow it."""
    shares = capacity.assigned(7, 100)
    assert sorted(p for share in shares for p in share) == list(range(100))
    assert {len(share) for share in shares} <= {14, 15}


def test_stamps_are_at_most_one_a_round_of_each_worker() -> None:
    """Few remittances are stamped into each home partition; many share a round, and a worker's inputs a stamp."""
    slow = Size(2, 10, 1_000, 10, 2, 3)
    few, many = capacity.stamps(slow, 0.1), capacity.stamps(slow.times(1e9), 0.1)
    assert few == pytest.approx((slow.remittances_a_second * 10, 1), rel=0.01)
    assert many == pytest.approx((2 * 10 / 0.1, 5))


def test_what_is_named_breaks_first() -> None:
    """At so many groups it is just borne, and with some more it isn't; all else bears more."""
    first, groups = capacity.first_to_break(SIZE, EVEN, FIGURES)
    for factor, broken in ((0.999, set()), (1.001, {first.what})):
        size = replace(SIZE, groups=round(groups * factor))
        assert {use.what for use in capacity.uses(size, EVEN, FIGURES) if use.share > 1} == broken


def test_other_figures_break_something_else() -> None:
    """Nothing of the verdict is written in: with free stamps and policies, it is what comes next."""
    measured = FIGURES["measured"] | {
        "stamp_read_seconds": 0.0, "stamp_input_read_seconds": 0.0, "policy_read_seconds": 0.0,
        "policies_bytes_a_group": 0,
    }  # fmt: skip
    first, _ = capacity.first_to_break(SIZE, EVEN, FIGURES | {"measured": measured})
    assert first.what == "start: accounts judged anew"


def test_every_cost_is_more_than_nothing() -> None:
    """And a fleet that is twice as large costs more a million."""
    costs = capacity.dollars_a_million(SIZE, FIGURES)
    assert min(costs.values()) > 0
    twice = capacity.dollars_a_million(replace(SIZE, workers=2 * SIZE.workers), FIGURES)
    assert twice["with all machines, busy or not"] > costs["with all machines, busy or not"]


def test_the_page_names_what_the_program_does() -> None:
    """`make capacity ARGS=--write` writes it."""
    first, _ = capacity.first_to_break(SIZE, capacity.skew(SIZE), FIGURES)
    assert f"**Breaks first: {first.what}**" in PAGE.read_text()
