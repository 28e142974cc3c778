"""The landed cost of one order: goods, less the coupon, with the fees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent_serving.commerce.channel.outlet import Coupon, Outlet, OutletSlot
from agent_serving.commerce.money import Money, total


@dataclass(frozen=True)
class Order:
    """One order at an outlet with its cost: `cost` = `goods` − `discount` + `fees`."""

    outlet: str
    units: Mapping[str, int]
    slot: OutletSlot
    coupon: str | None
    goods: Money
    discount: Money
    fees: Money

    @property
    def cost(self) -> Money:
        """What is paid."""
        return self.goods - self.discount + self.fees


def order_of(outlet: Outlet, units: Mapping[str, int], slot: OutletSlot, coupon: Coupon | None) -> Order | None:
    """Return the order; None if its goods are worth less than the outlet's minimum or than the coupon needs."""
    currency = outlet.fee.currency
    values = {item: outlet.prices[item].unit * count for item, count in units.items()}
    goods, discount = total(values.values(), currency), Money(0, currency)
    if goods < outlet.minimum:
        return None
    if coupon is not None:
        some = total(
            (value for item, value in values.items() if coupon.items is None or item in coupon.items), currency
        )
        taken = coupon.discount(some)
        if taken is None:
            return None
        discount = taken
    fees = outlet.fee + slot_fee(slot, goods)
    return Order(outlet.id, dict(units), slot, coupon.id if coupon else None, goods, discount, fees)


def slot_fee(slot: OutletSlot, goods: Money) -> Money:
    """Return the fee of a slot for goods of this value, before coupons."""
    is_free = slot.free_from is not None and goods >= slot.free_from
    return Money(0, slot.fee.currency) if is_free else slot.fee
