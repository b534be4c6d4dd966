"""What the page knows: the newest status of each group and year, each episode told whole, dead letters by reason.

A pure fold of the output topics: no clock, no Kafka. Lives here: what there is, and what changed since it was last
taken. Not here: who is told (api.py), how fresh it is (freshness.py).
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from streams.web.messages import AlertRow, LetterRow, StatusRow, alert_row, letter_row, status_row
from streams.web.rollups import RollUps

if TYPE_CHECKING:
    from collections.abc import Iterator

FEED_LENGTH = 200
LETTERS_SHOWN = 100
ROWS_AT_ONCE = 2_000  # in one change: what is more comes with the next one
COLUMNS = StatusRow._fields
TOLD_DAILY = frozenset({"ok", "warning", "critical"})


class _Kept(NamedTuple):
    """A status as it came, and as a row."""

    value: bytes
    row: StatusRow


class Board:
    """Everything the page shows that comes of the output topics."""

    def __init__(self) -> None:
        self.roll_ups = RollUps()
        self._statuses: dict[str, _Kept] = {}
        self._episodes: dict[str, bytes] = {}
        self._of_group: dict[tuple[str, int], dict[str, None]] = {}  # episode ids, as they were first told
        self._feed: deque[AlertRow] = deque(maxlen=FEED_LENGTH)
        self._reasons: Counter[str] = Counter()
        self._letters: deque[LetterRow] = deque(maxlen=LETTERS_SHOWN)
        self.letters_readable = True
        #: ce_time of the newest message of any output topic.
        self.decided_at: str | None = None
        self._dirty: dict[str, None] = {}
        self._new_alerts: list[AlertRow] = []
        self._new_letters = False

    # --- what comes in ---

    def status(self, key: str, value: bytes | None, told_at: str | None) -> None:
        """Take a record of quota-status; None takes the status off."""
        row = None if value is None else status_row(value, told_at)
        before = self._statuses.pop(key, None)
        if before is not None:
            self.roll_ups.add(before.row, -1)
        if row is not None and value is not None:
            self._statuses[key] = _Kept(value, row)
            self.roll_ups.add(row)
        self._dirty[key] = None
        self._decided(told_at)

    def alert(self, key: str, value: bytes | None, told_at: str | None) -> None:
        """Take a record of quota-alerts; None takes the episode off."""
        if value is None:
            self._episodes.pop(key, None)
            return
        row = alert_row(value, told_at)
        self._episodes[key] = value
        self._of_group.setdefault((row.group_id, row.plan_year), {})[key] = None
        self._feed.append(row)
        self._new_alerts.append(row)
        del self._new_alerts[:-FEED_LENGTH]
        self._decided(told_at)

    def letter(self, value: bytes, told_at: str | None) -> None:
        """Take a record of quota-dead-letters."""
        row = letter_row(value, told_at)
        self._reasons[row.reason] += 1
        self._letters.append(row)
        self._new_letters = True
        self._decided(told_at)

    def _decided(self, told_at: str | None) -> None:
        if told_at is not None and (self.decided_at is None or told_at > self.decided_at):
            self.decided_at = told_at

    # --- what there is ---

    def __len__(self) -> int:
        return len(self._statuses)

    @property
    def day_reached(self) -> str | None:
        """The latest day that any status is as of."""
        return max((kept.row.as_of for kept in self._statuses.values()), default=None)

    def day_told(self, year: int) -> str | None:
        """Return the latest day of the statuses that every day tells; None where there are none.

        What is left to send in, over fewer days left, is another figure each day: such a status differs every day.
        """
        rows = (kept.row for kept in self._statuses.values())
        return max((row.as_of for row in rows if row.plan_year == year and row.level in TOLD_DAILY), default=None)

    def rows(self) -> Iterator[StatusRow]:
        """Yield every status as a row."""
        return (kept.row for kept in self._statuses.values())

    def status_value(self, group_id: str, plan_year: int) -> bytes | None:
        """Return a status as it is on the topic."""
        kept = self._statuses.get(f"{group_id}/{plan_year}")
        return None if kept is None else kept.value

    def episode_values(self, group_id: str, plan_year: int) -> list[bytes]:
        """Return the newest message of each episode of an account, as it is on the topic."""
        known = self._of_group.get((group_id, plan_year), ())
        return [self._episodes[key] for key in known if key in self._episodes]

    def plan_years(self, group_id: str) -> list[int]:
        """Return the years that there are statuses of a group for, the newest first."""
        years = (year for year in self.roll_ups.plan_years() if f"{group_id}/{year}" in self._statuses)
        return list(years)

    def feed(self) -> list[AlertRow]:
        """Return what was told last, the newest last."""
        return sorted(self._feed, key=lambda row: (row.told_at or "", row.on_day, row.episode_id))

    def dead_letters(self) -> dict[str, Any]:
        """Return how many records could not be used, by reason, and where the last ones are."""
        return {
            "readable": self.letters_readable,
            "total": self._reasons.total(),
            "reasons": dict(sorted(self._reasons.items())),
            "last": [msgspec.structs.asdict(row) for row in reversed(self._letters)],
        }

    def totals(self) -> dict[str, Any]:
        """Return the sums by region and over all."""
        return {
            "plan_years": self.roll_ups.plan_years(),
            "overall": self.roll_ups.overall(),
            "regions": self.roll_ups.regions(),
        }

    def snapshot(self) -> dict[str, Any]:
        """Return all of it, as a page needs it at first."""
        return {
            "columns": COLUMNS,
            "rows": list(self.rows()),
            "alerts": self.feed(),
            "totals": self.totals(),
            "dead_letters": self.dead_letters(),
        }

    # --- what changed ---

    def take_changes(self) -> dict[str, Any] | None:
        """Return what changed since the last call, each status once and as it is now; None if nothing did."""
        if not (self._dirty or self._new_alerts or self._new_letters):
            return None
        change: dict[str, Any] = {}
        if self._dirty:
            keys = [key for key, _ in zip(self._dirty, range(ROWS_AT_ONCE), strict=False)]
            for key in keys:
                del self._dirty[key]
            change["rows"] = [self._statuses[key].row for key in keys if key in self._statuses]
            change["removed"] = [key for key in keys if key not in self._statuses]
            change["totals"] = self.totals()
        if self._new_alerts:
            change["alerts"], self._new_alerts = self._new_alerts, []
        if self._new_letters:
            change["dead_letters"], self._new_letters = self.dead_letters(), False
        return change

    @property
    def changed(self) -> bool:
        """Whether `take_changes` has something."""
        return bool(self._dirty or self._new_alerts or self._new_letters)
