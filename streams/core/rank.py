"""Which policy is the newer one: the own day of each type, and the order that decides between policies.

Lives here: own days, rank, order of issue, whom a scope covers. Not here: what a policy does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.core.events import (
    AlertRulesSet,
    ExchangeRateSet,
    GroupClosed,
    GroupOpened,
    HeadcountChanged,
    LevyImposed,
    LevyLifted,
    Resumed,
    Suspended,
    TargetAdjusted,
)

if TYPE_CHECKING:
    from streams.core.events import Day, Policy, Scope

# The field that is each type's own day; a type that is not here has its issue day.
OWN_DAY: dict[type[Policy], str] = {
    AlertRulesSet: "effective_on",
    ExchangeRateSet: "effective_on",
    GroupClosed: "closed_on",
    GroupOpened: "opened_on",
    HeadcountChanged: "effective_on",
    LevyImposed: "from_day",
    LevyLifted: "effective_on",
    Resumed: "effective_on",
    Suspended: "from_day",
    TargetAdjusted: "effective_on",
}


def own_day(policy: Policy) -> Day:
    """Return the day that a policy is about ("Arithmetic", Facts and decrees)."""
    field = OWN_DAY.get(type(policy))
    day: Day = policy.issued_day if field is None else getattr(policy, field)
    return day


def rank(policy: Policy) -> tuple[Day, int, str]:
    """Return what decides where several policies answer the same question: the greatest is the newest."""
    return own_day(policy), policy.issued_at_us, policy.policy_id


def issue_order(policy: Policy) -> tuple[int, str]:
    """Return what decides where the one issued last, or first, is asked for."""
    return policy.issued_at_us, policy.policy_id


def covers(scope: Scope, group_id: str, region: str | None) -> bool:
    """Tell whether a scope covers a group that is in a region (None: in none)."""
    if scope.group_id is not None:
        return scope.group_id == group_id
    return scope.region is None or scope.region == region
