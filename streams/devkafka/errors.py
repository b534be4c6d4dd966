"""The one error of this package: a sentence that says what is wrong and what to do."""

from __future__ import annotations


class BrokerError(Exception):
    """One line, meant to be shown as it is."""
