"""Every name in Kafka, with and without a prefix, live and in a replay; and where a group is at home."""

from __future__ import annotations

from zlib import crc32

import pytest

from streams.shell.topics import Names, home_partition

INSTALLATIONS = [
    Names(),
    Names("a-"),
    Names("b-"),
    Names("a-", replay=True),
    Names("a-", replay=True, output_prefix="july-"),
    Names("a-", replay=True, output_prefix="june-"),
]
INTERNAL = ("home", "policies", "told", "consumer_group")
OUTPUTS = ("status", "alerts", "dead_letters")


def test_the_names_of_the_design() -> None:
    """Without a prefix they are those that DESIGN tells people."""
    names = Names()
    assert names.inputs == ("remittances", "policy-changes")
    assert [getattr(names, output) for output in OUTPUTS] == ["quota-status", "quota-alerts", "quota-dead-letters"]
    assert all(getattr(names, internal).startswith("quotastream") for internal in INTERNAL)


def test_a_prefix_stands_before_every_name() -> None:
    """Topics, the consumer group and transactional ids."""
    plain, prefixed = Names(), Names("x.")
    names = [*INTERNAL, *OUTPUTS, "remittances", "policy_changes"]
    assert [getattr(prefixed, name) for name in names] == [f"x.{getattr(plain, name)}" for name in names]
    assert prefixed.transactional_id(3) == f"x.{plain.transactional_id(3)}"


def test_installations_and_replays_share_no_internal_name() -> None:
    """Logs, what was told, the group and the right to tell are each one's own; so are outputs where asked."""
    for internal in INTERNAL:
        assert len({getattr(names, internal) for names in INSTALLATIONS}) == len(INSTALLATIONS)
    ids = {names.transactional_id(partition) for names in INSTALLATIONS for partition in range(3)}
    assert len(ids) == 3 * len(INSTALLATIONS)
    live, replay, july, june = INSTALLATIONS[1], *INSTALLATIONS[3:]
    for output in OUTPUTS:
        assert getattr(replay, output) == getattr(live, output)
        assert getattr(july, output) == f"a-july-{getattr(Names(), output)}"
        assert getattr(june, output) not in (getattr(july, output), getattr(live, output))
    assert {names.inputs for names in (live, replay, july, june)} == {live.inputs}


@pytest.mark.parametrize("names", INSTALLATIONS)
def test_every_topic_has_its_spec(names: Names) -> None:
    """Logs are kept for ever, what only the newest counts of is compacted, and the policies have one partition."""
    specs = {spec.name: spec for spec in names.specs()}
    assert len(specs) == 8
    for forever in (names.remittances, names.policy_changes, names.home, names.policies):
        assert specs[forever].config["cleanup.policy"] == "delete"
        assert (specs[forever].config["retention.ms"], specs[forever].config["retention.bytes"]) == ("-1", "-1")
    for compacted in (names.status, names.alerts, names.told):
        assert specs[compacted].config["cleanup.policy"] == "compact"
    assert specs[names.dead_letters].config["retention.ms"] == str(14 * 24 * 3600 * 1000)
    assert {name for name, spec in specs.items() if spec.partitions} == {names.policies}
    assert specs[names.policies].partitions == 1


def test_a_groups_home_depends_on_its_name_alone() -> None:
    """CRC-32 of the name, which no later version may change: events would be looked for elsewhere."""
    assert home_partition("dandong-07", 4) == crc32(b"dandong-07") % 4
    assert [home_partition("dandong-07", n) for n in (1, 4, 12)] == [0, 2, 10]
    spread = [home_partition(f"group-{n}", 4) for n in range(1000)]
    assert all(200 < spread.count(partition) < 300 for partition in range(4))
