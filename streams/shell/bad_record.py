"""What a record that cannot be used is called, wherever that is found out."""

from __future__ import annotations

from typing import Final

LARGEST_VALUE_BYTES: Final = 64 << 10


class BadRecord(Exception):  # noqa: N818  (it is a record, and DESIGN "Bad input" calls it so)
    """A record that cannot be used, with the first reason that applies and the field."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
