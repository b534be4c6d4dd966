"""What if these policies were decreed: each account with and without them, and what differs.

Both sides are the whole account on the day reached: its status, and its canonical history from the year's beginning.
A hypothetical policy counts as any decree does, from its issue day on. Lives here: the diff. Not here: reading files.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.history import history_value
from streams.core.years import day_text, plan_year
from streams.questions.amounts import SUMMED, Sums
from streams.questions.knowledge import AccountKey, each

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.core.account import Account
    from streams.core.events import Day, Policy
    from streams.core.history import Episode, Known
    from streams.questions.knowledge import Knowledge, Progress

SHOWN = ("region", "currency", "level", *SUMMED, "attainment_to_date", "required_daily_rate", "projected_total")
NO_CHANGE = frozenset({"policies_applied", "policies_applied_count"})  # that a policy applies is no result of it


class Side(NamedTuple):
    """An account with, or without, the hypothetical policies; None where there is no such account."""

    status: dict[str, Any]
    episodes: tuple[Episode, ...]


def what_if(
    knowledge: Knowledge,
    policies: Sequence[Policy],
    day_reached: Day,
    progress: Progress | None = None,
    remembered: dict[AccountKey, Known] | None = None,
) -> dict[str, Any]:
    """Return what would differ on the day reached, over all accounts of all years.

    `groups` has the accounts that differ in anything (that a policy is listed as applied is no difference);
    `regions` and `overall` have sums over all accounts of a plan year and currency, on both sides. `remembered`, left
    by an earlier question of the same knowledge (it may have grown since), only spares work.
    """
    remembered = {} if remembered is None else remembered
    supposed = knowledge.with_policies(policies)
    keys = sorted({*knowledge.keys(day_reached), *supposed.keys(day_reached)})
    before: dict[AccountKey, Side | None] = {}
    after: dict[AccountKey, Side | None] = {}
    # One side after the other: booked money is remembered for one set of rates at a time.
    steps = [(key, known, found) for known, found in ((knowledge, before), (supposed, after)) for key in keys]
    for key, known, found in each(steps, progress):
        found[key] = _side(known, key, day_reached, remembered, keep=known is knowledge)
    changed = [key for key in keys if _comparable(before[key]) != _comparable(after[key])]
    return {
        "as_of": day_text(day_reached),
        "policies": [policy.policy_id for policy in policies],
        "without_effect_yet": [p.policy_id for p in policies if p.issued_day > day_reached],
        "accounts": len(keys),
        "accounts_changed": len(changed),
        "groups": [_difference(key, before[key], after[key]) for key in changed],
        "regions": _totals(knowledge, before, after, by_region=True),
        "overall": _totals(knowledge, before, after, by_region=False),
    }


def _side(
    known: Knowledge, key: AccountKey, day_reached: Day, remembered: dict[AccountKey, Known], *, keep: bool
) -> Side | None:
    if key.plan_year not in known.plan_years(key.group_id, day_reached):
        return None
    earlier = remembered.get(key)
    if earlier is not None and earlier.day > plan_year(key.plan_year).reached(day_reached):
        earlier = None  # of a later day than is asked for: it knows too much
    account: Account = known.account(key, day_reached, earlier)
    if keep:  # what is supposed was never known
        remembered[key] = account.known
    return Side(account.status, account.episodes)


def _comparable(side: Side | None) -> object:
    if side is None:
        return None
    return {name: value for name, value in side.status.items() if name not in NO_CHANGE}, side.episodes


def _difference(key: AccountKey, before: Side | None, after: Side | None) -> dict[str, Any]:
    return {
        "group_id": key.group_id,
        "plan_year": key.plan_year,
        "before": _shown(before),
        "after": _shown(after),
        "levies": _levies(before, after),
        "episodes": _episodes(key, before, after),
    }


def _shown(side: Side | None) -> dict[str, Any] | None:
    return None if side is None else {name: side.status[name] for name in SHOWN}


def _levies(before: Side | None, after: Side | None) -> list[dict[str, Any]]:
    was = {levy["levy_id"]: levy for levy in (before.status["levies"] if before else ())}
    will = {levy["levy_id"]: levy for levy in (after.status["levies"] if after else ())}
    return [
        {"levy_id": levy_id, "before": was.get(levy_id), "after": will.get(levy_id)}
        for levy_id in sorted({*was, *will})
        if was.get(levy_id) != will.get(levy_id)
    ]


def _episodes(key: AccountKey, before: Side | None, after: Side | None) -> dict[str, list[dict[str, Any]]]:
    was, will = (
        {episode.id_in(*key): episode for episode in (side.episodes if side else ())} for side in (before, after)
    )
    return {
        "only_before": [_episode(name, episode) for name, episode in was.items() if name not in will],
        "only_after": [_episode(name, episode) for name, episode in will.items() if name not in was],
        "changed": [
            {**_episode(name, will[name]), "history_before": history_value(episode.history)}
            for name, episode in was.items()
            if name in will and will[name] != episode
        ],
    }


def _episode(episode_id: str, episode: Episode) -> dict[str, Any]:
    return {
        "episode_id": episode_id,
        "kind": episode.kind,
        "levy_id": episode.levy_id,
        "opened_on": day_text(episode.opened_on),
        "open": episode.is_open,
        "history": history_value(episode.history),
    }


# --- sums -----------------------------------------------------------------------------------------------------------

Row = tuple[int, str, str]  # plan year, currency, region ("" for none, or for all)


class _Totals:
    """One side of a row of sums."""

    def __init__(self, decimals: int) -> None:
        self.sums = Sums(SUMMED, decimals)
        self.levels: Counter[str] = Counter()
        self.episodes: Counter[str] = Counter()
        self.groups = 0

    def add(self, side: Side) -> None:
        self.groups += 1
        self.sums.add(side.status)
        self.levels[side.status["level"]] += 1
        self.episodes.update(episode.kind for episode in side.episodes)

    def value(self) -> dict[str, Any]:
        return {
            "groups": self.groups,
            **self.sums.texts(),
            "levels": dict(sorted(self.levels.items())),
            "episodes": dict(sorted(self.episodes.items())),
        }


def _totals(
    knowledge: Knowledge,
    before: dict[AccountKey, Side | None],
    after: dict[AccountKey, Side | None],
    *,
    by_region: bool,
) -> list[dict[str, Any]]:
    """Return sums over the accounts with a target, by plan year, currency and (if asked) region."""
    sides = [_summed(knowledge, found.items(), by_region=by_region) for found in (before, after)]
    rows = []
    for row in sorted({*sides[0], *sides[1]}):
        year, currency, region = row
        nothing = _Totals(knowledge.book.minor_digits[currency])
        head = {"plan_year": year, "currency": currency} | ({"region": region or None} if by_region else {})
        rows.append({**head, **_both(*(side.get(row, nothing) for side in sides))})
    return rows


def _both(before: _Totals, after: _Totals) -> dict[str, Any]:
    was, will = before.value(), after.value()
    return {"changed": was != will, "before": was, "after": will}


def _summed(
    knowledge: Knowledge, found: Iterable[tuple[AccountKey, Side | None]], *, by_region: bool
) -> dict[Row, _Totals]:
    rows: dict[Row, _Totals] = {}
    for key, side in found:
        if side is None or side.status["currency"] is None:
            continue
        currency: str = side.status["currency"]
        row = (key.plan_year, currency, (side.status["region"] or "") if by_region else "")
        totals = rows.get(row)
        if totals is None:
            totals = rows[row] = _Totals(knowledge.book.minor_digits[currency])
        totals.add(side)
    return rows
