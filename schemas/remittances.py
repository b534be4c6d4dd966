"""The topic `remittances`: money that a group sent in, and reversals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.fields import Message, MoneyOverZero, Name, Priced, Text64, Time, Uuid


class Remittance(Priced):
    """Money that a group sent in."""

    type: Literal["remittance"]
    event_id: Uuid
    group_id: Name
    amount: MoneyOverZero
    occurred_at: Time
    channel: Literal["bank_transfer", "cash", "goods", "other"]
    levy_id: Name | None = None
    reference: Text64 | None = None


class Reversal(Message):
    """Takes a whole remittance of the same group out."""

    type: Literal["reversal"]
    event_id: Uuid
    group_id: Name
    reverses: Uuid
    occurred_at: Time
    reason: Text64 | None = None


RemittancesMessage = Annotated[Remittance | Reversal, Field(discriminator="type")]
ADAPTER: TypeAdapter[Remittance | Reversal] = TypeAdapter(RemittancesMessage)
MODELS: dict[str, type[Remittance | Reversal]] = {"remittance": Remittance, "reversal": Reversal}
