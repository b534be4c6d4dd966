"""Which policies and remittances of a day touch the account that an episode is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from tests.model.messages import Policy
    from tests.model.plan import Account, Plan, Year
    from tests.model.walk import Episode

SHARED = {"group_opened", "group_closed", "headcount_changed", "suspended", "resumed", "alert_rules_set"}


def _exchanged(year: Year, plan: Plan, account: Account, day: date) -> set[str]:
    """Tell the other currencies in which the account has money by a day, a delta or its first target."""
    used = {r.currency for r in year.remittances() if r.levy_id == account.levy_id and r.day <= day}
    if account.levy_id is None:
        changes = [*plan.of("target_adjusted"), plan.first_target]
        used |= {policy.says["currency"] for policy in changes if policy.says.get("currency")}
    return used - {account.currency}


def _concerns(year: Year, levy_id: str | None, policy: Policy, day: date) -> bool:
    """Whether a policy, in force or not, is about this account."""
    says, plan = policy.says, year.plan(day)
    if policy.type == "exchange_rate_set":
        account = plan.account(levy_id)
        pair = {says["currency"], says["per"]}
        return account is not None and account.currency in pair and bool(pair & _exchanged(year, plan, account, day))
    if policy.type == "levy_lifted":
        return says["levy_id"] == levy_id
    if policy.type == "levy_imposed":
        return says["levy_id"] == levy_id and plan.touches(policy)
    own = SHARED if levy_id else SHARED | {"target_set", "target_adjusted"}
    return policy.type in own and plan.touches(policy)


def causes(year: Year, episode: Episode) -> list[str]:
    """Name the first 20 causes of an episode's last transition: policies by rank, then remittances by id."""
    last = episode.history[-1]
    day, known, levy_id = last.on_day, year.known, episode.levy_id
    plan = year.plan(day)
    account = plan.account(levy_id)
    found = [p for p in (*plan.decrees, *known.rates) if _concerns(year, levy_id, p, day)]
    by_id = {p.policy_id: p for p in known.policies}
    for revocation in known.revocations:
        revoked = by_id.get(revocation.says["revokes"])
        if revoked is None or not _concerns(year, levy_id, revoked, day):
            continue
        # After the year a revoked rate still changes it, as facts do; a revoked decree doesn't.
        if revoked.type == "exchange_rate_set" or revocation.issued_on <= year.last_day:
            found.append(revocation)
    found = sorted((p for p in found if day in (p.issued_on, p.own_day)), key=lambda p: p.rank)
    return ([p.policy_id for p in found] + _remittances(year, episode, account, day))[:20]


def _remittances(year: Year, episode: Episode, account: Account | None, day: date) -> list[str]:
    if episode.history[-1].transition not in ("resolved", "deescalated"):
        return []
    if episode.kind == "silent":
        return sorted(r.event_id for r in year.remittances() if r.day == day)
    purse = year.known.purse(year.group_id, year.year, episode.levy_id, account.currency)
    return sorted(r.event_id for on, _, r in purse.counted if on == day)
