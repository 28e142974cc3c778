"""Errors of orders."""

from agent_serving.commerce.errors import CommerceError


class OrderRefused(CommerceError):
    """An order, its cancellation, approval or refund is refused. `code` says why, for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnknownOrder(CommerceError):
    """There is no order with this id."""

    code = "unknown_order"

    def __init__(self, order_id: str) -> None:
        super().__init__(f"There is no order {order_id}.")


class UnknownInstruction(CommerceError):
    """A receipt is about an instruction that was never given, or about another amount."""

    code = "unknown_instruction"
