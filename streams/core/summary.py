"""The one sentence of an alert that a person can read without the docs, from the message's own fields.

Lives here: words, as a table of kind and transition. Not here: any figure that the message doesn't have, and any free
text of a policy.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from streams.core.money import grouped
from streams.core.rules import DEESCALATED, ESCALATED, LAPSED, OPENED, RESOLVED, RETARGETED, RETRACTED

if TYPE_CHECKING:
    from collections.abc import Mapping

BEHIND = {
    OPENED: "{who} is {short_by}behind {matter}, as of {day}",
    ESCALATED: "{who} is {short_by}behind {matter}, which is critical as of {day}",
    DEESCALATED: "{who} is {short_by}behind {matter}, which is no longer critical as of {day}",
    RETARGETED: "{who} is {short_by}behind {matter}, after what is asked for changed on {day}",
    RESOLVED: "{who} is no longer behind {matter} as of {day}{came_of_due}",
    LAPSED: "{who} was behind {matter}; the alert ended on {day}, when it no longer applied",
    RETRACTED: "{who} was not behind {matter} on {day} after all, by what is known now",
}
OUT_OF_REACH = {
    OPENED: "{who} would have to send more than {threshold} a day to reach {matter}, beyond what its best 30 days "
    "suggest, as of {day}{still_missing}",
    RETARGETED: "{who} can still hardly reach {matter}, after what is asked for changed on {day}{still_missing}",
    RESOLVED: "{who} can reach {matter} again as of {day}{still_missing}",
    LAPSED: "{who} could hardly reach {matter}; the alert ended on {day}, when it no longer applied",
    RETRACTED: "{who} could reach {matter} on {day} after all, by what is known now",
}
SILENCE = {
    OPENED: "{who} has sent nothing on the last {threshold} days that had something due, as of {day}{still_missing}",
    RESOLVED: "{who} is no longer silent as of {day}{came_of_target}",
    LAPSED: "{who} was silent; the alert ended on {day}, when it no longer applied",
    RETRACTED: "{who} was not silent on {day} after all, by what is known now",
}
MISSED = {
    OPENED: "{who} missed {matter}{came_of_target}{still_missing}",
    RETARGETED: "{who} still misses {matter}, after what is asked for changed on {day}{still_missing}",
    RESOLVED: "{who} has paid {matter} in full as of {day}, after its end{came_of_target}",
    LAPSED: "{who} missed {matter}; the alert ended on {day}, when it no longer applied",
    RETRACTED: "{who} did not miss {matter} after all, by what is known now",
}
SENTENCES = {
    "behind_pace": ("its {year} pace", BEHIND),
    "levy_behind": ("with the levy {levy} of {year}", BEHIND),
    "unreachable": ("its {year} target", OUT_OF_REACH),
    "silent": ("its {year} target", SILENCE),
    "missed": ("its {year} target", MISSED),
}
LEVY_MISSED = "the levy {levy} of {year}"
BEYOND_FIGURES = {LAPSED, RETRACTED}


def summary_of(alert: Mapping[str, object]) -> str:
    """Return one sentence: who, what, since when, how much, and what policies have to do with it."""
    kind, transition = str(alert["kind"]), str(alert["transition"])
    matter, sentences = SENTENCES[kind]
    words = {"who": alert["group_id"], "year": alert["plan_year"], "levy": alert["levy_id"], "day": alert["on_day"]}
    if kind == "missed" and alert["levy_id"] is not None:
        matter = LEVY_MISSED
    words |= {"matter": matter.format_map(words), "threshold": _threshold(alert), **_figures(alert)}
    why = "" if transition in BEYOND_FIGURES else _why(alert)
    return f"{sentences[transition].format_map(words)}{why}."


def _money(alert: Mapping[str, object], amount: str) -> str:
    return f"{grouped(amount)} {alert['currency']}"


def _threshold(alert: Mapping[str, object]) -> str:
    if alert["kind"] == "unreachable" and alert["threshold"] is not None:
        return _money(alert, str(alert["threshold"]))
    return str(alert["threshold"])


def _figures(alert: Mapping[str, object]) -> dict[str, str]:
    """Return what is said of money; nothing where the message has no figures."""
    if alert["currency"] is None:
        return dict.fromkeys(("short_by", "came_of_due", "came_of_target", "still_missing"), "")
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
