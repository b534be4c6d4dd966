"""What is common to state in Kafka that this program can't read: another version wrote it, or it is damaged.

A local store of another version is made again from the home log (`ledger.py`). The logs themselves can't be: a worker
that finds there what only a newer one can read stops and says so, for to pass over it would count wrongly in silence.
"""

from __future__ import annotations

#: A supervisor need not start the worker again after this one: it would find the same.
UNREADABLE_STATE_EXIT_CODE = 3


class UnreadableStateError(ValueError):
    """What is in Kafka can't be read; the text is one line that says what to do."""


class DamagedStateError(UnreadableStateError):
    """No worker wrote this as it is."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: damaged, or not written by a worker; stop every worker and run `quotastream rebuild` "
            "(see docs/operations.md, Rebuild)"
        )


class NewerStateError(UnreadableStateError):
    """A newer worker wrote here; the text is one line that says what to do."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: written by a newer worker, and this one can't read it; install that version again "
            "(see docs/operations.md, Upgrade)"
        )
