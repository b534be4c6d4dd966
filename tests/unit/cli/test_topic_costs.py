"""What a difference of a topic costs is written down for each that can be found."""

from streams.shell.topic_admin import COSTS, ROLES, _cost
from streams.shell.topics import Names


def test_every_topic_has_a_role_and_every_difference_a_cost() -> None:
    """A topic or config that is added later cannot be without a sentence."""
    names = Names()
    specs = {spec.name: spec for spec in names.specs()}
    assert {getattr(names, role) for role in ROLES} == set(specs)
    for role in ROLES:
        assert COSTS[role, "missing"]
        for key in [*specs[getattr(names, role)].config, "min.insync.replicas", "partitions"]:
            assert _cost(role, key)
