"""Which policy is the newer one: the order that decides between policies.

Lives here: rank, order of issue, whom a scope covers. Not here: what a policy does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.core.events import Day, Policy, Scope


def own_day(policy: Policy) -> Day:
    """Return the day that a policy is about ("Arithmetic", Facts and decrees)."""
    day: Day = getattr(policy, policy.OWN_DAY)
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
