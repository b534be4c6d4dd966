"""Which trace the newest inputs belong to, so that the alerts that they cause carry it on.

Traces are a help to those who look, and no part of what is promised: they are kept in memory, of the newest inputs,
and a worker that starts again knows those of the policies and of what it folds from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streams.shell.envelopes import Trace, trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.shell.envelopes import Headers

KEPT: Final = 10_000
HEADER: Final = "quotastream-traces"  # of a pack in the home log: the traces of the events in it that have one
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[str, bytes, bytes]]).decode


class Traces:
    """The traces of the newest inputs that had one, by the id of the event or policy."""

    def __init__(self) -> None:
        self._by_id: dict[str, Trace] = {}

    def add(self, event_id: str, found: Trace) -> None:
        """Keep one; the oldest goes where there are too many."""
        self._by_id.pop(event_id, None)
        self._by_id[event_id] = found
        if len(self._by_id) > KEPT:
            del self._by_id[next(iter(self._by_id))]

    def take_pack(self, headers: Headers) -> None:
        """Keep what the headers of a pack say."""
        for name, said in headers:
            if name != HEADER or not said:
                continue
            try:
                found = _decode(said)
            except msgspec.MsgspecError:
                continue  # no trace is worth a stop
            for event_id, parent, state in found:
                self.add(event_id, Trace(parent, state))

    def take_policy(self, policy_id: str, headers: Headers) -> None:
        """Keep what the headers of a record in the policies log say."""
        found = trace(None, headers)
        if found:
            self.add(policy_id, found)

    def of(self, causes: Iterable[str]) -> Trace | None:
        """Return the trace of the last of an alert's causes that has one; they are in ascending rank."""
        return next((self._by_id[cause] for cause in reversed(list(causes)) if cause in self._by_id), None)


def pack_headers(found: Sequence[tuple[str, Trace]]) -> list[tuple[str, bytes]]:
    """Return the header of a pack that carries (event id, trace) along; none where there is none."""
    return [(HEADER, _encode([(event_id, *one) for event_id, one in found]))] if found else []
