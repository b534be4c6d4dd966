"""Why something happened on a day: the policies, then the remittances, that an alert names as its causes.

Lives here: decisions/0001, 4. Not here: what they caused (walk.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from streams.core.events import Revoked, TargetAdjusted, TargetSet
from streams.core.rank import covers, own_day, rank
from streams.core.rules import DEESCALATED, RESOLVED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.core.events import Day, Policy
    from streams.core.plan import Claim
    from streams.core.timeline import Regime
    from streams.core.view import AccountView

MOST_CAUSES = 20
BASE_ONLY = (TargetSet, TargetAdjusted)


def causes_of(view: AccountView, kind: str, levy_id: str | None, day: Day, transition: str) -> list[str]:
    """Return the policy ids, then event ids, that a transition of a day names; at most 20."""
    regime = view.timeline.regime_on(day)
    claim = regime.claim(levy_id)
    in_force_on = view.year.decree_day(day)
    policies: list[Policy] = []
    for policy in _touching(view, regime, levy_id, day):
        issued, revoked = policy.issued_day, view.book.revoked_on(policy.policy_id)
        if issued <= in_force_on < revoked and day in {issued, own_day(policy)}:
            policies.append(policy)
        policies += _revocations(view, policy, day, in_force_on)
    if claim is not None:
        policies += _rates(view, claim, _foreign(view, regime, claim, day), day)
    causes = [policy.policy_id for policy in sorted(policies, key=rank)]
    if transition in {RESOLVED, DEESCALATED}:
        causes += _remittances(view, kind, levy_id, claim, day)
    return causes[:MOST_CAUSES]


def _remittances(view: AccountView, kind: str, levy_id: str | None, claim: Claim | None, day: Day) -> Iterator[str]:
    """Yield the remittances of a day that the account counts; for `silent`, any of the group."""
    for event_id, (currency, earmark) in view.money.of_day(day):
        # Money that waits in unconverted counts nowhere, so it decided nothing, but it is no silence.
        counted = (
            earmark == levy_id
            and claim is not None
            and view.book.rates.minor_rate(currency, claim.currency, day) is not None
        )
        if counted or kind == "silent":
            yield str(UUID(bytes=event_id))


def _touching(view: AccountView, regime: Regime, levy_id: str | None, day: Day) -> Iterator[Policy]:
    """Yield the decrees, in force or not, that touch the base account or a levy's, and may be about the day."""
    for policy in view.timeline.about(day, levy_id):
        if levy_id is not None and isinstance(policy, BASE_ONLY):
            continue
        scope = getattr(policy, "scope", None)
        if scope is None or covers(scope, view.group_id, regime.region):
            yield policy


def _revocations(view: AccountView, policy: Policy, day: Day, in_force_on: Day) -> list[Revoked]:
    return [
        revoked
        for revoked in view.book.revocations(policy.policy_id)
        if revoked.issued_day == day and day <= in_force_on
    ]


def _rates(view: AccountView, claim: Claim, foreign: set[str], day: Day) -> Iterator[Policy]:
    """Yield the rates that the account has a use for (facts: whenever issued), and what revokes one."""
    if not foreign:
        return
    for rate in view.book.rates.about(claim.currency, day):
        if foreign & {rate.currency, rate.per}:
            yield rate
    for rate in view.book.rates.dropped(claim.currency):
        if foreign & {rate.currency, rate.per}:
            yield from (r for r in view.book.revocations(rate.policy_id) if r.issued_day == day)


def _foreign(view: AccountView, regime: Regime, claim: Claim, day: Day) -> set[str]:
    """Return the other currencies of the account: else a bank's daily rates would be causes of every alert."""
    money, levy_id = view.money, claim.levy_id
    used = {purse.currency for purse in money.purses(levy_id) if money.first_day(purse) <= day}
    if levy_id is None:
        used |= regime.law.currencies
    return used - {claim.currency}
