"""A payment provider behind HTTP: one POST for an instruction, with an `Idempotency-Key`."""

from __future__ import annotations

from typing import Any

import httpx
import orjson

from agent_serving.commerce.errors import MoneyError
from agent_serving.commerce.money import Money
from agent_serving.commerce.payment.provider import (
    Instruction,
    Operation,
    ProviderRefused,
    ProviderUnavailable,
    Receipt,
)


class HttpPaymentProvider:
    """Sends instructions to `POST /v1/<operation>`. Times out as the client says; repeats nothing by itself."""

    def __init__(self, client: httpx.Client) -> None:
        """Use a client with the provider's base URL, credentials and timeout."""
        self._client = client

    def perform(self, instruction: Instruction) -> Receipt:
        """Carry an instruction out, see `PaymentProvider.perform`."""
        body = {
            "order_id": instruction.order_id,
            "minor": instruction.amount.minor,
            "currency": instruction.amount.currency,
            "method": instruction.method,
            "payment_id": instruction.payment_id,
        }
        try:
            answer = self._client.post(
                f"/v1/{instruction.operation}", json=body, headers={"Idempotency-Key": instruction.key}
            )
        except httpx.TransportError as error:
            raise ProviderUnavailable(f"{instruction.operation}: {type(error).__name__}.") from error
        if answer.status_code >= 500 or answer.status_code in (408, 425, 429):
            raise ProviderUnavailable(f"{instruction.operation}: the provider answered {answer.status_code}.")
        if answer.status_code != 200:
            raise ProviderRefused(f"{instruction.operation}: the provider answered {answer.status_code}.")
        try:
            return read_receipt(answer.content)
        except ValueError as error:
            raise ProviderUnavailable(f"{instruction.operation}: the answer is no receipt.") from error


def read_receipt(body: bytes) -> Receipt:
    """Return the receipt that an answer or a webhook carries.

    Raises:
        ValueError: the bytes are no receipt.
    """
    try:
        found: dict[str, Any] = orjson.loads(body)
        return Receipt(
            key=str(found["key"]),
            operation=Operation(found["operation"]),
            order_id=str(found["order_id"]),
            amount=Money(found["minor"], found["currency"]),
            payment_id=str(found["payment_id"]),
            is_accepted=found["is_accepted"] is True,
            reason=str(found.get("reason", "")),
        )
    except (KeyError, TypeError, ValueError, MoneyError) as error:
        raise ValueError(f"no receipt: {type(error).__name__}") from error
