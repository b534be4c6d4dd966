"""Events column by column: what is to be done for each is then done by numpy, for many at once.

Lives here: the columns, how they are cut and put together, and how they come of single events and become some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from streams.core.events import Remittance, Reversal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Event = Remittance | Reversal
Ints = npt.NDArray[np.int64]
Halves = npt.NDArray[np.uint64]
Purse = tuple[str, str | None]  # (currency, levy_id)

INT64_MAX = (1 << 63) - 1  # 18 digits before the point pass it
_Name = TypeVar("_Name")
# A NamedTuple's own constructor is a Python function, which costs as much as the rest of the tuple.
_new = tuple.__new__


class Events(NamedTuple):
    """Remittances and reversals, one a row; a reversal has day 0, amount 0 and the currency ""."""

    groups: list[str]
    purses: list[Purse]
    group: Ints  # where in `groups`
    ids: Halves  # an id's two halves, as they lie in memory: n x 2
    digests: Halves
    days: Ints
    purse: Ints  # where in `purses`
    amounts: Ints
    large: dict[int, int]  # amounts beyond 64 bits, by row; the column has 0
    reverses: dict[int, bytes]  # what reversals name, by row

    @property
    def size(self) -> int:
        """How many events there are."""
        return len(self.digests)

    def take(self, rows: Ints) -> Events:
        """Return the events of some rows, in that order, with no other names than theirs."""
        groups, group = _named(self.groups, self.group[rows])
        purses, purse = _named(self.purses, self.purse[rows])
        large, reverses = self.large, self.reverses
        if large or reverses:
            place = {row: at for at, row in enumerate(rows.tolist())}
            large = {place[row]: amount for row, amount in large.items() if row in place}
            reverses = {place[row]: event_id for row, event_id in reverses.items() if row in place}
        return Events(
            groups, purses, group, self.ids.take(rows, axis=0), self.digests[rows], self.days[rows], purse,
            self.amounts[rows], large, reverses,
        )  # fmt: skip

    def single(self) -> Iterator[Event]:
        """Yield the events one by one."""
        ids, digests = self.ids.tobytes(), self.digests.tobytes()
        rows = zip(self.group.tolist(), self.days.tolist(), self.purse.tolist(), self.amounts.tolist(), strict=True)
        for row, (group, day, purse, amount) in enumerate(rows):
            head = (self.groups[group], ids[16 * row : 16 * row + 16], digests[8 * row : 8 * row + 8])
            if row in self.reverses:
                yield Reversal(*head, self.reverses[row])
            else:
                yield _new(Remittance, (*head, day, self.large.get(row, amount), *self.purses[purse]))


def _named(names: list[_Name], places: Ints) -> tuple[list[_Name], Ints]:
    if len(names) == 1:
        return names, places
    used = np.zeros(len(names), np.bool_)
    used[places] = True
    return [names[place] for place in used.nonzero()[0].tolist()], (used.cumsum() - 1)[places]


def of_single(events: Sequence[Event]) -> Events:
    """Return events, which came one by one, as columns."""
    reverses = {row: event.reverses for row, event in enumerate(events) if isinstance(event, Reversal)}
    if reverses:
        events = [
            Remittance(*event[:3], 0, 0, "", None) if isinstance(event, Reversal) else event for event in events
        ]
    names, ids, digests, days, amounts, currencies, levies = zip(*events, strict=True) if events else ((),) * 7
    groups, group = places_of(names)
    purses, purse = places_of(tuple(zip(currencies, levies, strict=True)))
    small, large = amounts_of(amounts)
    return Events(
        groups, purses, group, halves(b"".join(ids)).reshape(-1, 2), halves(b"".join(digests)),
        np.array(days, np.int64), purse, small, large, reverses,
    )  # fmt: skip


def joined(parts: Sequence[Events]) -> Events:
    """Return the events of all parts, one part after the other."""
    groups, group = places_of([name for part in parts for name in part.groups])
    purses, purse = places_of([name for part in parts for name in part.purses])
    large: dict[int, int] = {}
    reverses: dict[int, bytes] = {}
    group_columns, purse_columns = list[Ints](), list[Ints]()
    rows = first_group = first_purse = 0
    for part in parts:
        group_columns.append(group[part.group + first_group])
        purse_columns.append(purse[part.purse + first_purse])
        large |= {rows + row: amount for row, amount in part.large.items()}
        reverses |= {rows + row: event_id for row, event_id in part.reverses.items()}
        rows, first_group, first_purse = (
            rows + part.size, first_group + len(part.groups), first_purse + len(part.purses)
        )  # fmt: skip
    return Events(
        groups, purses,
        np.concatenate(group_columns),
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.digests for part in parts]),
        np.concatenate([part.days for part in parts]),
        np.concatenate(purse_columns),
        np.concatenate([part.amounts for part in parts]),
        large, reverses,
    )  # fmt: skip


def places_of(names: Sequence[_Name]) -> tuple[list[_Name], Ints]:
    """Return the different names, and for each of `names` its place among them."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    if len(places) == 1:
        return list(places), np.zeros(len(names), np.int64)
    return list(places), np.array([*map(places.__getitem__, names)], np.int64)


def amounts_of(amounts: Sequence[int]) -> tuple[Ints, dict[int, int]]:
    """Return the column of amounts, and by row those that are too large for it."""
    if max(amounts, default=0) <= INT64_MAX:
        return np.array(amounts, np.int64), {}
    large = {row: amount for row, amount in enumerate(amounts) if amount > INT64_MAX}
    return np.array([0 if row in large else amount for row, amount in enumerate(amounts)], np.int64), large


def halves(data: bytes | bytearray) -> Halves:
    """Return bytes as numbers of 64 bits, without a copy."""
    return np.frombuffer(data, "<u8")
