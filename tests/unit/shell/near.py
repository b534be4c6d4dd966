"""Messages as producers send them, and what nearly is one: by these the codec's fast ways are held to the models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SETTINGS = settings(max_examples=400, deadline=None)
SIGNS = ["", "0", "9", "-", "+", ".", ":", "T", "t", "z", "Z", " ", "\n", "_", "A", "\u0663", "é", "\0"]


@st.composite
def near(draw: st.DrawFn, *texts: str) -> str:
    """Draw texts like these, as they are or with a few characters cut, put in or replaced."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(SIGNS)) + text[at + draw(st.integers(0, 2)) :]
    return text


@st.composite
def times(draw: st.DrawFn) -> str:
    """Draw RFC 3339 times, and what nearly is one: month 13, second 60, hour 24, years next to the range."""
    two = lambda top: f"{draw(st.integers(0, top)):02}"  # noqa: E731
    year = draw(st.sampled_from([1999, 2000, 2026, 2028, 2099, 2100]) | st.integers(2000, 2099))
    day = draw(st.sampled_from(["01-01", "12-31", "02-29", f"{two(13)}-{two(32)}"]))
    fraction = draw(st.just("") | st.from_regex(r"\A\.[0-9]{0,9}\Z"))
    offset = draw(
        st.sampled_from(["Z", "z", "+00:00", "-00:00", "+23:59", "-23:59", ""]) | st.just(f"+{two(25)}:{two(61)}")
    )
    return f"{year}-{day}{draw(st.sampled_from('Tt '))}{two(24)}:{two(60)}:{two(60)}{fraction}{offset}"


UUIDS = st.uuids().map(str) | st.uuids().map(lambda u: str(u).upper()) | near("0f1c2a10-0000-4000-8000-00000000000a")
NAMES = st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,63}\Z") | near("a", "dandong-07", "a" * 64, "a" * 65, "")
TEXTS = st.none() | st.text(max_size=66) | st.sampled_from(["x" * 64, "x" * 65, "𐍈" * 64, "𐍈" * 65])
AMOUNTS = (
    st.from_regex(r"\A[0-9]{1,19}(\.[0-9]{0,5})?\Z")
    | near("0", "0.00", "1250.00", "-1.00", "0.0001", "9" * 18 + ".99")
    | st.sampled_from(["²", "\uff11.00", "1_0", "1e2", "0x1"])
)
WRONG = st.sampled_from([None, True, False, 0, 1, 1.0, -1, 1e400, [], {}, "", "x"])
OTHER_TYPES = ["target_set", "remittance", "revoked"]
VERSIONED = ("schema_version", 1)


@st.composite
def messages(
    draw: st.DrawFn,
    fields_of: Mapping[str, Mapping[str, st.SearchStrategy[Any]]],
    good: Mapping[str, Any],
    unknown: Sequence[str],
) -> bytes:
    """Draw messages of which a field or two are drawn anew, left out, doubled, of a wrong type or unknown."""
    kind = draw(st.sampled_from(sorted(fields_of)))
    fields = fields_of[kind]
    pairs: list[tuple[str, Any]] = [VERSIONED, ("type", kind), *((name, good[name]) for name in fields)]
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(sorted(fields)))
        at = next((n for n, pair in enumerate(pairs) if pair[0] == name), 0)
        match draw(
            st.sampled_from(["value", "value", "value", "value", "wrong", "drop", "again", "type", "version", "new"])
        ):
            case "value":
                pairs[at] = (name, draw(fields[name]))
            case "wrong":
                pairs[at] = (name, draw(WRONG))
            case "drop":
                del pairs[at]
            case "again":
                pairs.append((name, draw(fields[name] | WRONG)))
            case "type":
                pairs.append(("type", draw(st.sampled_from([*fields_of, *OTHER_TYPES, None]))))
            case "version":
                pairs.append(("schema_version", draw(WRONG)))
            case _:
                pairs.append((draw(st.sampled_from(unknown)), draw(WRONG)))
    pairs = draw(st.permutations(pairs)) if draw(st.booleans()) else pairs
    ascii_only = draw(st.booleans())
    members = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=ascii_only)}" for name, value in pairs)
    return ("{" + ",".join(members) + "}").encode(errors="surrogatepass")


def no_key_twice(value: bytes) -> bool:
    """Tell whether no key of a message comes twice."""
    pairs = json.loads(value.decode(errors="surrogatepass"), object_pairs_hook=lambda pairs: pairs)
    return len({name for name, _ in pairs}) == len(pairs)
