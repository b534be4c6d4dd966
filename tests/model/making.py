"""How one made-up message comes about, and how messages become a history in which things collide.

Decisions come from a `Choices`, so that the same description serves Hypothesis and a seed: see tests/strategies.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol
from uuid import UUID

Message = dict[str, Any]
DIGITS = {"USD": 2, "EUR": 2, "KRW": 0, "KWD": 3}
REGIONS = ("north", "south")
LEVIES = ("rail", "road")
KINDS = (
    ["remittance"] * 8
    + ["reversal", "group_closed", "headcount_changed", "levy_lifted", "group_opened"] * 2
    + ["target_adjusted", "suspended", "alert_rules_set", "levy_imposed", "exchange_rate_set"] * 3
    + ["target_set", "resumed", "revoked"] * 3
)
CLOCKS = ("00:00:00Z", "12:00:00+00:00", "23:59:59.999999Z", "00:30:00+09:00", "20:15:00-05:00")


class Choices(Protocol):
    """Where decisions come from."""

    def pick(self, options: Any) -> Any:
        """Choose one of some."""

    def between(self, low: int, high: int) -> int:
        """Choose an integer from low to high."""


@dataclass(frozen=True)
class Scene:
    """What a history plays with."""

    year: int
    groups: tuple[str, ...]
    hot_days: tuple[date, ...]
    day_reached: date


def money(units: int, currency: str) -> str:
    """Write an amount of minor units."""
    digits = DIGITS[currency]
    text = str(abs(units)).rjust(digits + 1, "0")
    return ("-" if units < 0 else "") + (f"{text[:-digits]}.{text[-digits:]}" if digits else text)


def make_scene(choices: Choices, groups: int | None = None, year: int | None = None) -> Scene:
    """Choose a year, a few days in it, and how far it has come."""
    year = year or choices.pick([2026, 2024])
    starts = date(year, 1, 1)
    hot = [starts + timedelta(days=choices.pick([0, 40, 59, 100, 180, 300, 363])) for _ in range(3)]
    hot_days = (*hot, hot[0] + timedelta(days=choices.between(1, 30)), date(year, 12, 31))
    reached = choices.pick([*hot_days, date(year + 1, 2, 1), date(year, 12, 31), date(year + 1, 1, 1)])
    names = tuple(f"g{n + 1}" for n in range(groups or choices.pick([1, 1, 2, 3])))
    return Scene(year, names, hot_days, reached + timedelta(days=choices.pick([0, 0, 1, -1, 9])))


def day_in(choices: Choices, scene: Scene) -> date:
    """Choose a day close to one of the scene's, seldom far from all."""
    if choices.between(0, 11) == 11:
        return choices.pick([date(scene.year - 1, 6, 30), date(scene.year, 1, 1), date(scene.year + 1, 1, 1)])
    return choices.pick(scene.hot_days) + timedelta(days=choices.pick([0, 0, 0, 1, -1, 2, 5, -3, 14]))


def time_on(choices: Choices, day: date) -> str:
    """Choose a time whose UTC day is this one, or in other offsets a neighbour."""
    return f"{day}T{choices.pick(CLOCKS)}"


def issued(choices: Choices, scene: Scene, own_day: date) -> str:
    """Choose when it was issued: mostly about its own day, else when other things happen, else far away."""
    how = choices.between(0, 5)
    if how <= 1:
        return time_on(choices, own_day - timedelta(days=choices.pick([0, 0, 1, 10])))
    if how <= 3:
        return time_on(choices, date(scene.year - 1, 12, choices.between(1, 3)))
    return time_on(choices, day_in(choices, scene))


def scope(choices: Choices, scene: Scene) -> Message:
    """Choose whom something is about."""
    how = choices.between(0, 4)
    if how <= 1:
        return {"all": True}
    if how <= 2:
        return {"region": choices.pick(REGIONS)}
    return {"group_id": choices.pick(scene.groups)}


def currency(choices: Choices) -> str:
    """Choose a currency, mostly dollars."""
    return choices.pick(["USD"] * 6 + ["EUR", "EUR", "KRW", "KWD"])


def plan_year(choices: Choices, scene: Scene) -> int:
    """Choose a plan year, mostly the scene's."""
    return choices.pick([scene.year] * 6 + [scene.year + 1, scene.year - 1])


def reference(choices: Choices, kind: str) -> tuple[str, int]:
    """Stand in for the id of the nth message of a kind, until all are there."""
    return kind, choices.between(0, 4)


def _remittance(choices: Choices, scene: Scene) -> Message:
    code = currency(choices)
    return {
        "group_id": choices.pick(scene.groups),
        "amount": money(choices.pick([1000, 1, 25, 731, 5000, 9100, 18000, 36500, 90000]), code),
        "currency": code,
        "occurred_at": time_on(choices, day_in(choices, scene)),
        "channel": choices.pick(["bank_transfer", "cash", "goods", "other"]),
        "levy_id": choices.pick([None, None, None, *LEVIES]),
    }


def _reversal(choices: Choices, scene: Scene) -> Message:
    return {
        "group_id": choices.pick(scene.groups),
        "reverses": reference(choices, "remittance"),
        "occurred_at": time_on(choices, day_in(choices, scene)),
    }


def _group_opened(choices: Choices, scene: Scene) -> Message:
    day = choices.pick([date(scene.year - 1, 3, 1), day_in(choices, scene)])
    return {
        "issued_at": issued(choices, scene, day),
        "group_id": choices.pick(scene.groups),
        "region": choices.pick(REGIONS),
        "opened_on": str(day),
        "headcount": choices.between(1, 4),
    }


def _pace(choices: Choices) -> Message:
    if choices.between(0, 2):
        return {"kind": "linear"}
    weights = [choices.pick(["1", "0", "2.5", "0.000000001"]) for _ in range(12)]
    weights[choices.between(0, 11)] = "3"
    return {"kind": "monthly", "weights": weights}


def _target_set(choices: Choices, scene: Scene) -> Message:
    code = currency(choices)
    early = date(scene.year - 1, 12, 1)
    return {
        "issued_at": issued(choices, scene, choices.pick([early, day_in(choices, scene)])),
        "group_id": choices.pick(scene.groups),
        "plan_year": plan_year(choices, scene),
        "amount": money(choices.pick([36500, 36600, 73000, 5, 0, 100001, 20000]), code),
        "currency": code,
        "basis": choices.pick(["fixed", "fixed", "per_worker"]),
        "pace": _pace(choices),
    }


def _target_adjusted(choices: Choices, scene: Scene) -> Message:
    day = day_in(choices, scene)
    message = {
        "issued_at": issued(choices, scene, day),
        "scope": scope(choices, scene),
        "plan_year": plan_year(choices, scene),
        "applies": choices.pick(["whole_period", "remaining"]),
        "effective_on": str(day),
    }
    if choices.between(0, 1):
        return message | {"factor": choices.pick(["0.85", "0", "1.5", "0.333333333", "1"])}
    code = currency(choices)
    return message | {"delta": money(choices.pick([-3650, 730, -1, 100000, -50000]), code), "currency": code}


def _levy_imposed(choices: Choices, scene: Scene) -> Message:
    day = day_in(choices, scene)
    code = currency(choices)
    due = min(day + timedelta(days=choices.pick([0, 3, 10, 60])), date(day.year, 12, 31))
    return {
        "issued_at": issued(choices, scene, choices.pick([day, due + timedelta(days=2)])),
        "levy_id": choices.pick(LEVIES),
        "scope": scope(choices, scene),
        "amount": money(choices.pick([1000, 1, 9100, 700, 36500]), code),
        "currency": code,
        "basis": choices.pick(["fixed", "fixed", "per_worker"]),
        "from_day": str(day),
        "due_day": str(due),
        "purpose": "a railway",
    }


def _levy_lifted(choices: Choices, scene: Scene) -> Message:
    day = day_in(choices, scene)
    return {
        "issued_at": issued(choices, scene, day),
        "levy_id": choices.pick(LEVIES),
        "effective_on": str(day),
    }


def _headcount_changed(choices: Choices, scene: Scene) -> Message:
    day = day_in(choices, scene)
    return {
        "issued_at": issued(choices, scene, day),
        "group_id": choices.pick(scene.groups),
        "headcount": choices.between(0, 5),
        "effective_on": str(day),
    }


def _suspended(choices: Choices, scene: Scene) -> Message:
    day = day_in(choices, scene)
    until = choices.pick([None, day, day + timedelta(days=6), day + timedelta(days=40)])
    return {
        "issued_at": issued(choices, scene, day),
        "scope": scope(choices, scene),
        "from_day": str(day),
        "until_day": None if until is None else str(until),
    }


def _resumed(choices: Choices, scene: Scene) -> Message:
    day = day_in(choices, scene)
    return {
        "issued_at": issued(choices, scene, day),
        "resumes": reference(choices, "suspended"),
        "scope": scope(choices, scene),
        "effective_on": str(day),
    }


def _group_closed(choices: Choices, scene: Scene) -> Message:
    day = day_in(choices, scene)
    return {
        "issued_at": issued(choices, scene, day),
        "group_id": choices.pick(scene.groups),
        "closed_on": str(day),
    }


def _exchange_rate_set(choices: Choices, scene: Scene) -> Message:
    day = day_in(choices, scene)
    a, b = choices.pick([("EUR", "USD"), ("USD", "EUR"), ("USD", "KRW"), ("KWD", "USD"), ("EUR", "KRW")])
    return {
        "issued_at": issued(choices, scene, day),
        "currency": a,
        "per": b,
        "rate": choices.pick(["2", "0.5", "1.083333333", "0.000000001", "1350.5"]),
        "effective_on": str(day),
    }


THRESHOLDS = {
    "warning_below": ["0.90", "1", "0.5", "0.000000001"],
    "critical_below": ["0.75", "0.95", "0.3"],
    "margin": ["0.05", "0", "0.5", "0.2"],
    "slack_days": [0, 1, 7, 30],
    "for_days": [1, 2, 3, 10],
    "grace_days": [0, 1, 10, 30],
    "levy_grace_days": [0, 1, 3],
    "unreachable_factor": ["2.0", "0.5", "0.01", "1"],
    "unreachable_grace_days": [0, 5, 31, 90],
    "silent_days": [1, 2, 5, 20],
}


def _alert_rules_set(choices: Choices, scene: Scene) -> Message:
    day = choices.pick([date(scene.year - 1, 12, 20), day_in(choices, scene)])
    names = sorted({choices.pick(sorted(THRESHOLDS)) for _ in range(choices.between(1, 5))})
    return {
        "issued_at": issued(choices, scene, day),
        "scope": scope(choices, scene),
        "effective_on": str(day),
        **{name: choices.pick(THRESHOLDS[name]) for name in names},
    }


def _revoked(choices: Choices, scene: Scene) -> Message:
    kinds = [kind for kind in dict.fromkeys(KINDS) if kind not in ("remittance", "reversal")]
    return {
        "issued_at": issued(choices, scene, day_in(choices, scene)),
        "revokes": reference(choices, choices.pick(kinds)),
    }


MAKERS = {name[1:]: maker for name, maker in list(globals().items()) if name[1:] in KINDS}


def draft(choices: Choices, scene: Scene, kind: str) -> Message:
    """Make one message whose references are still to be resolved."""
    salt = choices.pick([1, 1, 0xA, 0xB])
    return {"schema_version": 1, "type": kind, "salt": salt, **MAKERS[kind](choices, scene)}


def finish(drafts: list[Message]) -> list[Message]:
    """Give ids, and let references name messages of the kind that they mean, or nothing."""
    ids: dict[str, list[str]] = {}
    messages = []
    for n, drafted in enumerate(drafts):
        message = dict(drafted)
        uid = str(UUID(int=(message.pop("salt") << 120) + n))
        message["event_id" if message["type"] in ("remittance", "reversal") else "policy_id"] = uid
        ids.setdefault(message["type"], []).append(uid)
        messages.append(message)
    for message in messages:
        for field in ("reverses", "resumes", "revokes"):
            if field in message:
                message[field] = _resolved(message, field, ids, messages)
    return messages


def _resolved(message: Message, field: str, ids: dict[str, list[str]], messages: list[Message]) -> str:
    kind, n = message[field]
    named = ids.get(kind, [])
    if field == "reverses" and n:  # mostly one of its own group; else a stranger's, which is no reversal of anything
        named = [m["event_id"] for m in messages if m["type"] == kind and m["group_id"] == message["group_id"]]
    return named[n % len(named)] if named else str(UUID(int=0xDEAD))
