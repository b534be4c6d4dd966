"""An independent, day-looping model of the design: slow, simple, and read beside the design's own words.

It shares no code with streams/ or schemas/. Everything is a function of the messages and the day reached.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction

from tests.model.causes import causes
from tests.model.known import ONE_DAY, Known, decimal_text, ratio
from tests.model.messages import usable
from tests.model.plan import Account, Plan, Year
from tests.model.walk import Episode, walk

__all__ = ["Model", "alerts", "episodes", "statuses", "usable"]

STATUS_FIGURES = [
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
]
ALERT_FIGURES = [
    "attainment_to_date",
    "remitted",
    "expected",
    "shortfall",
    "adjusted_target",
    "original_target",
    "policy_effect",
    "remittance_effect",
]


class Model:
    """The messages, parsed once: statuses, episodes and alerts of it share one walk."""

    def __init__(self, messages, minor_digits=None) -> None:
        self.known = Known(messages, minor_digits)
        self._years: dict[tuple[str, int], Year] = {}

    def year(self, group_id: str, number: int) -> Year:
        """Find a group's plan year."""
        return self._years.setdefault((group_id, number), Year(self.known, group_id, number))


def model_of(messages, minor_digits=None) -> Model:
    """Parse messages, unless they are a model already."""
    return messages if isinstance(messages, Model) else Model(messages, minor_digits)


def statuses(messages, day_reached: date, minor_digits=None) -> dict[tuple[str, int], dict]:
    """Make the quota-status value of every account that exists, by group and plan year."""
    model = model_of(messages, minor_digits)
    found = {}
    for group_id in sorted(model.known.groups()):
        for number in sorted(model.known.years() | {day_reached.year}):
            year = model.year(group_id, number)
            d = min(day_reached, year.day_after)
            if _exists(year, d, day_reached):
                found[group_id, number] = _status(year, d)
    return found


def episodes(messages, day_reached: date, minor_digits=None) -> dict[str, dict]:
    """Walk the canonical histories of all accounts, by episode_id."""
    return {e.episode_id: _told(e) for _, e in _walked(messages, day_reached, minor_digits)}


def alerts(messages, day_reached: date, minor_digits=None) -> dict[str, dict]:
    """Tell what a quota-alerts value says of every episode, without alert_id, revision and summary."""
    return {e.episode_id: _alert(year, e) for year, e in _walked(messages, day_reached, minor_digits)}


def _walked(messages, day_reached: date, minor_digits):
    model = model_of(messages, minor_digits)
    for group_id in sorted(model.known.groups()):
        for number in sorted(model.known.years()):
            year = model.year(group_id, number)
            for episode in walk(year, min(day_reached, year.day_after)):
                yield year, episode


def _exists(year: Year, d: date, day_reached: date) -> bool:
    plan = year.plan(d)
    if plan.target or plan.levies:
        return True
    if any(r.group_id == year.group_id and r.day.year == year.year for r in year.known.all_remittances):
        return True
    if day_reached.year != year.year:
        return False
    openings = [p for p in plan.of("group_opened") if p.own_day <= d]
    closings = [p for p in plan.of("group_closed") if p.own_day < date(year.year, 1, 1)]
    return bool(openings) and max(openings + closings, key=lambda p: p.rank).type == "group_opened"


def _figures(year: Year, plan: Plan, account: Account, day: date, until: date) -> dict:
    """Show an account on a day, with the money until another: rounded once, then subtracted."""
    known, currency = year.known, account.currency
    received = year.received(account, until)
    expected = known.rounded(account.expected(day), currency)
    shown = {
        "adjusted_target": account.total,
        "original_target": None,
        "expected": expected,
        "remitted": received,
        "shortfall": max(Fraction(), expected - received),
        "surplus": max(Fraction(), received - expected),
        "policy_effect": None,
        "remittance_effect": None,
    }
    if account.levy_id is None and plan.original:
        original = known.rounded(plan.original.expected(day), currency)
        shown["original_target"] = plan.original.total
        shown["policy_effect"] = original - expected
        shown["remittance_effect"] = received - original
    shown = {name: known.money(amount, currency) for name, amount in shown.items()}
    shown["attainment_to_date"] = decimal_text(ratio(received, account.expected(day)), 4)
    return shown


def _rates(year: Year, plan: Plan, account: Account, d: date) -> dict:
    received, left = year.received(account, d), plan.days_left(d)
    received_before = year.received(account, d - ONE_DAY)
    start = max(date(year.year, 1, 1), d - timedelta(days=30))
    days = max(0, (d - start).days)
    trailing = (received_before - year.received(account, start - ONE_DAY)) / days if days else Fraction()
    money = {
        "required_daily_rate": ratio(max(Fraction(), account.total - received), Fraction(left)),
        "trailing_daily_rate": trailing,
        "projected_total": max(received, received_before + trailing * left),
    }
    shown = {name: year.known.money(amount, account.currency) for name, amount in money.items()}
    shown["attainment_of_target"] = decimal_text(ratio(received, account.total), 4)
    return shown


def _base_figures(year: Year, plan: Plan, d: date) -> dict:
    account = plan.base
    if account is None:
        return dict.fromkeys(["currency", *STATUS_FIGURES])
    figures = _figures(year, plan, account, d, d) | _rates(year, plan, account, d)
    figures["expected_to_date"], figures["remitted_to_date"] = figures["expected"], figures["remitted"]
    return {"currency": account.currency} | {name: figures[name] for name in STATUS_FIGURES}


def _worst(open_episodes: list[Episode]) -> str:
    severities = {e.severity for e in open_episodes}
    return next((severity for severity in ("critical", "warning") if severity in severities), "ok")


def _level(year: Year, plan: Plan, d: date, open_episodes: list[Episode]) -> str:
    account = plan.base
    if account is None or account.total == 0:
        return "no_target"
    met = year.received(account, d) >= account.total
    if d == year.day_after:
        return "met" if met else "missed"
    if met:
        return "met"
    if not plan.active(d):
        return "inactive"
    return _worst([e for e in open_episodes if e.levy_id is None])


def _levy_level(year: Year, plan: Plan, levy: Account, d: date, open_episodes: list[Episode]) -> str:
    if levy.lifted(d):
        return "lifted"
    if levy.total == 0:
        return "no_target"
    if year.received(levy, d) >= levy.total:
        return "met"
    if d > levy.end:
        return "missed"
    if not plan.active(d):
        return "inactive"
    return _worst([e for e in open_episodes if e.levy_id == levy.levy_id])


def _levy_status(year: Year, plan: Plan, levy: Account, d: date, open_episodes: list[Episode]) -> dict:
    figures = _figures(year, plan, levy, d, d)
    return {
        "levy_id": levy.levy_id,
        "purpose": levy.purpose,
        "currency": levy.currency,
        "target": figures["adjusted_target"],
        "expected_to_date": figures["expected"],
        "remitted_to_date": figures["remitted"],
        "shortfall": figures["shortfall"],
        "attainment_to_date": figures["attainment_to_date"],
        "level": _levy_level(year, plan, levy, d, open_episodes),
    }


def _left_over(year: Year, plan: Plan, d: date) -> dict[str, dict[str, str]]:
    """Money that is in no account: without a rate, or for a levy that doesn't hold."""
    sums = {"unconverted": defaultdict(Fraction), "unassigned": defaultdict(Fraction)}
    for r in year.remittances():
        if r.day > d:
            continue
        account = plan.account(r.levy_id)
        if account is None:
            sums["unassigned" if r.levy_id else "unconverted"][r.currency] += r.amount
        elif year.known.rate(r.currency, account.currency, r.day) is None:
            sums["unconverted"][r.currency] += r.amount
    return {
        where: {currency: year.known.money(amount, currency) for currency, amount in by_currency.items()}
        for where, by_currency in sums.items()
    }


def _status(year: Year, d: date) -> dict:
    plan = year.plan(d)
    open_episodes = [e for e in walk(year, d) if e.open]
    applied = sorted((p for p in plan.decrees if plan.touches(p)), key=lambda p: p.rank)
    return {
        "schema_version": 1,
        "type": "quota_status",
        "group_id": year.group_id,
        "region": plan.region,
        "plan_year": year.year,
        "as_of": d.isoformat(),
        **_base_figures(year, plan, d),
        "level": _level(year, plan, d, open_episodes),
        "open_episodes": [
            {
                "episode_id": e.episode_id,
                "kind": e.kind,
                "levy_id": e.levy_id,
                "severity": e.severity,
                "opened_on": e.opened_on.isoformat(),
            }
            for e in open_episodes
        ],
        "levies": [_levy_status(year, plan, levy, d, open_episodes) for levy in plan.levies.values()],
        **_left_over(year, plan, d),
        "headcount": plan.headcount(min(d, year.last_day)),
        "remittance_count": sum(1 for r in year.remittances() if r.day <= d),
        "policies_applied": [p.policy_id for p in applied[-50:]],
        "policies_applied_count": len(applied),
    }


def _told(episode: Episode) -> dict:
    return {
        "episode_id": episode.episode_id,
        "group_id": episode.group_id,
        "plan_year": episode.year,
        "kind": episode.kind,
        "levy_id": episode.levy_id,
        "opened_on": episode.opened_on.isoformat(),
        "history": [
            {"on_day": entry.on_day.isoformat(), "transition": entry.transition, "severity": entry.severity}
            for entry in episode.history
        ],
    }


def _threshold(year: Year, episode: Episode, account: Account | None) -> str | None:
    crossed = episode.history[-1].crossed
    if crossed is None:
        return None
    if episode.kind == "unreachable":
        return year.known.money(crossed, account.currency)
    return str(crossed) if episode.kind == "silent" else decimal_text(crossed, 4)


def _alert(year: Year, episode: Episode) -> dict:
    last = episode.history[-1]
    day = last.on_day
    plan = year.plan(day)
    account = plan.account(episode.levy_id)
    figures = dict.fromkeys([*ALERT_FIGURES, "currency"])
    if account:
        until = day - ONE_DAY if last.transition in ("opened", "escalated") else day
        shown = _figures(year, plan, account, day, until)
        figures = {name: shown[name] for name in ALERT_FIGURES} | {"currency": account.currency}
    return {
        "schema_version": 1,
        "type": "quota_alert",
        **_told(episode),
        "region": plan.region,
        "transition": last.transition,
        "severity": last.severity,
        "on_day": day.isoformat(),
        "threshold": _threshold(year, episode, account),
        **figures,
        "causes": causes(year, episode),
    }
