"""Messages that belong together, so that more happens in a made-up history than by chance."""

from __future__ import annotations

from datetime import date, timedelta

from tests.model.making import Choices, Message, Scene, draft, money, reference


def preamble(choices: Choices, scene: Scene) -> list[Message]:
    """Most groups are opened, have a target and are judged soon: else little happens."""
    drafts = []
    if choices.between(0, 4):
        early = {"issued_at": f"{scene.year - 1}-11-01T00:00:00Z", "effective_on": f"{scene.year - 1}-11-01"}
        rules = draft(choices, scene, "alert_rules_set") | early | {"scope": {"all": True}}
        soon = {"grace_days": choices.pick([0, 2, 10]), "silent_days": choices.pick([3, 9])}
        drafts.append(rules | soon | {"unreachable_grace_days": choices.pick([0, 35])})
    for group_id in scene.groups:
        kinds = [kind for kind in ("target_set", "group_opened") if choices.between(0, 4)]
        drafts += [draft(choices, scene, kind) | {"group_id": group_id} for kind in kinds]
        if choices.between(0, 2):
            drafts += _instalments(choices, scene, group_id)
        if not choices.between(0, 2):
            drafts += _levy_instalments(choices, scene, group_id)
        if not choices.between(0, 2):
            drafts += _foreign(choices, scene, group_id)
    return drafts


def _foreign(choices: Choices, scene: Scene, group_id: str) -> list[Message]:
    """Rates between two currencies about one day, either way round, one perhaps revoked, and money at them."""
    begin, drafts = choices.pick(scene.hot_days), []
    for n in range(3):
        pair = choices.pick([{"currency": "EUR", "per": "USD"}, {"currency": "USD", "per": "EUR"}])
        own_day = {"effective_on": str(begin + timedelta(days=choices.between(0, 3)))}
        told_on = {"issued_at": f"{begin + timedelta(days=choices.between(0, 2))}T12:00:00Z"}
        number = {"rate": choices.pick(["0.5", "1.5", "2", "1.25"])}
        drafts.append(draft(choices, scene, "exchange_rate_set") | pair | own_day | told_on | number)
        sender = {"group_id": group_id, "currency": "EUR", "levy_id": choices.pick([None, None, None, "rail"])}
        sent = {
            "occurred_at": f"{begin + timedelta(days=n + 1)}T12:00:00Z",
            "amount": choices.pick(["0.01", "0.05", "77.03"]),
        }
        drafts.append(draft(choices, scene, "remittance") | sender | sent)
    if choices.between(0, 1):
        drafts.append(draft(choices, scene, "revoked") | {"revokes": reference(choices, "exchange_rate_set")})
    return drafts


def _levy_instalments(choices: Choices, scene: Scene, group_id: str) -> list[Message]:
    """Ten dollars a day for up to twenty days, for one levy, paid about as they fall due."""
    begin = choices.pick(scene.hot_days)
    days = min(20, (date(begin.year, 12, 31) - begin).days + 1)
    plain = {"levy_id": "rail", "currency": "USD", "basis": "fixed", "scope": {"all": True}}
    dates = {
        "from_day": str(begin),
        "due_day": str(begin + timedelta(days=days - 1)),
        "issued_at": f"{begin}T00:00:00Z",
    }
    drafts = [draft(choices, scene, "levy_imposed") | plain | dates | {"amount": money(1000 * days, "USD")}]
    for n in range(0, days + 4, 2):
        noon = {"group_id": group_id, "levy_id": "rail", "currency": "USD"}
        when = {
            "occurred_at": f"{begin + timedelta(days=n)}T12:00:00Z",
            "amount": choices.pick(["7.00", "20.00", "31.00"]),
        }
        if choices.between(0, 2):
            drafts.append(draft(choices, scene, "remittance") | noon | when)
    return drafts


def _instalments(choices: Choices, scene: Scene, group_id: str) -> list[Message]:
    """One target for the whole year, and money that keeps to a share of it, so that thresholds are crossed."""
    a_day = choices.pick([100, 1000])
    plain = {"currency": "USD", "basis": "fixed", "pace": {"kind": "linear"}, "plan_year": scene.year}
    early = {
        "issued_at": f"{scene.year - 1}-12-01T00:00:00Z",
        "amount": money(365 * a_day, "USD"),
        "group_id": group_id,
    }
    drafts, paid = [draft(choices, scene, "target_set") | plain | early], 0
    for day in sorted({day + timedelta(days=n) for day in scene.hot_days for n in (-8, -1, 1, 6) if n}):
        due = ((day - date(scene.year, 1, 1)).days + 1) * a_day
        units = due * choices.pick([70, 74, 76, 80, 82, 88, 91, 96, 100]) // 100 - paid
        if day.year == scene.year and units > 0 and choices.between(0, 3):
            paid += units
            noon = {"group_id": group_id, "levy_id": None, "currency": "USD", "occurred_at": f"{day}T12:00:00Z"}
            drafts.append(draft(choices, scene, "remittance") | noon | {"amount": money(units, "USD")})
    if choices.between(0, 1):  # what was a warning is judged otherwise from a day on
        day = str(choices.pick(scene.hot_days))
        rules = {"scope": {"group_id": group_id}, "effective_on": day, "issued_at": f"{day}T12:00:00Z"}
        harder = {"warning_below": choices.pick(["0.5", "0.8", "1"]), "critical_below": choices.pick(["0.9", "0.6"])}
        drafts.append(draft(choices, scene, "alert_rules_set") | rules | harder)
    return drafts
