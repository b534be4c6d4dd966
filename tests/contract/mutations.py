"""Messages of which a field or a few are other than in a valid one: near to it, at a limit, of a wrong kind, gone."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from tests.unit.shell.test_codec_agreement import AMOUNTS, NAMES, TEXTS, UUIDS, near, times

LIMITS = [
    "0", "-0", "-0.0", "1", "-1", "0.5", "0.50", "0.500000001", "0.499999999", "1.0", "1.000000001", "00.9",
    "000000001", "0000000001", "999999999.999999999", "0.0000000001", "9" * 18, "9" * 19, "1.5", "1.55", "1.555",
    "1.5555", "1.55555", "-0.000", "-0.00000", "2000-01-01", "2099-12-31", "1999-12-31", "2100-01-01",
    "2028-02-29", "2026-02-29", "2100-02-29", "2026-06-31", "2026-12-31", "1999-12-31T23:59:59-00:01",
    "1999-12-31T23:59:59-00:00",
    "2100-01-01T00:00:00+00:01", "2000-01-01T00:00:00+00:01", "2099-12-31T23:59:59-00:01", "2026-06-30T23:59:60Z",
    "2026-02-29T00:00:00Z", "USD", "JPY", "KWD", "CLF", "XAU", "usd", "linear", "monthly", "fixed",
    "per_worker", "remaining",
    "dandong-07\n", "2026-06-01\n", "1\n", "٣", "x" * 64, "x" * 65, "x" * 200, "x" * 201, "𐍈" * 200,
]  # fmt: skip
NUMBERS = st.sampled_from([-1, 0, 1, 366, 367, 1999, 2000, 2099, 2100, 999_999_999, 1_000_000_000, 1.0, 0.5, 2026.0])
OTHERS = st.sampled_from([None, True, False, [], {}, ["1"], {"all": 1}]).map(
    copy.deepcopy
)  # what was drawn may be changed inside
VALUES = st.sampled_from(LIMITS) | NUMBERS | OTHERS | AMOUNTS | NAMES | TEXTS | UUIDS | times()
SCOPES = st.dictionaries(st.sampled_from(["all", "region", "group_id", "x"]), VALUES | st.just(True), max_size=2)
PACES = st.fixed_dictionaries(
    {"kind": VALUES}, optional={"weights": st.lists(st.sampled_from(LIMITS[:18]), max_size=13)}
)
WHOLE = {"scope": SCOPES, "pace": PACES}


@st.composite
def mutated(draw: st.DrawFn, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw one of the messages with one to three fields drawn anew, dropped or added."""
    message = copy.deepcopy(draw(st.sampled_from(messages)))
    for _ in range(draw(st.integers(1, 3))):
        field = draw(st.sampled_from([*message, "x"]))
        said = message.get(field)
        match draw(st.sampled_from(["near", "value", "value", "drop", "null", "inside"])):
            case "near" if isinstance(said, str):
                message[field] = draw(near(said))
            case "drop":
                message.pop(field, None)
            case "null":
                message[field] = None
            case "inside" if isinstance(said, list) and said:
                said[draw(st.integers(0, len(said) - 1))] = draw(VALUES)
            case "inside" if isinstance(said, dict) and said:
                said[draw(st.sampled_from([*said, "x"]))] = draw(VALUES)
            case _:
                message[field] = draw(WHOLE.get(field, VALUES))
    return message
