"""Whether there is the module in C (_columns.c): it is optional, and all is the same without it, only slower."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

columns: ModuleType | None
try:
    from streams.shell import _columns as columns
except ImportError:  # there was no compiler where this was installed
    columns = None
