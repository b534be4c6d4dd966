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
    from collections.abc import Iterable, Sequence

    from streams.core.events import Day
    from streams.core.history import Episode
    from streams.core.timeline import Claim, Regime
    from streams.core.view import AccountView

SHOWN_POLICIES = 50
FIGURE_FIELDS = (
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


def status_value(view: AccountView, d: Day, episodes: Sequence[Episode]) -> dict[str, object]:
    """Return the quota-status value of an account on d, given its canonical history to d."""
    regime = view.timeline.regime_on(d)
    open_episodes = [episode for episode in episodes if episode.is_open]
    applied = regime.decrees.applied
    return {
        "schema_version": 1,
        "type": "quota_status",
        "group_id": view.group_id,
        "region": regime.decrees.region,
        "plan_year": view.year.year,
        "as_of": day_text(d),
        "currency": None if regime.base is None else regime.base.currency,
        **_base_figures(view, regime, d),
        "level": _level(view, regime, d, open_episodes),
        "open_episodes": [_open_episode(episode) for episode in open_episodes],
        "levies": [_levy_value(view, regime, claim, d, open_episodes) for claim in regime.levies.values()],
        "unconverted": _unconverted(view, regime, d),
        "unassigned": _unassigned(view, regime, d),
        "headcount": regime.headcount.on(view.year.decree_day(d)),
        "remittance_count": view.money.count_by(d),
        "policies_applied": [policy.policy_id for policy in applied[-SHOWN_POLICIES:]],
        "policies_applied_count": len(applied),
    }


def _base_figures(view: AccountView, regime: Regime, d: Day) -> dict[str, str | None]:
    claim = regime.base
    if claim is None:
        return dict.fromkeys(FIGURE_FIELDS)
    curve = view.curve(None, claim.currency)
    shown = figures_of(view, claim, regime.original, d, curve.by(d))
    outlook = outlook_of(view, regime, claim, curve, d)
    values = (
        shown.text(shown.original_target),
        shown.text(shown.adjusted_target),
        shown.text(shown.expected),
        shown.text(shown.remitted),
        shown.text(shown.shortfall),
        shown.text(shown.surplus),
        shown.attainment_to_date,
        shown.attainment_of_target,
        shown.text(outlook.required_daily_rate),
        shown.text(outlook.trailing_daily_rate),
        shown.text(outlook.projected_total),
        shown.text(shown.policy_effect),
        shown.text(shown.remittance_effect),
    )
    return dict(zip(FIGURE_FIELDS, values, strict=True))


def _paid_in_full(view: AccountView, claim: Claim, d: Day) -> bool:
    schedule = claim.schedule
    return view.curve(claim.levy_id, claim.currency).by(d) * schedule.denominator >= schedule.total


def _worst(severities: Iterable[str]) -> str:
    return min((severity for severity in severities), key=(CRITICAL, WARNING).index, default="ok")


def _level(view: AccountView, regime: Regime, d: Day, open_episodes: Sequence[Episode]) -> str:
    claim = regime.base
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


def _unconverted(view: AccountView, regime: Regime, d: Day) -> dict[str, str]:
    waiting = list(view.waiting(None, None if regime.base is None else regime.base.currency, d))
    for claim in regime.levies.values():
        waiting += view.waiting(claim.levy_id, claim.currency, d)
    return _sums_text(view, waiting)


def _unassigned(view: AccountView, regime: Regime, d: Day) -> dict[str, str]:
    levy_ids = {purse.levy_id for purse in view.money.purses()} - {None, *regime.levies}
    return _sums_text(view, (sums for levy_id in levy_ids for sums in view.waiting(levy_id, None, d)))
