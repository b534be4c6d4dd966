"""Episodes in Alertmanager's words: what each is known by, what replaces what, and that nothing is sent in vain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from streams.shell.alertmanager import Change, labels, still_firing, told
from tests.unit.schemas.examples import output

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


def alert(*history: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """Return an episode told so far."""
    entries = [{"on_day": "2026-07-01", "transition": t, "severity": s} for t, s in history]
    last = entries[-1] if entries else {"transition": "retracted", "severity": None, "on_day": "2026-07-01"}
    return output("quota_alert") | last | {"history": entries, "opened_on": "2026-07-01", "levy_id": None} | fields


def ends(posts: list[dict[str, Any]]) -> dict[str, bool]:
    """Return of each post, by severity, whether it ends the alert."""
    return {post["labels"]["severity"]: "endsAt" in post for post in posts}


OPENED = alert(("opened", "warning"))
ESCALATED = alert(("opened", "warning"), ("escalated", "critical"))
DEESCALATED = alert(("opened", "critical"), ("deescalated", "warning"))
RESOLVED = alert(("opened", "warning"), ("escalated", "critical"), ("resolved", "critical"))


def test_an_opening_fires_from_its_day_on() -> None:
    """Without an end: how long it lasts unheard of is Alertmanager's to say."""
    (post,) = told([Change(OPENED)], [OPENED], NOW)
    assert post["startsAt"] == "2026-07-01T00:00:00.000Z"
    assert "endsAt" not in post
    assert "levy_id" not in post["labels"]


def test_another_severity_replaces_the_one_before() -> None:
    """Also where the message that told the one before was compacted away, and never came."""
    for before in (OPENED, None):
        assert ends(told([Change(ESCALATED, before)], [ESCALATED], NOW)) == {"warning": True, "critical": False}
    assert ends(told([Change(DEESCALATED)], [DEESCALATED], NOW)) == {"critical": True, "warning": False}


def test_an_end_ends_whatever_the_episode_was_known_by() -> None:
    """At both severities, and under the region that the group was in before."""
    assert ends(told([Change(RESOLVED, ESCALATED)], [], NOW)) == {"warning": True, "critical": True}
    moved = alert(("opened", "warning"), ("resolved", "warning"), region="elsewhere")
    regions = {post["labels"]["region"] for post in told([Change(moved, OPENED)], [], NOW)}
    assert regions == {OPENED["region"], "elsewhere"}


def test_a_retraction_ends_it_at_either_severity() -> None:
    """It has no history, and nobody may remember what it was."""
    assert ends(told([Change(alert())], [], NOW)) == {"warning": True, "critical": True}


def test_what_another_open_episode_is_known_by_is_not_ended() -> None:
    """The retraction of one and the opening of another of its kind may come in any order, and apart."""
    other = alert(("opened", "warning"), opened_on="2026-06-20", episode_id="another")
    for changes in ([Change(alert(), OPENED), Change(other)], [Change(other), Change(alert(), OPENED)]):
        assert ends(told(changes, [other], NOW)) == {"critical": True, "warning": False}
    assert ends(told([Change(alert(), OPENED)], [other], NOW)) == {"critical": True}


def test_of_several_messages_the_newest_state_is_posted() -> None:
    """One post for each set of labels: Alertmanager would merge two in ways of its own."""
    posts = told([Change(OPENED), Change(ESCALATED, OPENED), Change(RESOLVED, ESCALATED)], [], NOW)
    assert ends(posts) == {"warning": True, "critical": True}
    assert len(posts) == 2


def test_nothing_starts_after_it_is_posted() -> None:
    """A rehearsal's days may be ahead of the clock; Alertmanager refuses what ends before it starts."""
    (post,) = still_firing([alert(("opened", "warning"), opened_on="2099-01-01")], NOW)
    assert post["startsAt"] == "2026-08-01T12:00:00.000Z"


def test_labels_are_the_same_whatever_else_changes() -> None:
    """Figures, days and revisions are annotations, or each would be an alert of its own."""
    later = alert(("opened", "warning"), ("retargeted", "warning"), remitted="1.00", revision=9, on_day="2026-07-09")
    assert labels(later, "warning") == labels(OPENED, "warning")
