"""The one sentence of an alert that a person can read, from the message's own fields.

Lives here: words. Not here: any figure that the message doesn't have, and any free text of a policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MATTERS = {
    "behind_pace": "{who} is behind the pace of its {year} target",
    "levy_behind": "{who} is behind with the levy {levy} of {year}",
    "unreachable": "{who} would have to send far more a day than it ever did to reach its {year} target",
    "silent": "{who} has sent nothing for long while its {year} target is open",
    "missed": "{who} missed {what} of {year}",
}
HAPPENED = {
    "opened": "since {day}",
    "escalated": "by far, since {day}",
    "deescalated": "less far, since {day}",
    "retargeted": "and what is asked changed on {day}",
    "resolved": "no longer, resolved on {day}",
    "lapsed": "was the alert; it no longer applies since {day}",
    "retracted": "was told of {day}, and is taken back as more is known",
}


def summary_of(alert: Mapping[str, object]) -> str:
    """Return one sentence: who, what, since when, how much, and what policies have to do with it."""
    levy = alert["levy_id"]
    words = {
        "who": alert["group_id"],
        "year": alert["plan_year"],
        "levy": levy,
        "what": "its target" if levy is None else f"the levy {levy}",
    }
    matter = MATTERS[str(alert["kind"])].format_map(words)
    happened = HAPPENED[str(alert["transition"])].format(day=alert["on_day"])
    return f"{matter}, {happened}{_how_much(alert)}{_why(alert)}."


def _how_much(alert: Mapping[str, object]) -> str:
    if alert["currency"] is None:
        return ""
    asked = alert["adjusted_target"] if alert["kind"] in {"missed", "unreachable", "silent"} else alert["expected"]
    return f": {alert['remitted']} of {asked} {alert['currency']}"


def _why(alert: Mapping[str, object]) -> str:
    """Say whether it is the earners or the target."""
    policy_effect, remittance_effect = alert["policy_effect"], alert["remittance_effect"]
    if policy_effect is None or remittance_effect is None:
        return ""
    return f" (against the first plan: policies {policy_effect}, remittances {remittance_effect})"
