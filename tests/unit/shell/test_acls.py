"""The ACLs of each role: what deploy/acls.sh gives is what the code says, and that is the least."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.shell.acls import MEANING, acls, script
from streams.shell.topics import Names

NAMES = Names("a-")
FILE = Path(__file__).parents[3] / "deploy" / "acls.sh"


def allowed(role: str, operation: str, names: Names = NAMES) -> set[str]:
    """Return what a role may do an operation on."""
    return {acl.name for acl in acls(names)[role] if operation in acl.operations}  # type: ignore[index]


def test_the_script_is_what_the_code_says() -> None:
    """`make acls` writes it."""
    assert FILE.read_text() == script()


def test_every_role_has_a_meaning() -> None:
    """None is in one list alone."""
    assert set(acls(NAMES)) == set(MEANING)


def test_dead_letters_are_read_by_operators_alone() -> None:
    """They hold what producers sent, whatever it was."""
    assert [role for role in acls(NAMES) if NAMES.dead_letters in allowed(role, "Read")] == ["operator"]


def test_only_a_worker_writes_what_workers_write() -> None:
    """No other role can tell an alert, a status, or change a log."""
    written = {NAMES.status, NAMES.alerts, NAMES.dead_letters, NAMES.home, NAMES.policies, NAMES.told}
    assert {role for role in acls(NAMES) if written & allowed(role, "Write")} == {"worker"}
    assert written <= allowed("worker", "Write")


def test_a_worker_makes_and_deletes_nothing() -> None:
    """That is an operator's; a worker finds its topics there."""
    for operation in ("Create", "Delete", "AlterConfigs"):
        assert allowed("worker", operation) == set()
        assert [role for role in acls(NAMES) if allowed(role, operation)] == ["operator"]


@pytest.mark.parametrize("names", [NAMES, Names("a-", replay=True), Names("a-", replay=True, output_prefix="july-")])
def test_the_names_are_the_installations_own(names: Names) -> None:
    """Every resource begins with the prefix; a prefix of names reaches no other installation's."""
    for role, listed in acls(names).items():
        for acl in listed:
            assert acl.name.startswith("a-") or acl.resource == "cluster", (role, acl)
            assert not acl.prefixed or acl.resource != "topic"
    tellers, letters = [acl for acl in acls(names)["worker"] if acl.resource == "transactional-id"]
    assert names.transactional_id(3).startswith(tellers.name)
    assert letters.name == names.letter_ids
    assert tellers.prefixed
    assert letters.prefixed
    assert names.consumer_group in allowed("worker", "Read", names)


def test_a_subscriber_cannot_join_the_workers() -> None:
    """A member of the workers' group would be given partitions, and they would stand still."""
    (group,) = [acl for acl in acls(Names())["subscriber"] if acl.resource == "group"]
    assert not Names().consumer_group.startswith(group.name)
