"""The quota-status value of an account on d, whole.

Lives here: its fields in their order, levels. Not here: the figures' formulas (figures.py), the history (walk.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.core.figures import figures_of, outlook_of
from streams.core.money import decimal_text
from streams.core.rules import CRITICAL, WARNING
from streams.core.years import day_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.core.events import Day
    from streams.core.history import Episode
    from streams.core.plan import Claim
    from streams.core.timeline import Regime
    from streams.core.view import AccountView

SHOWN_POLICIES = 50
NO_FIGURES = dict.fromkeys(
    (
        "original_target",
        "adjusted_target",
        "expected_to_date",
        "remitted_to_date",
        "shortfall",
        "surplus",
        "attainment_to_date",
        "attainment_of_target",
        "required_daily_rate",
        "trailing_daily_rate",
        "projected_total",
        "policy_effect",
        "remittance_effect",
    )
)


def status_value(view: AccountView, d: Day, episodes: Sequence[Episode]) -> dict[str, object]:
    """Return the quota-status value of an account on d, given its canonical history to d."""
    regime = view.timeline.regime_on(d)
    claim, levies = regime.base, regime.levies
    open_episodes = [episode for episode in episodes if episode.is_open]
    return {
        "schema_version": 1,
        "type": "quota_status",
        "group_id": view.group_id,
        "region": regime.region,
        "plan_year": view.year.year,
        "as_of": day_text(d),
        "currency": None if claim is None else claim.currency,
        **(NO_FIGURES if claim is None else _base_figures(view, regime, claim, d)),
        "level": _level(view, regime, claim, d, open_episodes),
        "open_episodes": [_open_episode(episode) for episode in open_episodes],
        "levies": [_levy_value(view, regime, levy, d, open_episodes) for levy in levies.values()] if levies else [],
        "unconverted": _unconverted(view, claim, levies, d),
        "unassigned": _unassigned(view, levies, d),
        "headcount": regime.headcount.on(view.year.decree_day(d)),
        "remittance_count": view.money.count_by(d),
        "policies_applied": regime.shown_policies(SHOWN_POLICIES),
        "policies_applied_count": len(regime.law.decrees.applied),
    }


def _base_figures(view: AccountView, regime: Regime, claim: Claim, d: Day) -> dict[str, str | None]:
    curve = view.curve(None, claim.currency)
    shown = figures_of(view, claim, regime.original, d, curve.by(d))
    outlook = outlook_of(view, regime, claim, curve, d)
    decimals = shown.decimals
    return {
        "original_target": shown.text(shown.original_target),
        "adjusted_target": decimal_text(shown.adjusted_target, decimals),
        "expected_to_date": decimal_text(shown.expected, decimals),
        "remitted_to_date": decimal_text(shown.remitted, decimals),
        "shortfall": decimal_text(shown.shortfall, decimals),
        "surplus": decimal_text(shown.surplus, decimals),
        "attainment_to_date": shown.attainment_to_date,
        "attainment_of_target": shown.attainment_of_target,
        "required_daily_rate": shown.text(outlook.required_daily_rate),
        "trailing_daily_rate": decimal_text(outlook.trailing_daily_rate, decimals),
        "projected_total": decimal_text(outlook.projected_total, decimals),
        "policy_effect": shown.text(shown.policy_effect),
        "remittance_effect": shown.text(shown.remittance_effect),
    }


def _paid_in_full(view: AccountView, claim: Claim, d: Day) -> bool:
    schedule = claim.schedule
    return view.curve(claim.levy_id, claim.currency).by(d) * schedule.denominator >= schedule.total


def _worst(severities: Iterable[str]) -> str:
    return min((severity for severity in severities), key=(CRITICAL, WARNING).index, default="ok")


def _level(view: AccountView, regime: Regime, claim: Claim | None, d: Day, open_episodes: Sequence[Episode]) -> str:
    if claim is None or not claim.schedule.total:
        return "no_target"
    if _paid_in_full(view, claim, d):
        return "met"
    if d == view.year.after:
        return "missed"
    if not regime.activity.on(d):
        return "inactive"
    return _worst(episode.severity for episode in open_episodes if episode.levy_id is None)


def _levy_level(view: AccountView, regime: Regime, claim: Claim, d: Day, open_episodes: Sequence[Episode]) -> str:
    if claim.lifted_from <= d:
        return "lifted"
    if not claim.schedule.total:
        return "no_target"
    if _paid_in_full(view, claim, d):
        return "met"
    if d > claim.end:
        return "missed"
    if not regime.activity.on(d):
        return "inactive"
    return _worst(episode.severity for episode in open_episodes if episode.levy_id == claim.levy_id)


def _open_episode(episode: Episode) -> dict[str, object]:
    return {
        "episode_id": episode.episode_id,
        "kind": episode.kind,
        "levy_id": episode.levy_id,
        "severity": episode.severity,
        "opened_on": day_text(episode.opened_on),
    }


def _levy_value(
    view: AccountView, regime: Regime, claim: Claim, d: Day, open_episodes: Sequence[Episode]
) -> dict[str, object]:
    shown = figures_of(view, claim, None, d, view.curve(claim.levy_id, claim.currency).by(d))
    return {
        "levy_id": claim.levy_id,
        "purpose": claim.purpose,
        "currency": claim.currency,
        "target": shown.text(shown.adjusted_target),
        "expected_to_date": shown.text(shown.expected),
        "remitted_to_date": shown.text(shown.remitted),
        "shortfall": shown.text(shown.shortfall),
        "attainment_to_date": shown.attainment_to_date,
        "level": _levy_level(view, regime, claim, d, open_episodes),
    }


def _sums_text(view: AccountView, sums: Iterable[tuple[str, int]]) -> dict[str, str]:
    totals: dict[str, int] = {}
    for currency, amount in sums:
        totals[currency] = totals.get(currency, 0) + amount
    return {currency: decimal_text(totals[currency], view.book.minor_digits[currency]) for currency in sorted(totals)}


def _unconverted(view: AccountView, base: Claim | None, levies: Mapping[str, Claim], d: Day) -> dict[str, str]:
    waiting = list(view.waiting(None, None if base is None else base.currency, d))
    for claim in levies.values():
        waiting += view.waiting(claim.levy_id, claim.currency, d)
    return _sums_text(view, waiting) if waiting else {}


def _unassigned(view: AccountView, levies: Mapping[str, Claim], d: Day) -> dict[str, str]:
    levy_ids = {purse.levy_id for purse in view.money.purses() if purse.levy_id is not None} - levies.keys()
    return _sums_text(view, (sums for levy_id in levy_ids for sums in view.waiting(levy_id, None, d)))
