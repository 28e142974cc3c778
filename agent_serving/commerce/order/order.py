"""An order: its lines with frozen shares, its amount and its states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from agent_serving.commerce.money import Money, total
from agent_serving.commerce.order.errors import OrderRefused

DELIVERY = "delivery"
"""The product id of the line with the fee for delivery, which has no stock."""
MOST_UNITS = 10_000
"""The most units of one line."""


class State(StrEnum):
    """Where an order is.

    awaiting_approval → placed → authorised → paid; before the capture each may be cancelled (cancelling → cancelled). A
    declined payment ends in declined. In review, a person must look: the provider said what the rules do not expect.
    """

    AWAITING_APPROVAL = "awaiting_approval"
    PLACED = "placed"
    AUTHORISED = "authorised"
    PAID = "paid"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    REVIEW = "review"


@dataclass(frozen=True)
class Offer:
    """A price of a product in a store, and the moment until which it is promised."""

    offer_id: str
    product_id: str
    store_id: str
    price: Money
    valid_until: datetime


class OfferSource(Protocol):
    """Where the current offers are."""

    def offers(self, ids: Sequence[str]) -> Mapping[str, Offer]:
        """Return the offers with these ids; an unknown id is left out."""


@dataclass(frozen=True)
class Wish:
    """One line of a request: an offer, the price that the customer saw, and how many."""

    offer_id: str
    price: Money
    quantity: int


@dataclass(frozen=True)
class OrderRequest:
    """What a customer orders. `request_key`: the same for each repetition of one request, and for no other.

    `method`: the provider's own name of a card or account. `coupon`: a code, or empty.
    """

    request_key: str
    customer_id: str
    wishes: tuple[Wish, ...]
    method: str
    delivery: Money
    coupon: str = ""


@dataclass(frozen=True)
class Line:
    """One line of an order. `paid` is what was paid for all its units, frozen when the order was placed."""

    number: int
    product_id: str
    store_id: str
    quantity: int
    price: Money
    paid: Money
    refunded: int = 0

    def refund_of(self, units: int) -> Money:
        """Return what the next `units` units to be refunded have cost; all units together cost exactly `paid`.

        Raises:
            OrderRefused: fewer units are left.
        """
        if not 1 <= units <= self.quantity - self.refunded:
            raise OrderRefused(
                "refund_above_capture",
                f"Line {self.number}: {units} units cannot be refunded, {self.quantity - self.refunded} are left.",
            )
        shares = self.paid.split([1] * self.quantity)
        return total(shares[self.refunded : self.refunded + units], self.paid.currency)


@dataclass(frozen=True)
class Order:
    """An order as it is stored. `reason`: why it was cancelled, declined or is in review; empty otherwise.

    `approved`: the amount that the customer approved by step-up; None if there is no approval.
    """

    order_id: str
    customer_id: str
    method: str
    state: State
    reason: str
    amount: Money
    coupon: str
    needs_approval: bool
    approved: Money | None
    payment_id: str
    expires_at: str
    lines: tuple[Line, ...]

    @property
    def is_approved(self) -> bool:
        """Whether nothing stands between the order and its payment: no approval is needed, or it is of this amount."""
        return not self.needs_approval or self.approved == self.amount


def lines_of(request: OrderRequest, offers: Mapping[str, Offer], off: Money) -> tuple[Line, ...]:
    """Return the lines with the coupon's discount divided among the goods by the largest remainder.

    Raises:
        OrderRefused: an offer is gone or has another price, or a quantity is no positive number.
        MoneyError: prices are in several currencies.
    """
    if not request.wishes or any(
        type(one.quantity) is not int or not 1 <= one.quantity <= MOST_UNITS for one in request.wishes
    ):
        raise OrderRefused("invalid_quantity", f"Each line needs a quantity from 1 to {MOST_UNITS}.")
    goods = [one.price * one.quantity for one in request.wishes]
    value = total(goods, request.delivery.currency)
    discounts = off.split([one.minor for one in goods]) if off else [off] * len(goods)
    lines = [
        Line(number, offer.product_id, offer.store_id, wish.quantity, wish.price, gross - discount)
        for number, (wish, gross, discount) in enumerate(zip(request.wishes, goods, discounts, strict=True), 1)
        if (offer := offers.get(wish.offer_id)) is not None and offer.price == wish.price
    ]
    if len(lines) < len(goods):
        raise OrderRefused("stale_offer", "An offer is gone or has another price now. Read the offers again.")
    if request.delivery:
        lines.append(Line(len(lines) + 1, DELIVERY, "", 1, request.delivery, request.delivery))
    assert total((line.paid for line in lines), value.currency) == value - off + request.delivery
    return tuple(lines)
