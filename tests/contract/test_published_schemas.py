"""What a published schema accepts the worker accepts, and the reverse: two validators, examples and drawn cases.

What no schema can say is in `schemas.publishing.UNSAID`; nothing else may differ.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas import publishing
from streams.shell import contracts
from streams.shell.topics import Names
from tests.contract.judges import read, unsaid, validator, worker_accepts
from tests.contract.mutations import mutated
from tests.contract.node import Ajv, parsed_asyncapi
from tests.unit.schemas.examples import cases, output

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VALID = [(case, read(case.value or b"")) for case in cases("valid")]
OF_REMITTANCES = [message for case, message in VALID if case.topic == "remittances"]
OF_POLICIES = [message for case, message in VALID if case.topic == "policy-changes"]
OUTPUTS = [output(name) for name in publishing.OUTPUTS]


@pytest.fixture(scope="module")
def ajv() -> Iterator[Ajv]:
    """Run ajv with the committed schemas."""
    judge = Ajv(contracts.PUBLISHED)
    try:
        yield judge
    finally:
        judge.close()


def test_what_is_committed_is_what_the_models_say() -> None:
    """A change of a model without its schema would tell other teams what is no longer so."""
    assert contracts.drift(contracts.PUBLISHED) == []


def test_every_valid_example_passes_its_schema(ajv: Ajv) -> None:
    """A schema that refuses what a worker takes would have a producer think his messages wrong."""
    refused = [case.name for case, message in VALID if not both(ajv, message["type"], message)]
    refused += [message["type"] for message in OUTPUTS if not both(ajv, message["type"], message)]
    assert refused == []


def test_every_invalid_example_is_refused_but_for_what_no_schema_can_say(ajv: Ajv) -> None:
    """A schema that passes what a worker refuses has its producers' messages end as dead letters."""
    passed: set[str] = set()
    for case in cases("invalid"):
        try:
            message = read(case.value or b"")
        except ValueError:
            continue  # no parser lets it come before a schema
        kind = message.get("type") if isinstance(message, dict) else None
        if not isinstance(kind, str) or kind not in KINDS[case.topic]:
            continue  # no schema is asked
        if both(ajv, kind, message, (case.value or b"").decode()):
            rules = unsaid(message)
            assert rules, case.name
            assert rules <= set(publishing.UNSAID[kind])
            passed |= rules
    # Each rule that the list names has an example that shows the schema unable to say it.
    assert passed == {rule for rules in publishing.UNSAID.values() for rule in rules}


KINDS = {
    "remittances": ["remittance", "reversal"],
    "policy-changes": [name for name in publishing.INPUTS if name not in {"remittance", "reversal"}],
}


def both(ajv: Ajv, name: str, message: Any, text: str = "") -> bool:
    """Return whether the schema accepts a message; the two validators have to agree."""
    text = text or json.dumps(message)
    verdict = bool(validator(name).is_valid(message))
    assert ajv.accepts(name, text) == verdict, f"the validators differ over {text}"
    return verdict


@given(st.data())
@settings(max_examples=1_000, deadline=None)
def test_the_schema_and_the_worker_agree_on_drawn_messages(ajv: Ajv, data: st.DataObject) -> None:
    """Whatever is changed in a valid message, both say the same of it, less what no schema can say."""
    topic, messages = data.draw(st.sampled_from([("remittances", OF_REMITTANCES), ("policy-changes", OF_POLICIES)]))
    message = data.draw(mutated(messages))
    kind = message.get("type")
    taken = worker_accepts(topic, json.dumps(message).encode())
    if not isinstance(kind, str) or kind not in KINDS[topic]:
        assert not taken
        return
    passes = both(ajv, kind, message)
    assert passes >= taken, "the worker takes what the schema refuses"
    if passes and not taken:
        assert unsaid(message) & set(publishing.UNSAID[kind]), "the worker refuses what the schema passes"


@given(mutated(OUTPUTS))
@settings(max_examples=300, deadline=None)
def test_the_schema_and_the_model_agree_on_drawn_outputs(ajv: Ajv, message: dict[str, Any]) -> None:
    """What a subscriber's validator passes is what our models call an output."""
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in publishing.OUTPUTS:
        return
    try:
        publishing.OUTPUTS[kind].model_validate_json(json.dumps(message))
        taken = True
    except ValidationError:
        taken = False
    passes = both(ajv, kind, message)
    assert passes >= taken
    assert passes == taken or unsaid({"": list(message.values())}), "differs by more than how a number is written"


def test_every_input_is_closed_and_every_output_open() -> None:
    """A misspelt field must not pass; a field of tomorrow must."""
    for _, message in VALID:
        assert not validator(message["type"]).is_valid(message | {"added_later": 1})
    for message in OUTPUTS:
        assert validator(message["type"]).is_valid(message | {"added_later": 1})


def test_the_official_parser_finds_nothing_wrong_with_the_asyncapi_document() -> None:
    """Generators of other languages read it with that parser, examples and all."""
    said = parsed_asyncapi(contracts.PUBLISHED / contracts.ASYNCAPI_FILE)
    names = Names()
    assert said["diagnostics"] == []
    assert said["version"] == "3.1.0"
    assert set(said["channels"]) == {*names.inputs, names.status, names.alerts, names.dead_letters}
    assert set(said["messages"]) == set(publishing.ALL)


def test_the_official_parser_would_notice(tmp_path: Path) -> None:
    """A document in which a way leads nowhere does not pass."""
    document = json.loads((contracts.PUBLISHED / contracts.ASYNCAPI_FILE).read_text(encoding="utf-8"))
    document["operations"]["send-quota-status"]["channel"]["$ref"] = "#/channels/nowhere"
    (tmp_path / "wrong.json").write_text(json.dumps(document), encoding="utf-8")
    assert "'#/channels/nowhere' does not exist" in parsed_asyncapi(tmp_path / "wrong.json")["diagnostics"][0]
