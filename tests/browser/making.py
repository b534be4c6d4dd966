"""Output messages as workers write them, for tests of the page that need no worker."""

from __future__ import annotations

import json
from typing import Any

FIGURES = ("original_target", "adjusted_target", "expected_to_date", "remitted_to_date", "shortfall", "surplus")


def status(group_id: str = "g-1", **fields: Any) -> dict[str, Any]:
    """Return a quota-status value."""
    figures = dict.fromkeys(FIGURES, "100.00")
    given = {
        "schema_version": 1, "type": "quota_status", "group_id": group_id, "region": "north", "plan_year": 2026,
        "as_of": "2026-07-01", "currency": "USD", **figures, "attainment_to_date": "1.0000",
        "attainment_of_target": "1.0000", "required_daily_rate": "1.00", "trailing_daily_rate": "1.00",
        "projected_total": "100.00", "policy_effect": "5.00", "remittance_effect": "-5.00", "level": "ok",
        "open_episodes": [], "levies": [], "unconverted": {}, "unassigned": {}, "headcount": 3,
        "remittance_count": 1, "policies_applied": [], "policies_applied_count": 0,
    }  # fmt: skip
    return given | fields


def alert(number: int, **fields: Any) -> dict[str, Any]:
    """Return what the page reads of a quota-alerts value."""
    given = {
        "episode_id": f"e-{number}", "revision": 1, "group_id": "g-1", "region": "north", "plan_year": 2026,
        "kind": "behind_pace", "levy_id": None, "transition": "opened", "severity": "warning",
        "on_day": "2026-07-01", "opened_on": "2026-07-01", "summary": "g-1 is behind", "history": [],
    }  # fmt: skip
    return given | fields


def letter(reason: str) -> bytes:
    """Return a quota-dead-letters value."""
    return json.dumps(
        {"topic": "remittances", "partition": 1, "offset": 7, "reason": reason, "detail": "amount: missing"}
        | {"value_base64": "c2VjcmV0", "key_base64": None, "headers": []}
    ).encode()
