"""A plugin for pytest under mutmut 3.7, which reads a name of an item that pytest has no longer.

Later ones don't, but need a click that Faust doesn't allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give an item the name by which mutmut asks for it."""
    item._nodeid = item.nodeid  # type: ignore[attr-defined]
