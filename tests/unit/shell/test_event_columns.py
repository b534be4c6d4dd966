"""Events as columns: cut, put together and taken apart, they are the same events."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.core.events import Remittance, Reversal
from streams.shell.event_columns import joined, of_single

IDS = st.binary(min_size=16, max_size=16)
DIGESTS = st.binary(min_size=8, max_size=8)
GROUPS = st.sampled_from(["a", "dandong-07", "rason.2"])
REMITTANCES = st.builds(
    Remittance, GROUPS, IDS, DIGESTS, st.integers(730_120, 766_644),
    st.integers(1, 1 << 64) | st.sampled_from([(1 << 63) - 1, 1 << 63]),
    st.sampled_from(["USD", "CNY"]), st.sampled_from([None, "rail"]),
)  # fmt: skip
EVENTS = st.lists(REMITTANCES | st.builds(Reversal, GROUPS, IDS, DIGESTS, IDS), max_size=12)


@given(EVENTS)
def test_columns_are_the_events(events: list[Remittance | Reversal]) -> None:
    """One by one they come out as they went in."""
    columns = of_single(events)
    assert list(columns.single()) == events
    assert columns.size == len(events)


@given(EVENTS, st.data())
def test_rows_taken_are_those_events(events: list[Remittance | Reversal], data: st.DataObject) -> None:
    """In the order asked for, and with the names of no others."""
    rows = data.draw(st.lists(st.integers(0, len(events) - 1), unique=True)) if events else []
    taken = of_single(events).take(np.array(rows, np.int64))
    assert list(taken.single()) == [events[row] for row in rows]
    if len({event.group_id for event in events}) > 1:
        assert sorted(taken.groups) == sorted({events[row].group_id for row in rows})


@given(st.lists(EVENTS, min_size=1, max_size=4))
def test_parts_are_joined_in_their_order(parts: list[list[Remittance | Reversal]]) -> None:
    """The events of the first part, then those of the next."""
    assert list(joined([of_single(part) for part in parts]).single()) == [event for part in parts for event in part]
