"""The port of a payment provider: instructions with an idempotency key, and receipts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from agent_serving.commerce.errors import CommerceError
from agent_serving.commerce.money import Money


class ProviderUnavailable(CommerceError):
    """The provider did not answer, so it is unknown whether it acted. Send the same instruction again."""

    code = "provider_unavailable"


class ProviderRefused(CommerceError):
    """The provider refuses the instruction itself, such as a key that was used with another amount."""

    code = "provider_refused"


class Operation(StrEnum):
    """What a provider is told to do. `authorise` reserves an amount, `capture` takes it, `void` gives it up."""

    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


@dataclass(frozen=True)
class Instruction:
    """One instruction. The provider acts on a key once, however often it arrives.

    `method`: the provider's own name of a card or account, for `authorise`. `payment_id`: the provider's name of the
    payment, for the other operations.
    """

    key: str
    operation: Operation
    order_id: str
    amount: Money
    method: str = ""
    payment_id: str = ""


@dataclass(frozen=True)
class Receipt:
    """What the provider did with an instruction. `reason`: why it was declined; empty if it was accepted."""

    key: str
    operation: Operation
    order_id: str
    amount: Money
    payment_id: str
    is_accepted: bool
    reason: str = ""

    def answers(self, instruction: Instruction) -> bool:
        """Return whether the receipt is about this instruction, to the smallest unit."""
        told = (instruction.key, instruction.operation, instruction.order_id, instruction.amount)
        return told == (self.key, self.operation, self.order_id, self.amount)


class PaymentProvider(Protocol):
    """Whoever moves the money. It must honour idempotency keys."""

    def perform(self, instruction: Instruction) -> Receipt:
        """Carry the instruction out, once for its key, and return the receipt.

        Raises:
            ProviderUnavailable: it is unknown whether it was carried out.
            ProviderRefused: it was not carried out, and never will be.
        """
