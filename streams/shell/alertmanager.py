"""Alert episodes in the words of Alertmanager's API, version 2.

What an alert is known by there, its labels, holds the severity too, for routes and inhibitions go by it. So whatever
the labels of an episode were before is resolved in the same breath in which it fires under other ones.
Pure; not here: how it gets there (`targets.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    Body = dict[str, Any]
    Labels = frozenset[tuple[str, str]]

CLOSED = frozenset({"resolved", "lapsed", "retracted"})
#: Fields of a quota alert that are told as annotations, as far as they have a value.
ANNOTATIONS = (
    "summary", "episode_id", "opened_on", "on_day", "transition", "threshold", "attainment_to_date", "remitted",
    "expected", "shortfall", "adjusted_target", "original_target", "policy_effect", "remittance_effect", "currency",
)  # fmt: skip


class Change(NamedTuple):
    """A message of `quota-alerts`, and what the one before it said of the episode where that was open."""

    body: Body
    before: Body | None = None


def is_open(body: Body) -> bool:
    """Return whether an episode is open after a message."""
    return body["transition"] not in CLOSED


def labels(body: Body, severity: str | None) -> Labels:
    """Return what Alertmanager knows an episode by, at a severity."""
    named = {
        "alertname": "Quota" + "".join(word.capitalize() for word in body["kind"].split("_")),
        "kind": body["kind"], "group_id": body["group_id"], "region": body["region"] or "",
        "plan_year": str(body["plan_year"]), "levy_id": body["levy_id"] or "", "severity": severity or "",
    }  # fmt: skip
    return frozenset((name, value) for name, value in named.items() if value)  # to Alertmanager, empty is absent


def told(changes: Iterable[Change], open_now: Iterable[Body], now: datetime) -> list[dict[str, Any]]:
    """Return what to post of changes; `open_now` has all open episodes: what one of them is known by isn't resolved.

    Two episodes of one kind have the same labels, one after the other; late knowledge may retract the one and open
    the other at once, in any order.
    """
    firing = {labels(body, body["severity"]): body for body in open_now}
    posts: dict[Labels, dict[str, Any]] = {}
    for body, before in changes:
        # One that is retracted has no history, and may have been told at either severity.
        severities = {entry["severity"] for entry in body["history"]} or {"warning", "critical"}
        once = {labels(body, severity) for severity in severities}
        if before is not None:
            once.add(labels(before, before["severity"]))
        for known_by in once - firing.keys():
            posts[known_by] = _post(known_by, body, now) | {"endsAt": _text(now)}
    for body, _ in changes:
        known_by = labels(body, body["severity"])
        if known_by in firing:
            posts[known_by] = _post(known_by, firing[known_by], now)
    return list(posts.values())


def still_firing(open_now: Iterable[Body], now: datetime) -> list[dict[str, Any]]:
    """Return what to post from time to time of all open episodes, or Alertmanager takes them for resolved."""
    return [_post(labels(body, body["severity"]), body, now) for body in open_now]


def _post(known_by: Labels, body: Body, now: datetime) -> dict[str, Any]:
    opened = datetime.fromisoformat(body["opened_on"]).replace(tzinfo=UTC)
    annotations = {name: str(body[name]) for name in ANNOTATIONS if body.get(name) is not None}
    # A rehearsal's clock may be ahead; Alertmanager refuses what ends before it starts.
    return {"labels": dict(sorted(known_by)), "annotations": annotations, "startsAt": _text(min(opened, now))}


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
