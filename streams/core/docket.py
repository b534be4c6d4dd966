"""The decrees that may concern the groups of one pattern, by type, and which of them are in force on a day.

From one law to the next few decrees come or go, and most are of one type. So those of a type that are in force are
found once for all days between two on which that type changes, and once for all patterns that have the same of it.
Not here: what they say (decrees.py).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from streams.core.rank import covers, own_day, rank

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.core.events import Day, Policy
    from streams.core.register import Register

P = TypeVar("P", bound="Policy")


class Filed(NamedTuple):
    """A decree with the days from which it counts and from which it is revoked."""

    issued: Day
    revoked: Day
    policy: Policy


def in_force(filed: Iterable[Filed], day: Day) -> list[Policy]:
    """Return the decrees in force on a day, by rank if `filed` is."""
    return [policy for issued, revoked, policy in filed if issued <= day < revoked]


class InForce(Generic[P]):
    """Decrees of one type in force, in ascending rank; shared, so nobody changes them."""

    def __init__(self, policies: list[P]) -> None:
        self.policies = policies

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Their policy_ids, which say which they are."""
        return tuple([policy.policy_id for policy in self.policies])

    @cached_property
    def days(self) -> list[Day]:
        """Their own days, ascending."""
        return [own_day(policy) for policy in self.policies]


def _turns(filed: Iterable[Filed]) -> list[Day]:
    """Return the days on which any begins or ceases to be in force, ascending."""
    return sorted({day for issued, revoked, _ in filed for day in (issued, revoked)})


class _Kind(Generic[P]):
    """The decrees of one type that cover the group while it is in one region."""

    def __init__(self, filed: list[Filed]) -> None:
        self._filed = filed
        self._turns = _turns(filed)
        self._found: dict[int, InForce[P]] = {}

    def in_force(self, day: Day) -> InForce[P]:
        at = bisect_right(self._turns, day)
        found = self._found.get(at)
        if found is None:
            found = self._found[at] = InForce(in_force(self._filed, day))  # type: ignore[arg-type]  # all are of P
        return found


class Docket:
    """Decrees filed by type, in ascending rank."""

    def __init__(self, group_id: str, policies: Iterable[Policy], register: Register) -> None:
        """File decrees of a register that may cover a group, or others of its pattern."""
        self.group_id = group_id
        self._once = register.once
        revoked_on = register.revoked_on
        self.filed = [Filed(p.issued_day, revoked_on(p.policy_id), p) for p in sorted(policies, key=rank)]
        self.turns = _turns(self.filed)
        self._by_type: dict[type[Policy], list[Filed]] = {}
        for one in self.filed:
            self._by_type.setdefault(type(one.policy), []).append(one)
        self._kinds: dict[tuple[type[Policy], str | None], _Kind[Any]] = {}

    def in_force(self, kind: type[P], region: str | None, day: Day) -> InForce[P]:
        """Return the decrees of a type that are in force on a day and cover the group, as one of a region."""
        found = self._kinds.get((kind, region))
        if found is None:
            mine = [one for one in self._by_type.get(kind, ()) if self._covers(one.policy, region)]
            alike = kind, tuple([(one.policy.policy_id, one.revoked) for one in mine])
            found = self._kinds[kind, region] = self._once(alike, lambda: _Kind(mine))
        return found.in_force(day)

    def _covers(self, policy: Policy, region: str | None) -> bool:
        scope = getattr(policy, "scope", None)
        return scope is None or covers(scope, self.group_id, region)

    def applied(self, region: str | None, day: Day, *, but: type[Policy]) -> list[Policy]:
        """Return all in force on a day that name or cover the group, as one of a region, those of a type left out."""
        return [
            policy
            for policy in in_force(self.filed, day)
            if not isinstance(policy, but) and self._covers(policy, region)
        ]
