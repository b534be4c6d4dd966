"""The one sentence of an alert that a person can read without the docs, from the message's own fields.

Lives here: how the words of the decision table (rules.py) are filled in. Not here: any figure that the message has
not, and any free text of a policy.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from streams.core.money import grouped
from streams.core.rules import DAILY_RATE, KIND_OF, LAPSED, RETRACTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.core.rules import Kind

BEYOND_FIGURES = {LAPSED, RETRACTED}


def summary_of(alert: Mapping[str, object]) -> str:
    """Return one sentence: who, what, since when, how much, and what policies have to do with it."""
    kind, transition = KIND_OF[str(alert["kind"]), alert["levy_id"] is not None], str(alert["transition"])
    words = {"who": alert["group_id"], "year": alert["plan_year"], "levy": alert["levy_id"], "day": alert["on_day"]}
    words |= {"matter": kind.matter.format_map(words), "threshold": _threshold(alert, kind), **_figures(alert)}
    why = "" if transition in BEYOND_FIGURES else _why(alert)
    return f"{kind.sentences[transition].format_map(words)}{why}."


def _money(alert: Mapping[str, object], amount: str) -> str:
    return f"{grouped(amount)} {alert['currency']}"


def _threshold(alert: Mapping[str, object], kind: Kind) -> str:
    if kind.threshold == DAILY_RATE and alert["threshold"] is not None:
        return _money(alert, str(alert["threshold"]))
    return str(alert["threshold"])


def _figures(alert: Mapping[str, object]) -> dict[str, str]:
    """Return what is said of money; nothing where the message has no figures."""
    if alert["currency"] is None:
        return {}
    remitted, due, target = (str(alert[name]) for name in ("remitted", "expected", "adjusted_target"))
    missing = max(Decimal(0), Decimal(target) - Decimal(remitted))
    return {
        "short_by": f"{_money(alert, str(alert['shortfall']))}{_part(str(alert['shortfall']), due)} ",
        "came_of_due": f": {grouped(remitted)} came in of the {_money(alert, due)} due by then",
        "came_of_target": f": {grouped(remitted)} came in of {_money(alert, target)}",
        "still_missing": f"; {_money(alert, f'{missing}')}{_part(f'{missing}', target)} are missing",
    }


def _part(amount: str, whole: str) -> str:
    """Return how large a part of a whole an amount is; nothing where there is no whole."""
    return f" ({Decimal(amount) / Decimal(whole):.0%})".replace("%", " %") if Decimal(whole) else ""


def _why(alert: Mapping[str, object]) -> str:
    """Say whether it is the earners or the target."""
    if alert["policy_effect"] is None or alert["kind"] == "silent":
        return ""
    effect = Decimal(str(alert["policy_effect"]))
    if not effect:
        return "; policies changed nothing of what was due"
    done = "took {amount} off what was due" if effect > 0 else "added {amount} to what was due"
    return "; policies since the first plan " + done.format(amount=_money(alert, str(abs(effect))))
