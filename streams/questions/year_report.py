"""A plan year's report: each group, each region, and all of it, in every currency apart.

Totals are sums of what is shown of the groups, in minor units, so that they reconcile to the cent.
Lives here: rows and totals. Not here: how they look (year_csv.py, year_page.py).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from streams.core.money import decimal_text, ratio_text, round_half_even
from streams.core.years import day_text, month_starts, plan_year
from streams.questions.amounts import SUMMED, Sums, add_sums
from streams.questions.knowledge import AccountKey, each

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.core.account import Account
    from streams.core.events import Day
    from streams.core.view import AccountView
    from streams.questions.knowledge import Knowledge, Progress

    Row = dict[str, Any]

LEVY_SUMMED = ("target", "expected_to_date", "remitted_to_date", "shortfall")
ORIGINAL, EXPECTED, REMITTED = "original", "expected", "remitted"


def year_report(knowledge: Knowledge, year: int, day_reached: Day, progress: Progress | None = None) -> Row:
    """Return the report of a plan year as it stands on the day reached; `closed` once the year is over.

    Groups without a target have no figures to add up: they are in `without_target`, and their money in `waiting`.
    """
    bounds = plan_year(year)
    keys = [AccountKey(g, year) for g in knowledge.group_ids() if year in knowledge.plan_years(g, day_reached)]
    groups: list[Row] = []
    levies: list[Row] = []
    episodes: list[Row] = []
    without: list[str] = []
    waiting: dict[str, dict[str, str]] = {"unconverted": {}, "unassigned": {}}
    curves: dict[str, _Curves] = {}
    for key in each(keys, progress):
        account = knowledge.account(key, day_reached)
        status: Row = account.status
        for kind, sums in waiting.items():
            add_sums(sums, status[kind], knowledge.book.minor_digits)
        levies += [_levy_row(status, levy) for levy in status["levies"]]
        episodes += _episodes(account)
        if status["currency"] is None:
            without.append(key.group_id)
            continue
        groups.append(_group_row(account))
        curves.setdefault(status["currency"], _Curves(year, bounds.reached(day_reached))).add(knowledge.view(key))
    digits = knowledge.book.minor_digits
    return {
        "plan_year": year,
        "as_of": day_text(bounds.reached(day_reached)),
        "closed": day_reached >= bounds.after,
        "groups": groups,
        "regions": _totals(groups, ("region", "currency"), SUMMED, digits),
        "overall": _totals(groups, ("currency",), SUMMED, digits),
        "levies": {
            "groups": levies,
            "regions": _totals(levies, ("levy_id", "region", "currency"), LEVY_SUMMED, digits),
            "overall": _totals(levies, ("levy_id", "currency"), LEVY_SUMMED, digits),
        },
        "episodes": episodes,
        "without_target": without,
        "waiting": waiting,
        "curves": [{"currency": c, **curves[c].value(digits[c])} for c in sorted(curves)],
    }


def _group_row(account: Account) -> Row:
    status: Row = account.status
    shown = ("group_id", "region", "currency", "level", *SUMMED, "attainment_to_date", "attainment_of_target")
    return {
        **{name: status[name] for name in shown},
        "in_full": status["level"] == "met",
        "headcount": status["headcount"],
        "remittance_count": status["remittance_count"],
        "episodes": dict(sorted(Counter(episode.kind for episode in account.episodes).items())),
        "unconverted": status["unconverted"],
        "unassigned": status["unassigned"],
    }


def _levy_row(status: Row, levy: Row) -> Row:
    return {
        "levy_id": levy["levy_id"],
        "group_id": status["group_id"],
        "region": status["region"],
        "currency": levy["currency"],
        "level": levy["level"],
        **{name: levy[name] for name in LEVY_SUMMED},
        "attainment_to_date": levy["attainment_to_date"],
        "in_full": levy["level"] == "met",
    }


def _episodes(account: Account) -> list[Row]:
    status: Row = account.status
    return [
        {
            "group_id": status["group_id"],
            "region": status["region"],
            "kind": episode.kind,
            "levy_id": episode.levy_id,
            "opened_on": day_text(episode.opened_on),
            "closed_on": None if episode.is_open else day_text(episode.history[-1].on_day),
            "ended": None if episode.is_open else episode.history[-1].transition,
            "severity": episode.severity,
        }
        for episode in account.episodes
    ]


def _totals(rows: Iterable[Row], by: Sequence[str], summed: Sequence[str], digits: Any) -> list[Row]:
    """Return the sums of rows that share the fields `by`; a row that lacks a figure adds nothing to it.

    `without_effects` counts the rows whose first plan has no exchange rate yet: the totals of the original target and
    of the two effects are without them.
    """
    together: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        together.setdefault(tuple(row[name] or "" for name in by), []).append(row)
    return [_total(dict(zip(by, key, strict=True)), together[key], summed, digits) for key in sorted(together)]


def _total(head: Row, rows: list[Row], summed: Sequence[str], digits: Any) -> Row:
    sums = Sums(summed, digits[head["currency"]])
    for row in rows:
        sums.add(row)
    target = "adjusted_target" if "adjusted_target" in summed else "target"
    total = {
        **{name: value or None for name, value in head.items()},
        "groups": len(rows),
        "in_full": sum(row["in_full"] for row in rows),
        **sums.texts(),
        "attainment_to_date": ratio_text(sums["remitted_to_date"], sums["expected_to_date"]),
        "attainment_of_target": ratio_text(sums["remitted_to_date"], sums[target]),
    }
    if "policy_effect" in summed:
        episodes: Counter[str] = Counter()
        for row in rows:
            episodes.update(row["episodes"])
        total["without_effects"] = sum(row["policy_effect"] is None for row in rows)
        total["episodes"] = dict(sorted(episodes.items()))
    return total


class _Curves:
    """Sums over the groups of one currency at the turns of the months: the first plan, the plan of the day, money."""

    def __init__(self, year: int, until: Day) -> None:
        self._days = [*(day for day in month_starts(year) if day < until), until]
        self._sums = {name: [0] * len(self._days) for name in (ORIGINAL, EXPECTED, REMITTED)}

    def add(self, view: AccountView) -> None:
        """Add a group; on days on which it had no target, or one in another currency, it adds nothing expected."""
        last = view.timeline.regime_on(self._days[-1])
        if last.base is None:
            return
        curve = view.curve(None, last.base.currency)
        for at, day in enumerate(self._days):
            # By the start of each turn of the month; on the last day the money of that day too, as the status has it.
            self._sums[REMITTED][at] += curve.by(day if at == len(self._days) - 1 else day - 1)
            claim = view.timeline.regime_on(day).base
            if claim is not None and claim.currency == last.base.currency:
                self._sums[EXPECTED][at] += round_half_even(claim.schedule.expected(day), claim.schedule.denominator)
            if last.original is not None:
                plan, rate = last.original
                due = plan.expected(day) * rate.numerator
                self._sums[ORIGINAL][at] += round_half_even(due, plan.denominator * rate.denominator)

    def value(self, decimals: int) -> Row:
        """Return the days and the sums on each."""
        sums = {name: [decimal_text(total, decimals) for total in totals] for name, totals in self._sums.items()}
        return {"days": [day_text(day) for day in self._days], **sums}
