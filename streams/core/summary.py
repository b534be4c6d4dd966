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
    from collections.abc import Callable, Mapping

    from streams.core.rules import Kind

BEYOND_FIGURES = {LAPSED, RETRACTED}


class _Words(dict[str, object]):
    """What a sentence may name; what is said of money is made only where it does."""

    def __init__(self, alert: Mapping[str, object], kind: Kind) -> None:
        super().__init__(
            who=alert["group_id"], year=alert["plan_year"], levy=alert["levy_id"], day=alert["on_day"],
            threshold=_threshold(alert, kind),
        )  # fmt: skip
        self["matter"] = kind.matter.format_map(self)
        self._alert = alert

    def __missing__(self, name: str) -> str:
        return OF_MONEY[name](self._alert)


def summary_of(alert: Mapping[str, object]) -> str:
    """Return one sentence: who, what, since when, how much, and what policies have to do with it."""
    kind, transition = KIND_OF[str(alert["kind"]), alert["levy_id"] is not None], str(alert["transition"])
    why = "" if transition in BEYOND_FIGURES else _why(alert)
    return f"{kind.sentences[transition].format_map(_Words(alert, kind))}{why}."


def _money(alert: Mapping[str, object], amount: str) -> str:
    return f"{grouped(amount)} {alert['currency']}"


def _threshold(alert: Mapping[str, object], kind: Kind) -> str:
    if kind.threshold == DAILY_RATE and alert["threshold"] is not None:
        return _money(alert, str(alert["threshold"]))
    return str(alert["threshold"])


def _part(amount: str, whole: str) -> str:
    """Return how large a part of a whole an amount is; nothing where there is no whole."""
    return f" ({Decimal(amount) / Decimal(whole):.0%})".replace("%", " %") if Decimal(whole) else ""


def _short_by(alert: Mapping[str, object]) -> str:
    shortfall = str(alert["shortfall"])
    return f"{_money(alert, shortfall)}{_part(shortfall, str(alert['expected']))} "


def _came_of_due(alert: Mapping[str, object]) -> str:
    due = _money(alert, str(alert["expected"]))
    return f": {grouped(str(alert['remitted']))} came in of the {due} due by then"


def _came_of_target(alert: Mapping[str, object]) -> str:
    return f": {grouped(str(alert['remitted']))} came in of {_money(alert, str(alert['adjusted_target']))}"


def _still_missing(alert: Mapping[str, object]) -> str:
    target = str(alert["adjusted_target"])
    missing = f"{max(Decimal(0), Decimal(target) - Decimal(str(alert['remitted'])))}"
    return f"; {_money(alert, missing)}{_part(missing, target)} are missing"


OF_MONEY: Mapping[str, Callable[[Mapping[str, object]], str]] = {
    "short_by": _short_by,
    "came_of_due": _came_of_due,
    "came_of_target": _came_of_target,
    "still_missing": _still_missing,
}


def _why(alert: Mapping[str, object]) -> str:
    """Say whether it is the earners or the target."""
    if alert["policy_effect"] is None or alert["kind"] == "silent":
        return ""
    effect = Decimal(str(alert["policy_effect"]))
    if not effect:
        return "; policies changed nothing of what was due"
    done = "took {amount} off what was due" if effect > 0 else "added {amount} to what was due"
    return "; policies since the first plan " + done.format(amount=_money(alert, str(abs(effect))))
