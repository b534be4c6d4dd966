"""The canonical history of one kind of episode: each day judged by what was in force on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from tests.model.known import ONE_DAY

if TYPE_CHECKING:
    from tests.model.plan import Account, Year

BASE_KINDS = ("behind_pace", "unreachable", "silent", "missed")
LEVY_KINDS = ("levy_behind", "missed")


@dataclass(eq=False)
class Entry:
    """One line of a history, and what was crossed (None where nothing was)."""

    on_day: date
    transition: str
    severity: str
    crossed: Fraction | int | None = None


@dataclass(eq=False)
class Episode:
    """One episode of a kind, from its opening to its end."""

    group_id: str
    year: int
    kind: str
    levy_id: str | None
    opened_on: date
    history: list[Entry] = field(default_factory=list)

    @property
    def episode_id(self) -> str:
        """The id, from what the episode is about."""
        about = [self.group_id, self.year, self.kind, self.levy_id or "", self.opened_on]
        return str(uuid5(NAMESPACE_URL, "urn:quotastream:episode:" + ":".join(map(str, about))))

    @property
    def severity(self) -> str:
        """The severity that it has, or had last."""
        return self.history[-1].severity

    @property
    def open(self) -> bool:
        """Whether it is neither resolved nor lapsed."""
        return self.history[-1].transition not in ("resolved", "lapsed")

    @property
    def sorting(self) -> tuple[date, str, str]:
        """Order of episodes in a list."""
        return self.opened_on, self.kind, self.levy_id or ""

    def add(self, on_day: date, transition: str, severity: str | None = None, crossed=None) -> None:
        """Tell one more thing that happened to it."""
        self.history.append(Entry(on_day, transition, severity or self.severity, crossed))


class Kind:
    """What all kinds share; one object judges one kind of one account over one year."""

    def __init__(self, year: Year, levy_id: str | None) -> None:
        self.year, self.levy_id = year, levy_id

    def account(self, day: date) -> Account | None:
        """Find the account under what was in force on a day."""
        return self.year.plan(day).account(self.levy_id)

    def received(self, day: date, until: date) -> Fraction:
        """R until a day, in the currency that the account had on another."""
        return self.year.received(self.account(day), until)

    def thresholds(self, day: date) -> dict:
        """Thresholds of a day."""
        return self.year.plan(day).thresholds(day)

    def asleep(self, day: date) -> bool:
        """Whether nothing opens, stays open or changes on this day."""
        account = self.account(day)
        if account is None or account.total == 0 or account.lifted(day) or day > account.end:
            return True
        return day not in self.year.plan(day).active_days

    def due_days(self, day: date, after: date = date.min) -> int:
        """Count the due days before a day."""
        return sum(1 for due in self.account(day).due_days if after < due < day)

    def opening(self, day: date) -> tuple[str, Fraction | int | None] | None:
        """Severity and what was crossed, if an episode opens on this day."""
        raise NotImplementedError

    def escalation(self, day: date) -> Fraction | None:
        """Tell what was crossed if a warning becomes critical on this day."""

    def resolution(self, day: date) -> tuple[bool, Fraction | int | None]:
        """Whether an open episode is resolved on this day, and by what."""
        raise NotImplementedError

    def easing(self, day: date) -> Fraction | None:
        """Tell what was crossed if a critical episode becomes a warning on this day."""


class Behind(Kind):
    """behind_pace, and a levy's levy_behind."""

    def _expected(self, day: date) -> Fraction:
        slack = self.thresholds(day)["slack_days"]
        before = date.fromordinal(day.toordinal() - slack)
        return self.account(day).expected(before)

    def asleep(self, day: date) -> bool:
        """Tell when this kind sleeps."""
        return super().asleep(day) or self._expected(day) == 0

    def _behind(self, day: date) -> bool:
        if day.year != self.year.year or self.asleep(day):
            return False
        rules = self.thresholds(day)
        grace = rules["grace_days" if self.levy_id is None else "levy_grace_days"]
        below = self.received(day, day - ONE_DAY) / self._expected(day) < rules["warning_below"]
        return below and self.due_days(day) >= grace

    def opening(self, day: date):
        """Judge the day's opening on money of the day before."""
        rules = self.thresholds(day)
        run = (date.fromordinal(day.toordinal() - n) for n in range(rules["for_days"]))
        if not all(self._behind(other) for other in run):
            return None
        crossed = self.escalation(day)
        return ("warning", rules["warning_below"]) if crossed is None else ("critical", crossed)

    def escalation(self, day: date):
        """Judge whether it is critical, on money of the day before."""
        critical = self.thresholds(day)["critical_below"]
        return critical if self.received(day, day - ONE_DAY) / self._expected(day) < critical else None

    def resolution(self, day: date):
        """Judge the closing with the money of the day."""
        rules = self.thresholds(day)
        enough = min(Fraction(1), rules["warning_below"] + rules["margin"])
        return self.received(day, day) / self._expected(day) >= enough, enough

    def easing(self, day: date):
        """Judge the easing with the money of the day."""
        rules = self.thresholds(day)
        enough = rules["critical_below"] + rules["margin"]
        return enough if self.received(day, day) / self._expected(day) >= enough else None


class Unreachable(Kind):
    """What is left would take far more than the group ever earned."""

    def _needed(self, day: date, until: date) -> Fraction:
        account = self.account(day)
        left = max(Fraction(), account.total - self.received(day, until))
        return left / max(30, self.year.plan(day).days_left(day))

    def opening(self, day: date):
        """Judge the day's opening on money of the day before."""
        rules = self.thresholds(day)
        best = self.year.best(self.account(day), day)
        limit = rules["unreachable_factor"] * best
        opens = best > 0 and self._needed(day, day - ONE_DAY) > limit
        return ("critical", limit) if opens and self.due_days(day) >= rules["unreachable_grace_days"] else None

    def resolution(self, day: date):
        """Judge the closing with the money of the day."""
        best = self.year.best(self.account(day), day + ONE_DAY)
        limit = Fraction("0.9") * self.thresholds(day)["unreachable_factor"] * best
        return self._needed(day, day) <= limit, limit


class Silent(Kind):
    """Nothing came in at all, not even for a levy."""

    def opening(self, day: date):
        """Judge the day's opening on money of the day before."""
        if self.received(day, day - ONE_DAY) >= self.account(day).total:
            return None
        last = max((r.day for r in self.year.remittances() if r.day < day), default=date.min)
        wanted = self.thresholds(day)["silent_days"]
        return ("warning", wanted) if self.due_days(day, after=last) >= wanted else None

    def resolution(self, day: date):
        """Judge the closing with the money of the day."""
        spoke = any(r.day == day for r in self.year.remittances())
        resolved = spoke or self.received(day, day) >= self.account(day).total
        return resolved, self.thresholds(day)["silent_days"]


class Missed(Kind):
    """The end has passed, and not all of it is there."""

    def asleep(self, day: date) -> bool:
        """Tell when this kind sleeps."""
        account = self.account(day)
        return account is None or account.total == 0 or account.lifted(day) or day <= account.end

    def opening(self, day: date):
        """Judge the day's opening on money of the day before."""
        return ("critical", None) if self.received(day, day - ONE_DAY) < self.account(day).total else None

    def resolution(self, day: date):
        """Judge the closing with the money of the day."""
        return self.received(day, day) >= self.account(day).total, None


KINDS = {
    "behind_pace": Behind,
    "levy_behind": Behind,
    "unreachable": Unreachable,
    "silent": Silent,
    "missed": Missed,
}


def retargeted(kind: Kind, day: date) -> bool:
    """Whether the account's T or currency differs from the day before."""
    before, now = kind.account(day - ONE_DAY), kind.account(day)
    return before is None or (before.total, before.currency) != (now.total, now.currency)


def _awake(kind: Kind, name: str, current: Episode | None, day: date) -> Episode | None:
    """One day of a kind on which it may change: first the target, then openings, then closings, then easings."""
    if current and name != "silent" and retargeted(kind, day):
        current.add(day, "retargeted")
    if current is None:
        opening = kind.opening(day)
        if opening is None:
            return None
        current = Episode(kind.year.group_id, kind.year.year, name, kind.levy_id, day)
        current.add(day, "opened", *opening)
    elif current.severity == "warning" and kind.escalation(day) is not None:
        current.add(day, "escalated", "critical", kind.escalation(day))
    resolved, crossed = kind.resolution(day)
    if resolved:
        current.add(day, "resolved", None, crossed)
    elif current.severity == "critical" and kind.easing(day) is not None:
        current.add(day, "deescalated", "warning", kind.easing(day))
    return current


def _walk_kind(year: Year, name: str, levy_id: str | None, until: date) -> list[Episode]:
    kind, told, current = KINDS[name](year, levy_id), [], None
    day = date(year.year, 1, 1)
    while day <= min(until, year.day_after):
        before = current if current and current.open else None
        if kind.asleep(day):
            current = None
            if before:
                before.add(day, "lapsed")
        else:
            current = _awake(kind, name, before, day)
            if current is not before and current is not None:
                told.append(current)
        day += ONE_DAY
    return told


def walk(year: Year, until: date) -> list[Episode]:
    """Every episode of a group and year up to a day, sorted."""
    if until in year.walked:
        return year.walked[until]
    accounts = [(name, None) for name in BASE_KINDS]
    accounts += [(name, levy_id) for levy_id in year.levy_ids() for name in LEVY_KINDS]
    told = [episode for name, levy_id in accounts for episode in _walk_kind(year, name, levy_id, until)]
    year.walked[until] = sorted(told, key=lambda episode: episode.sorting)
    return year.walked[until]
