"""Which group a teller turns to next: what has news first, then alerts, then mere statuses.

A policy for all, or the turn of a day, may change every group, and there may be a million. To note it costs nothing:
a round begins, that comes by all groups in their order. On it a group is only judged; if its alerts are still those
told, its status waits until the round is over, so that no alert waits for a status. Groups with news of their own
come before any round, and are judged first too: the teller says when their statuses take their turn.
Groups that rest (streams.core.rest) are passed over where only the day turned.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.core.events import Day


class Task(NamedTuple):
    """A group to turn to; `judge_first`: its status can wait if no alert is due."""

    group_id: str
    judge_first: bool
    arrived: float | None  # when the first of what is new arrived (since 1970), where that is counted
    has_news: bool = False  # of its own


class Agenda:
    """The groups of one home partition, and which of them are due."""

    def __init__(self) -> None:
        self._groups: dict[str, int] = {}  # each with its place
        self._order: list[str] = []
        self._urgent: OrderedDict[str, float | None] = OrderedDict()  # when its first news arrived
        self._statuses: OrderedDict[str, float | None] = OrderedDict()  # of those judged since; when that arrived
        self._somes: deque[tuple[Iterator[str], float | None]] = deque()  # of policies for some groups
        self._at = 0  # the place that the round has reached
        self._left = 0  # how many groups the round has still to come by
        self._arrived: float | None = None  # what began the round
        self._day: Day | None = None  # on a round that only a turn of the day began: those at rest are passed over
        # By place, for there are many groups: 1 where one waits for its status, and the day until which one rests.
        self._waiting = bytearray()
        self._passed = 0  # no group before this place waits
        self._resting = array("i")

    def __len__(self) -> int:
        """How many groups are known here."""
        return len(self._order)

    def __bool__(self) -> bool:
        """Whether anything is due."""
        return bool(self._statuses) or self._is_more_due()

    def enlist(self, group_ids: Iterable[str]) -> None:
        """Take in groups."""
        for group_id in group_ids:
            if group_id not in self._groups:
                if self._at + self._left > len(self._order):  # a round that still begins again at the first place
                    self._left += 1  # comes by this one before, and would end one group too early
                self._groups[group_id] = len(self._order)
                self._order.append(group_id)
                self._waiting.append(0)
                self._resting.append(0)

    @property
    def due(self) -> int:
        """How many groups are due, those of a policy for some aside."""
        return len(self._urgent) + len(self._statuses) + self._left + self._waiting.count(1)

    def urge(self, group_ids: Iterable[str], arrived: float | None = None) -> None:
        """Take note that there is news of groups."""
        group_ids = list(group_ids)
        self.enlist(group_ids)
        for group_id in group_ids:
            self._urgent.setdefault(group_id, arrived)

    def owe_status(self, group_id: str, arrived: float | None = None) -> bool:
        """Take note that news of a group changed its status alone; False where it has to be judged for others."""
        if group_id in self._urgent or group_id not in self._groups:
            return False
        self._statuses.setdefault(group_id, arrived)
        return True

    def come_by(self, group_ids: Iterator[str], arrived: float | None = None) -> None:
        """Begin a round of some groups."""
        self._somes.append((group_ids, arrived))

    def begin_round(self, day: Day | None = None, arrived: float | None = None) -> None:
        """Begin a round of all groups; of those due on a day, if that is all that turned."""
        if not self._left:
            self._day = day
        elif day is None or self._day is None:
            self._day = None
        else:
            self._day = max(day, self._day)
        self._arrived = arrived
        self._left = len(self._order)

    def rest(self, group_id: str, until: Day) -> None:
        """Take note of the first day on which a group may be due by itself."""
        self._resting[self._groups[group_id]] = until

    def wait(self, task: Task) -> None:
        """Let the status of a group that was judged wait until there is nothing more to judge of its kind."""
        if task.has_news:
            self._statuses.setdefault(task.group_id, task.arrived)
            return
        place = self._groups[task.group_id]
        self._waiting[place] = 1
        self._passed = min(self._passed, place)

    def put_back(self, task: Task) -> None:
        """Let a task be done later."""
        if task.judge_first:
            self.urge([task.group_id], task.arrived)
        else:
            self.wait(task)

    def settle(self, group_id: str) -> None:
        """Take note that a group's status waits no more."""
        self._statuses.pop(group_id, None)
        self._waiting[self._groups[group_id]] = 0

    def _next_waiting(self) -> int:
        place = self._waiting.find(1, self._passed)
        self._passed = len(self._order) if place < 0 else place
        return place

    def has_news(self) -> bool:
        """Tell whether any group has news of its own."""
        return bool(self._urgent)

    def has_statuses(self) -> bool:
        """Tell whether statuses of groups that had news are due."""
        return bool(self._statuses)

    def only_statuses(self) -> bool:
        """Tell whether nothing is due but statuses of groups that had news."""
        return bool(self._statuses) and not self._is_more_due()

    def only_news(self) -> bool:
        """Tell whether groups that had news are due, and no round."""
        return bool(self._urgent) and not self._is_round_due()

    def _is_more_due(self) -> bool:
        return bool(self._urgent) or self._is_round_due()

    def _is_round_due(self) -> bool:
        return bool(self._somes or self._left or self._next_waiting() >= 0)

    def next(self, *, statuses: bool = True) -> Task | None:
        """Return the group to turn to now, and take it off; None where nothing is due.

        `statuses`: those of groups that had news come now, before all else; or not yet.
        """
        if statuses and self._statuses:
            group_id, arrived = self._statuses.popitem(last=False)
            return Task(group_id, judge_first=False, arrived=arrived, has_news=True)
        if self._urgent:
            group_id, arrived = self._urgent.popitem(last=False)
            return Task(group_id, judge_first=True, arrived=arrived, has_news=True)
        while self._somes:
            some, arrived = self._somes[0]
            found = next(some, None)
            if found is not None:
                return Task(found, judge_first=True, arrived=arrived)
            self._somes.popleft()
        while self._left:
            if self._at >= len(self._order):
                self._at = 0
            place = self._at
            self._at += 1
            self._left -= 1
            if self._day is None or self._resting[place] <= self._day:
                return Task(self._order[place], judge_first=True, arrived=self._arrived)
        place = self._next_waiting()
        if place < 0:
            return None
        self._waiting[place] = 0
        return Task(self._order[place], judge_first=False, arrived=self._arrived)
