"""What the policies of one group alone say, but for ids and amounts: groups that agree on it share their decrees.

Most groups were opened alike and got a target each; what else is decreed comes for all or for a region. So there are
few patterns, and all that follows from decrees is worked out once for each of them (plan.py). Lives here: which
groups are alike. Not here: what policies do.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING

from streams.core.changes import Changes
from streams.core.events import EVERYBODY, GroupClosed, GroupOpened, HeadcountChanged, Scope, TargetSet
from streams.core.rank import issue_order, own_day
from streams.core.years import DAWN, NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.core.events import Day, Policy

NAMING_GROUPS = (GroupOpened, GroupClosed, TargetSet, HeadcountChanged)
#: Of a policy that names a group, what other groups need not share.
APART = {"policy_id", "issued_at_us", "reason", "group_id", "amount_minor"}
SHARED_FIELDS: dict[type[Policy], Callable[[Policy], object]] = {
    kind: attrgetter(*(field.name for field in fields(kind) if field.name not in APART)) for kind in NAMING_GROUPS
}

#: Policies that cover more than one group, by their own day: (time of issue, policy_id), ascending.
Peers = dict[int, list[tuple[int, str]]]


class Own:
    """The policies that name one group, or whose scope does."""

    __slots__ = ("changes", "first_day", "first_version", "is_named", "pattern", "policies", "stale_from")

    def __init__(self) -> None:
        self.policies: tuple[Policy, ...] = ()
        self.is_named = False  # by a policy that makes it a group, not only by a scope
        self.first_version, self.first_day = 0, NEVER  # of the book, and of what changed by then
        self.changes: Changes | None = None  # since then
        self.pattern: Pattern | None = None
        self.stale_from: Day = DAWN  # the first day of which the pattern may not hold any more

    def change(self, version: int, day: Day) -> None:
        """Take note that the policies changed, from a day on; before the first pattern one note serves them all."""
        self.stale_from = min(self.stale_from, day)
        if self.pattern is None:
            self.first_version, self.first_day = version, min(self.first_day, day)
        else:
            self.changes = self.changes or Changes()
            self.changes.add(version, day)

    def changed_from(self, version: int) -> Day:
        """Return the first day that they may have changed since a version; NEVER if none."""
        later = NEVER if self.changes is None else self.changes.since(version)
        return min(later, self.first_day) if version < self.first_version else later


class Pattern:
    """What groups share; its plans are made for the policies of the first group that had it."""

    __slots__ = ("_places", "before", "before_until", "group_id", "peers", "policies", "regions", "years")

    def __init__(
        self, group_id: str, policies: tuple[Policy, ...], peers: Peers, before: Pattern | None, before_until: Day
    ) -> None:
        self.group_id = group_id
        self.policies = policies
        self.peers = peers
        self.before = before  # the same group's, which still holds on the days before `before_until`
        self.before_until = before_until
        self.regions = frozenset(policy.region for policy in policies if isinstance(policy, GroupOpened))
        self.years: tuple[int, set[int]] | None = None  # those of targets and levies, and the book's version
        self._places: dict[str, int] | None = None

    @property
    def places(self) -> dict[str, int]:
        """Where the policies stand among the group's, by policy_id."""
        if self._places is None:
            self._places = {policy.policy_id: place for place, policy in enumerate(self.policies)}
        return self._places


@lru_cache(maxsize=4096)
def scopes_of(regions: frozenset[str]) -> list[Scope]:
    """Return the scopes that cover more than one group, and may cover one that was opened in some regions."""
    return [EVERYBODY, *(Scope(region=region) for region in regions)]


NOBODY = Own()


def pattern_key(policies: Iterable[Policy], revoked: Mapping[str, Day], peers: Peers) -> tuple[object, ...] | None:
    """Return what groups must agree on to share a pattern; None for a group that is like no other.

    `policies` are of one group, in the order of issue. Times of issue and ids say no more than who comes first: among
    the group's own their order says it, and among the others of one own day their place.
    """
    key: list[object] = []
    for policy in policies:
        said = SHARED_FIELDS.get(type(policy))
        if said is None:  # others may name it by its id, as a resumption does
            return None
        met = peers.get(own_day(policy))
        place = bisect_left(met, (policy.issued_at_us, policy.policy_id)) if met else 0
        key.append((type(policy), policy.issued_day, said(policy), revoked.get(policy.policy_id), place))
    return tuple(key)


def in_order(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """Return policies in the order of issue."""
    return tuple(sorted(policies, key=issue_order))
