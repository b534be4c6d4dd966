"""Committed offsets, as Kafka says them.

A broker that doesn't speak for a group, any more or not yet, says so once for all partitions; aiokafka looks at each
partition's own error alone, and finds that nothing is committed. Inputs would be read again from their beginning, and
dead letters be sent a second time.
"""

from __future__ import annotations

from typing import Any

from aiokafka.consumer import consumer, group_coordinator
from aiokafka.errors import NoError, NotCoordinatorForGroupError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest


class HeedingCoordinator(group_coordinator.GroupCoordinator):  # type: ignore[misc]
    """aiokafka's side of a consumer group, which asks again where it is refused."""

    async def _send_req(self, request: Any) -> Any:
        answer = await super()._send_req(request)
        if isinstance(request, OffsetFetchRequest):
            refusal = for_code(getattr(answer, "error_code", 0))
            if refusal is NotCoordinatorForGroupError:
                self.coordinator_dead()
            if refusal is not NoError:
                raise refusal(self.group_id)
        return answer


def install_heeding_coordinator() -> None:
    """Have the consumers of this process that are in a group heed what they are refused."""
    consumer.GroupCoordinator = HeedingCoordinator
