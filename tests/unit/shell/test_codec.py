"""The codec by example: what each type becomes, what is the same once parsed, which reason comes first."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from schemas.outputs import Reason
from streams.core import events
from streams.shell import codec
from streams.shell.codec import BadRecord, decode
from tests.unit.schemas.examples import Case, cases, plain

PLAIN = plain()
TOPICS = {name: "remittances" if name in {"remittance", "reversal"} else "policy-changes" for name in PLAIN}
NINES = "9" * 5000


def parsed(name: str, **changes: Any) -> Any:
    """Decode the plain example of a type with some fields changed."""
    return decode(TOPICS[name], json.dumps({**PLAIN[name], **changes}).encode())


def refused(topic: str, value: bytes | None) -> tuple[str, str]:
    """Return the reason and the detail with which a record is refused."""
    with pytest.raises(BadRecord) as caught:
        decode(topic, value)
    return caught.value.reason, caught.value.detail


def day(text: str) -> int:
    """Return the ordinal of a day."""
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize("case", cases("valid"), ids=lambda case: case.name)
def test_a_valid_example_is_decoded(case: Case) -> None:
    """Every valid example has a meaning, and the fast way sees the same one."""
    event = decode(case.topic, case.value)
    assert event == codec.judge(case.topic, case.value)
    assert type(event) is type(codec.judge(case.topic, case.value))


@pytest.mark.parametrize("case", cases("invalid"), ids=lambda case: case.name)
def test_an_invalid_example_gets_its_reason(case: Case) -> None:
    """Every invalid example gets the reason that it says, and a detail that begins with its field."""
    reason, detail = refused(case.topic, case.value)
    assert reason == case.reason
    assert detail.startswith(f"{case.field}: ")
    assert reason in Reason.__args__


def test_a_remittance() -> None:
    """Every field of a remittance is where the core looks for it, its day being the UTC day."""
    event = parsed("remittance", occurred_at="2026-03-05T08:59:59+09:00", levy_id="rail")
    assert event == events.Remittance(
        group_id="dandong-07",
        event_id=UUID(PLAIN["remittance"]["event_id"]).bytes,
        digest=event.digest,
        day=day("2026-03-04"),
        amount_minor=125000,
        currency="USD",
        levy_id="rail",
    )
    assert len(event.digest) == 8


def test_a_reversal() -> None:
    """A reversal says what it takes out."""
    event = parsed("reversal")
    reverses = UUID(PLAIN["reversal"]["reverses"]).bytes
    own = UUID(PLAIN["reversal"]["event_id"]).bytes
    assert event == events.Reversal("dandong-07", own, event.digest, reverses)


SAME = [
    ("remittance", {"amount": "1250.0"}),
    ("remittance", {"amount": "1250"}),
    ("remittance", {"amount": "001250.00"}),
    ("remittance", {"occurred_at": "2026-03-05T00:30:00Z"}),
    ("remittance", {"occurred_at": "2026-03-05t00:30:00z"}),
    ("remittance", {"occurred_at": "2026-03-04T19:30:00.0000009-05:00"}),
    ("remittance", {"event_id": PLAIN["remittance"]["event_id"].upper()}),
    ("reversal", {"event_id": PLAIN["reversal"]["event_id"].upper()}),
    ("reversal", {"reverses": PLAIN["reversal"]["reverses"].upper()}),
    ("reversal", {"occurred_at": "2026-03-09T10:00:00.000+02:00"}),
    ("target_adjusted", {"factor": "0.850"}),
    ("target_adjusted", {"policy_id": PLAIN["target_adjusted"]["policy_id"].upper()}),
    ("target_adjusted", {"issued_at": "2026-01-01T09:00:00+09:00"}),
    ("target_adjusted", {"delta": None, "currency": None}),
    ("target_set", {"amount": "365000"}),
    ("resumed", {"resumes": PLAIN["resumed"]["resumes"].upper()}),
    ("revoked", {"revokes": PLAIN["revoked"]["revokes"].upper()}),
]


@pytest.mark.parametrize(("name", "changes"), SAME)
def test_equal_means_equal_once_parsed(name: str, changes: dict[str, Any]) -> None:
    """The same written otherwise is the same event, so that it counts once and is no conflict."""
    assert parsed(name, **changes) == parsed(name)


@pytest.mark.parametrize("name", PLAIN)
def test_absent_and_null_are_the_same(name: str) -> None:
    """A field that is null may as well be left out."""
    bare = {field: value for field, value in PLAIN[name].items() if value is not None}
    assert decode(TOPICS[name], json.dumps(bare).encode()) == parsed(name)


OTHER = [
    ("remittance", {"amount": "1250.01"}),
    ("remittance", {"currency": "EUR"}),
    ("remittance", {"occurred_at": "2026-03-05T09:30:00.000001+09:00"}),
    ("remittance", {"channel": "cash"}),
    ("remittance", {"levy_id": "rail"}),
    ("remittance", {"reference": ""}),
    ("remittance", {"reference": "x"}),
    ("reversal", {"reverses": PLAIN["reversal"]["event_id"]}),
    ("reversal", {"occurred_at": "2026-03-09T08:00:01Z"}),
    ("reversal", {"reason": None}),
    ("reversal", {"reason": ""}),
    ("target_set", {"pace": {"kind": "monthly", "weights": ["1"] * 12}}),
    ("target_set", {"basis": "per_worker"}),
    ("target_set", {"reason": "x"}),
    ("target_adjusted", {"applies": "remaining"}),
    ("levy_imposed", {"purpose": "x"}),
    ("alert_rules_set", {"margin": None}),
]


@pytest.mark.parametrize(("name", "changes"), OTHER)
def test_another_meaning_is_another_event(name: str, changes: dict[str, Any]) -> None:
    """Every field takes part, those too that nothing is computed from: a conflict has to be seen."""
    assert parsed(name, **changes) != parsed(name)


def test_digests_are_the_same_in_every_process() -> None:
    """Digests are kept on disk and in Kafka, so these eight bytes may never change."""
    assert parsed("remittance").digest.hex() == "2a2e50018b9571e8"
    assert parsed("reversal").digest.hex() == "10071d0ac52ab554"


def test_a_text_cannot_look_like_another_field() -> None:
    """A reference with line breaks in it is its own digest, not that of other fields."""
    assert parsed("remittance", levy_id="a", reference=None) != parsed("remittance", reference="a\n")


def test_policies() -> None:
    """Policies become the core's, money in minor units, other decimals exact, days as ordinals."""
    head = {"policy_id": PLAIN["target_set"]["policy_id"], "issued_at_us": 1_767_225_600_000_000}
    monthly = {"kind": "monthly", "weights": ["0.1", *["1"] * 11]}
    assert parsed("target_set", pace=monthly) == events.TargetSet(
        **head,
        group_id="dandong-07",
        plan_year=2026,
        amount_minor=36_500_000,
        currency="USD",
        per_worker=False,
        weights=(Fraction(1, 10), *[Fraction(1)] * 11),
    )
    assert parsed("target_set").weights is None
    delta = parsed("target_adjusted", factor=None, delta="-25.5", currency="KWD", scope={"region": "r"})
    assert (delta.factor, delta.delta_minor, delta.currency) == (None, -25500, "KWD")
    assert (delta.scope, delta.remaining) == (events.Scope(region="r"), False)
    assert parsed("target_adjusted", factor=None, delta="0", currency="KWD").delta_minor == 0
    assert parsed("target_adjusted").factor == Fraction(17, 20)
    assert parsed("levy_imposed").scope == events.Scope()
    assert parsed("levy_imposed").due_day == day("2026-05-31")
    assert parsed("suspended").scope == events.Scope(group_id="dandong-07")
    assert parsed("suspended", until_day=None).until_day is None
    assert parsed("exchange_rate_set").rate == Fraction(71042, 10000)
    assert parsed("alert_rules_set").warning_below == Fraction(9, 10)
    assert parsed("alert_rules_set", silent_days=None).silent_days is None


@pytest.mark.parametrize("topic", ["remittances", "policy-changes"])
def test_precedence(topic: str) -> None:
    """Each record breaks all rules from its own on, and gets the first reason."""
    kind, currency = ("remittance", "currency") if topic == "remittances" else ("target_set", "currency")
    assert refused(topic, b"\xff" * (64 * 1024 + 1))[0] == "too_large"
    assert refused(topic, b"") == ("empty", "value: no bytes")
    assert refused(topic, None) == ("empty", "value: none")
    assert refused(topic, b"\xff" * (64 * 1024))[0] == "not_json"
    assert refused(topic, b'{"schema_version":2,"type":"x"}')[0] == "unknown_version"
    assert refused(topic, b'{"schema_version":1,"type":"x","currency":"XAU"}')[0] == "unknown_type"
    everything = json.dumps({"schema_version": 1, "type": kind, currency: "XAU", "amount": 1, "x": 2})
    assert refused(topic, everything.encode())[0] == "unknown_currency"
    assert refused(topic, everything.replace("XAU", "xau").encode())[0] == "schema"


def test_the_largest_value_is_read() -> None:
    """64 KiB are not too much, one byte more is."""
    message = json.dumps(PLAIN["remittance"]).encode()
    assert decode("remittances", message.ljust(64 * 1024)) == parsed("remittance")
    assert refused("remittances", message.ljust(64 * 1024 + 1))[0] == "too_large"


def test_a_topic_knows_only_its_own_types() -> None:
    """A policy among the remittances, or the other way round, is of an unknown type."""
    for name, message in PLAIN.items():
        other = "remittances" if TOPICS[name] == "policy-changes" else "policy-changes"
        assert refused(other, json.dumps(message).encode())[0] == "unknown_type"


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("number", ["1e400", "-1e400", NINES, f"-{NINES}", f"0.{NINES}", f"1e{NINES}"])
def test_numbers_beyond_all_ranges_are_a_matter_of_the_schema(name: str, number: str) -> None:
    """JSON has no largest number, so such a message is JSON; no field takes one."""
    for field in PLAIN[name]:
        value = json.dumps({**PLAIN[name], field: "HERE"}).replace('"HERE"', number).encode()
        want = {"schema_version": "unknown_version", "type": "unknown_type"}.get(field, "schema")
        assert refused(TOPICS[name], value)[0] == want


def test_a_detail_never_repeats_what_was_written() -> None:
    """Only names that look like field names are repeated, and no value."""
    for name, message in PLAIN.items():
        for field in message:
            value = {**message, field: "Secret", "Secret name, with signs": "Secret"}
            _, detail = refused(TOPICS[name], json.dumps(value).encode())
            assert "Secret" not in detail
    _, detail = refused("remittances", json.dumps({**PLAIN["remittance"], "x" * 60000: 1}).encode())
    assert len(detail) < 100


def test_a_detail_stays_short() -> None:
    """Of thousands of faults the first five are told."""
    message = PLAIN["remittance"] | {f"field{n}": n for n in range(3000)}
    _, detail = refused("remittances", json.dumps(message).encode())
    assert detail.endswith("; and 2995 more")
    assert len(detail) < 500


def test_names_are_kept_once() -> None:
    """The many remittances of one group share one text; now and then pydantic's cache has another in its place."""
    names = [f"unit-{number}" for number in range(20)]
    shared = [parsed("remittance", group_id=n).group_id is parsed("remittance", group_id=n).group_id for n in names]
    assert sum(shared) >= 15


def test_decimals_of_a_time_are_cut_however_many_there_are() -> None:
    """Thousands of decimals of a second are as good as six, on both ways."""
    many = json.dumps({**PLAIN["remittance"], "occurred_at": f"2026-03-05T00:30:00.123456{NINES}Z"}).encode()
    six = parsed("remittance", occurred_at="2026-03-05T00:30:00.123456Z")
    assert decode("remittances", many) == codec.judge("remittances", many) == six
    issued = parsed("revoked", issued_at=f"2026-03-05T00:30:00.123456{NINES}Z").issued_at_us
    assert issued % 1_000_000 == 123456


@pytest.mark.parametrize("topic", ["remittances", "policy-changes"])
def test_a_decoder_that_fails_makes_a_dead_letter(topic: codec.Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of our own in the face of one record must not stop the partition that it lies in."""

    def fail(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(codec, "from_json", fail)
    with pytest.raises(codec.BadRecord, match="RecursionError") as caught:
        codec.decode(topic, b"{}")
    assert caught.value.reason == "schema"
    assert isinstance(caught.value.__cause__, RecursionError)
