"""The policies known, each once, filed by whom they may concern.

Lives here: adding policies, whom each may reach, what each may have changed. Not here: what is worked out of them
(book.py), and what decrees in force on a day add up to (decrees.py, timeline.py).
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from streams.core.changes import Changes
from streams.core.events import Added, ExchangeRateSet, GroupOpened, LevyImposed, LevyLifted, Revoked, Scope
from streams.core.pattern import NAMING_GROUPS, NOBODY, Own, scopes_of
from streams.core.rank import own_day
from streams.core.rates import Rates
from streams.core.years import DAWN, NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from streams.core.events import Day, GroupClosed, HeadcountChanged, Policy, TargetSet
    from streams.core.pattern import Pattern, Peers

MANY_POLICIES = 500

S = TypeVar("S")


class Register:
    """The policies known, each once."""

    def __init__(self, minor_digits: Mapping[str, int]) -> None:
        """Take how many decimals each currency has (ISO 4217 code -> decimals)."""
        self.minor_digits = minor_digits
        self.rates = Rates(minor_digits)
        self._policies: dict[str, Policy] = {}
        self._own: defaultdict[str, Own] = defaultdict(Own)  # by group
        self._regional: dict[str, list[Policy]] = {}
        self._general: list[Policy] = []
        self._shared_by_many = 0  # how many policies are regional or general
        self._peers: Peers = {}
        self._lifts: dict[str, list[LevyLifted]] = {}
        self._levies: dict[str, list[LevyImposed]] = {}
        self._revocations: dict[str, list[Revoked]] = {}  # by the policy that they name
        self._revoked_on: dict[str, Day] = {}
        self._groups: list[str] = []  # in the order in which they were named first
        self._region_groups: defaultdict[str, set[str]] = defaultdict(set)
        self._changes: dict[Scope, Changes] = {}  # of scopes that cover more than one group
        self._shared: WeakValueDictionary[object, object] = WeakValueDictionary()

    def add(self, policy: Policy) -> Added:
        """Add a policy; the first of one policy_id stands."""
        known = self._policies.get(policy.policy_id)
        if known is not None:
            return Added.REPEAT if known == policy else Added.CONFLICT
        self._policies[policy.policy_id] = policy
        if isinstance(policy, NAMING_GROUPS):  # nearly all policies are of these
            self._name(policy)
            return Added.NEW
        self._file(policy)
        for scope in self.reach(policy):
            first = self._first_changed(policy)
            if scope.group_id is None:
                self._changes.setdefault(scope, Changes()).add(self.version, first)
            else:
                self._own[scope.group_id].change(self.version, first)
        return Added.NEW

    @property
    def version(self) -> int:
        """Grows with each policy that is added."""
        return len(self._policies)

    def _first_changed(self, policy: Policy) -> Day:
        """Return the first day on which a policy may change anything: a decree's issue day; any, for a fact."""
        named = self._policies.get(policy.revokes) if isinstance(policy, Revoked) else policy
        return DAWN if isinstance(named, ExchangeRateSet) else policy.issued_day

    def changed_for_all(self, pattern: Pattern, version: int) -> Day:
        """Return the first day that policies for several groups may have changed since a version; NEVER if none."""
        first = NEVER
        for scope in scopes_of(pattern.regions):
            changes = self._changes.get(scope)
            if changes is not None:
                first = min(first, changes.since(version))
        return first

    def once(self, decided_by: object, make: Callable[[], S]) -> S:
        """Return what is worked out of policies; plans of many patterns share it, for as long as one of them has it.

        `decided_by` is all that decides it; its first part says what it is.
        """
        found = self._shared.get(decided_by)
        if found is None:
            found = self._shared[decided_by] = make()
        return found  # type: ignore[return-value]

    def policy(self, policy_id: str) -> Policy | None:
        """Return the policy known by an id."""
        return self._policies.get(policy_id)

    def policies(self) -> Collection[Policy]:
        """Return every policy known, in the order in which they were added."""
        return self._policies.values()

    def __len__(self) -> int:
        return len(self._policies)

    def group_ids(self) -> Collection[str]:
        """Return the groups that policies name ("Arithmetic": groups), in the order of their first naming."""
        return self._groups

    def reach(self, policy: Policy) -> list[Scope]:
        """Return the scopes of the groups whose accounts a policy may change.

        A revocation of something unknown reaches nobody: what it names will, when it comes.
        """
        if isinstance(policy, NAMING_GROUPS):
            return [Scope(None, policy.group_id)]
        if isinstance(policy, ExchangeRateSet):
            return [Scope()]
        if isinstance(policy, Revoked):
            named = self._policies.get(policy.revokes)
            return [] if named is None or isinstance(named, Revoked) else self.reach(named)
        if isinstance(policy, LevyLifted):
            return [levy.scope for levy in self._levies.get(policy.levy_id, ())]
        return [_scope_of(policy)]

    def groups_in(self, scope: Scope) -> Collection[str]:
        """Return the groups known by policies that a scope may cover: of a region, those of any opening in it."""
        if scope.group_id is not None:
            return (scope.group_id,)
        return self._groups if scope.region is None else self._region_groups.get(scope.region, ())

    def is_laborious(self, group_id: str) -> bool:
        """Tell whether so many policies may concern a group that its evaluation takes a while."""
        own = self._own.get(group_id, NOBODY)
        return len(own.policies) + self._shared_by_many > MANY_POLICIES

    def touching(self, pattern: Pattern) -> Iterator[Policy]:
        """Yield the decrees that name groups of a pattern, or that may cover them, of any year (levy_lifted: no)."""
        yield from pattern.policies
        for region in pattern.regions:
            yield from self._regional.get(region, ())
        yield from self._general

    def lifts(self, levy_id: str) -> list[LevyLifted]:
        """Return what is known to lift a levy."""
        return self._lifts.get(levy_id, [])

    def revocations(self, policy_id: str) -> list[Revoked]:
        """Return what is known to revoke a policy."""
        return self._revocations.get(policy_id, [])

    def revoked_on(self, policy_id: str) -> Day:
        """Return the day from which a policy is revoked; NEVER if it is not."""
        return self._revoked_on.get(policy_id, NEVER)

    def _name(self, policy: GroupOpened | GroupClosed | TargetSet | HeadcountChanged) -> None:
        """File a policy that makes what it names a group, and note what it changed."""
        own = self._own[policy.group_id]
        if not own.is_named:
            own.is_named = True
            self._groups.append(policy.group_id)
        if isinstance(policy, GroupOpened):
            self._region_groups[policy.region].add(policy.group_id)
        own.policies = (*own.policies, policy)
        own.change(self.version, policy.issued_day)

    def _file(self, policy: Policy) -> None:
        if isinstance(policy, Revoked):
            self._revocations.setdefault(policy.revokes, []).append(policy)
            self._revoked_on[policy.revokes] = min(policy.issued_day, self.revoked_on(policy.revokes))
            named = self._policies.get(policy.revokes)
            if isinstance(named, ExchangeRateSet) and len(self._revocations[policy.revokes]) == 1:
                self.rates.drop(named)
        elif isinstance(policy, ExchangeRateSet):
            if policy.policy_id in self._revocations:
                self.rates.drop(policy)
            else:
                self.rates.put(policy)
        elif isinstance(policy, LevyLifted):
            self._lifts.setdefault(policy.levy_id, []).append(policy)
        else:
            self._file_by_scope(policy)

    def _file_by_scope(self, policy: Policy) -> None:
        if isinstance(policy, LevyImposed):
            self._levies.setdefault(policy.levy_id, []).append(policy)
        scope = _scope_of(policy)
        if scope.group_id is not None:
            own = self._own[scope.group_id]
            own.policies = (*own.policies, policy)
            return
        self._meet(policy)
        self._shared_by_many += 1
        if scope.region is not None:
            self._regional.setdefault(scope.region, []).append(policy)
        else:
            self._general.append(policy)

    def _meet(self, policy: Policy) -> None:
        """Note a policy that covers more than one group."""
        insort(self._peers.setdefault(own_day(policy), []), (policy.issued_at_us, policy.policy_id))


def _scope_of(policy: Policy) -> Scope:
    """Return the scope of a decree that has one."""
    scope: Scope = policy.scope  # type: ignore[attr-defined]  # all others are asked for before
    return scope
