"""The quota-status value of an account on d, whole.

Lives here: its fields in their order, levels. Not here: the figures' formulas (figures.py), the history (walk.py).
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from streams.core.figures import figures_of, outlook_of
from streams.core.money import decimal_text
from streams.core.rules import CRITICAL
from streams.core.years import day_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.core.events import Day
    from streams.core.history import Episode
    from streams.core.plan import Claim
    from streams.core.timeline import Regime
    from streams.core.view import AccountView

OK = "ok"
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


def status_value(view: AccountView, d: Day, open_episodes: Sequence[Episode]) -> dict[str, object]:
    """Return the quota-status value of an account on d, given the episodes of its history that are open."""
    regime = view.timeline.regime_on(d)
    claim, levies = regime.base, regime.levies
    worst = _worst(open_episodes)
    return {
        "schema_version": 1,
        "type": "quota_status",
        "group_id": view.group_id,
        "region": regime.region,
        "plan_year": view.year.year,
        "as_of": day_text(d),
        "currency": None if claim is None else claim.currency,
        **(NO_FIGURES if claim is None else _base_figures(view, regime, claim, d)),
        "level": _level(view, regime, claim, d, worst.get(None, OK)),
        "open_episodes": [_open_episode(view, episode) for episode in open_episodes],
        "levies": [_levy_value(view, regime, levy, d, worst.get(levy_id, OK)) for levy_id, levy in levies.items()],
        "unconverted": _unconverted(view, claim, levies, d),
        "unassigned": _unassigned(view, levies, d),
        "headcount": regime.headcount.on(view.year.decree_day(d)),
        "remittance_count": view.money.count_by(d),
        "policies_applied": regime.shown_policies,
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


def _worst(open_episodes: Iterable[Episode]) -> dict[str | None, str]:
    """Return the worst severity of the open episodes of the base account (levy_id None) and of each levy."""
    worst: dict[str | None, str] = {}
    for episode in open_episodes:
        if worst.get(episode.levy_id) != CRITICAL:
            worst[episode.levy_id] = episode.severity
    return worst


def _level(view: AccountView, regime: Regime, claim: Claim | None, d: Day, worst: str) -> str:
    if claim is None or not claim.schedule.total:
        return "no_target"
    if _paid_in_full(view, claim, d):
        return "met"
    if d == view.year.after:
        return "missed"
    if not regime.activity.on(d):
        return "inactive"
    return worst


def _levy_level(view: AccountView, regime: Regime, claim: Claim, d: Day, worst: str) -> str:
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
    return worst


def _open_episode(view: AccountView, episode: Episode) -> dict[str, object]:
    return {
        "episode_id": episode.id_in(view.group_id, view.year.year),
        "kind": episode.kind,
        "levy_id": episode.levy_id,
        "severity": episode.severity,
        "opened_on": day_text(episode.opened_on),
    }


def _levy_value(view: AccountView, regime: Regime, claim: Claim, d: Day, worst: str) -> dict[str, object]:
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
        "level": _levy_level(view, regime, claim, d, worst),
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
    waiting = (view.waiting(levy_id, None, d) for levy_id in view.money.earmarks() if levy_id not in levies)
    return _sums_text(view, chain.from_iterable(waiting))
