"""What can happen, parsed: the remittances and reversals of groups, and the policies that move their targets.

Days are `int` ordinals (`datetime.date.toordinal`), times are integer microseconds since 1970-01-01T00:00Z, money is
an `int` of minor units, every other decimal an exact `Fraction`. Nothing here knows the wire; `streams.shell.codec`
parses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from fractions import Fraction

Day = int
EPOCH_DAY: Day = date(1970, 1, 1).toordinal()
DAY_US = 86_400_000_000


class Added(Enum):
    """What adding an event or a policy to a set of known ones did."""

    NEW = "new"
    REPEAT = "repeat"  # known already, with equal fields
    CONFLICT = "conflict"  # known already with other fields: the first stands


def day_of(time_us: int) -> Day:
    """Return the UTC day of a time given in microseconds since the epoch."""
    return EPOCH_DAY + time_us // DAY_US


class Remittance(NamedTuple):
    """Money that a group sent in. Known by `group_id` and `event_id`."""

    group_id: str
    event_id: bytes  # the uuid's 16 bytes
    digest: bytes  # 8 bytes over every field as parsed: tells a repeat from a conflict
    day: Day
    amount_minor: int
    currency: str
    levy_id: str | None


class Reversal(NamedTuple):
    """Takes the whole remittance `reverses` of the same group out, whichever of the two arrives first."""

    group_id: str
    event_id: bytes
    digest: bytes
    reverses: bytes


class Scope(NamedTuple):
    """Whom a policy covers: a region, one group, or (both None) all."""

    region: str | None = None
    group_id: str | None = None


EVERYBODY = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What every policy has. Policies are known by `policy_id` (canonical lower-case uuid text)."""

    #: The field that is the type's own day ("Arithmetic", Facts and decrees).
    OWN_DAY: ClassVar[str] = "issued_day"

    policy_id: str
    issued_at_us: int
    reason: str | None = None

    @property
    def issued_day(self) -> Day:
        """The UTC day of issue."""
        return day_of(self.issued_at_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOpened(Policy):
    """A group begins, in a region, with a headcount."""

    OWN_DAY: ClassVar[str] = "opened_on"

    group_id: str
    region: str
    opened_on: Day
    headcount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSet(Policy):
    """A group's yearly target; `weights` (12, by month) is None for the linear pace."""

    group_id: str
    plan_year: int
    amount_minor: int
    currency: str
    per_worker: bool
    weights: tuple[Fraction, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetAdjusted(Policy):
    """A cut or a top-up: either `factor`, or `delta_minor` with `currency`; `remaining` is applies = remaining."""

    OWN_DAY: ClassVar[str] = "effective_on"

    scope: Scope
    plan_year: int
    remaining: bool
    effective_on: Day
    factor: Fraction | None
    delta_minor: int | None
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LevyImposed(Policy):
    """An account of its own for every group in scope, due evenly over from_day..due_day."""

    OWN_DAY: ClassVar[str] = "from_day"

    levy_id: str
    scope: Scope
    amount_minor: int
    currency: str
    per_worker: bool
    from_day: Day
    due_day: Day
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LevyLifted(Policy):
    """A levy is no longer asked for, from effective_on on."""

    OWN_DAY: ClassVar[str] = "effective_on"

    levy_id: str
    effective_on: Day


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadcountChanged(Policy):
    """A group's headcount from effective_on on."""

    OWN_DAY: ClassVar[str] = "effective_on"

    group_id: str
    headcount: int
    effective_on: Day


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended(Policy):
    """Those in scope are inactive from from_day to until_day (inclusive; None: for ever)."""

    OWN_DAY: ClassVar[str] = "from_day"

    scope: Scope
    from_day: Day
    until_day: Day | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Policy):
    """Those in scope are out of the suspension `resumes` (a policy_id) from effective_on on."""

    OWN_DAY: ClassVar[str] = "effective_on"

    resumes: str
    scope: Scope
    effective_on: Day


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupClosed(Policy):
    """A group ends."""

    OWN_DAY: ClassVar[str] = "closed_on"

    group_id: str
    closed_on: Day


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRateSet(Policy):
    """1 `currency` = `rate` `per`, from effective_on on. A fact, not a decree."""

    OWN_DAY: ClassVar[str] = "effective_on"

    currency: str
    per: str
    rate: Fraction
    effective_on: Day


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRulesSet(Policy):
    """Thresholds for those in scope, each None where this policy does not name it."""

    OWN_DAY: ClassVar[str] = "effective_on"

    scope: Scope
    effective_on: Day
    warning_below: Fraction | None = None
    critical_below: Fraction | None = None
    margin: Fraction | None = None
    slack_days: int | None = None
    for_days: int | None = None
    grace_days: int | None = None
    levy_grace_days: int | None = None
    unreachable_factor: Fraction | None = None
    unreachable_grace_days: int | None = None
    silent_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked(Policy):
    """Takes the policy `revokes` (a policy_id) out of force; revoking a revocation has no effect."""

    revokes: str
