"""A tree of figures that adds up: each node may say that its parts make it, and is held to that when it is shown.

Lives here: nodes, the check, the tree as JSON. Not here: what the figures are (explanation.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.money import digits_of, round_half_even

if TYPE_CHECKING:
    from fractions import Fraction

EXACTLY = "exactly"
ROUNDED = "rounded"


class Node(NamedTuple):
    """One figure or fact, with what is behind it."""

    label: str
    value: str | None = None  # as the status has it, or as it is shown
    unit: str = ""
    exact: Fraction | int | None = None  # in the unit's smallest step; None: nothing to add up
    adds_up: str = ""  # EXACTLY or ROUNDED (once, half to even): the parts' exact figures make this one's
    note: str = ""
    policies: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    parts: tuple[Node, ...] = ()


class DoesNotAddUpError(Exception):
    """The parts of a figure do not make it: an error of this program, never of its user."""


def check(node: Node) -> None:
    """Hold one node to its parts (not to theirs); DoesNotAddUpError where they don't make it."""
    if not node.adds_up:
        return
    total: Fraction | int = sum((part.exact for part in node.parts if part.exact is not None), start=0)
    if node.adds_up == ROUNDED:
        total = round_half_even(total.numerator, total.denominator)
    if total != node.exact:
        raise DoesNotAddUpError(f"{node.label} is {node.exact}, its parts are {total}")


def _exact_text(exact: Fraction | int) -> str:
    whole = digits_of(exact.numerator)
    return whole if exact.denominator == 1 else f"{whole}/{digits_of(exact.denominator)}"


def tree_value(node: Node) -> dict[str, Any]:
    """Return a node, checked, and all below it, as JSON; what is empty is left out."""
    check(node)
    value: dict[str, Any] = {"label": node.label, "value": node.value}
    if node.unit:
        value["unit"] = node.unit
    if node.exact is not None:
        value["exact"] = _exact_text(node.exact)
    if node.adds_up:
        value["adds_up"] = node.adds_up
    if node.note:
        value["note"] = node.note
    if node.policies:
        value["policies"] = list(node.policies)
    if node.events:
        value["events"] = list(node.events)
    if node.parts:
        value["parts"] = [tree_value(part) for part in node.parts]
    return value
