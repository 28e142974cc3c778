"""Chooses where to buy a basket: the cost of each outlet alone, and the cheapest split over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent_serving.commerce.channel.errors import ChannelInputError, NoChannel
from agent_serving.commerce.channel.landed_cost import Order, order_of
from agent_serving.commerce.channel.outlet import Coupon, Outlet, OutletSlot, Shopping
from agent_serving.commerce.channel.split import cheapest_split
from agent_serving.commerce.money import Money, total


@dataclass(frozen=True)
class Choice:
    """Where to buy.

    Attributes:
        orders: the cheapest orders that together are the basket; with equal costs the fewest orders.
        cost: what they cost together.
        is_proven: whether no other choice costs less. Otherwise show it as "not proven".
        alone: the cheapest order of each outlet that sells the whole basket.
        reasons: why each other outlet does not.
    """

    orders: tuple[Order, ...]
    cost: Money
    is_proven: bool
    alone: Mapping[str, Order]
    reasons: Mapping[str, str]


def choose_channel(shopping: Shopping, outlets: Sequence[Outlet], coupons: Sequence[Coupon], now: datetime) -> Choice:
    """Return the cheapest way to buy a basket.

    Offers that have ended are not sold, and slots that begin before `now` or lie outside the wanted span are not
    offered. A coupon counts where it lowers the cost.

    Raises:
        ChannelInputError: an id stands twice.
        CurrencyMismatch: an amount is in another currency than the others.
        NoChannel: nothing sells the whole basket; it says why for each outlet.
    """
    _require_sound(outlets, coupons)
    open_ = [_open(outlet, shopping, now) for outlet in outlets]
    alone: dict[str, Order] = {}
    reasons: dict[str, str] = {}
    for outlet in open_:
        reason = _obstacle(outlet, shopping, next(one for one in outlets if one.id == outlet.id), now)
        orders = [] if reason else _orders(outlet, shopping.basket, coupons)
        if orders:
            alone[outlet.id] = min(orders, key=lambda one: one.cost.minor)
        else:
            reasons[outlet.id] = reason or f"its minimum order is {outlet.minimum}"
    best = min(alone.values(), key=lambda one: one.cost.minor, default=None)
    if shopping.most_orders > 1:
        split = cheapest_split(shopping, open_, coupons, best)
        if split is not None:
            orders = split.orders
            return Choice(orders, _cost(orders), split.is_proven, alone, reasons)
    if best is None:
        raise NoChannel(reasons)
    return Choice((best,), best.cost, True, alone, reasons)


def _cost(orders: Sequence[Order]) -> Money:
    return total((order.cost for order in orders), orders[0].goods.currency)


def _require_sound(outlets: Sequence[Outlet], coupons: Sequence[Coupon]) -> None:
    for name, ids in (("outlet", [one.id for one in outlets]), ("coupon", [one.id for one in coupons])):
        if len(set(ids)) != len(ids):
            raise ChannelInputError(f"Got the id of an {name} twice; expected each once.")
    amounts = [
        *(amount for one in outlets for amount in (one.fee, one.minimum)),
        *(price.unit for one in outlets for price in one.prices.values()),
        *(amount for one in outlets for slot in one.slots for amount in (slot.fee, slot.free_from) if amount),
        *(amount for one in coupons for amount in (one.least, one.off, one.most) if amount is not None),
    ]
    for amount in amounts:
        amount >= amounts[0]  # noqa: B015 raises for another currency


def _open(outlet: Outlet, shopping: Shopping, now: datetime) -> Outlet:
    """Return the outlet with the offers that hold now and the slots that the customer can take."""
    prices = {
        item: price for item, price in outlet.prices.items()
        if item in shopping.basket and price.stock > 0 and not price.is_stale(now)
    }  # fmt: skip
    first = max(shopping.from_, now)
    slots = [slot for slot in outlet.slots if first <= slot.start and slot.end <= shopping.until]
    return Outlet(outlet.id, prices, slots, outlet.minimum, outlet.fee)


def _obstacle(outlet: Outlet, shopping: Shopping, whole: Outlet, now: datetime) -> str | None:
    if not outlet.slots:
        return "no slot in the wanted time"
    for item, count in shopping.basket.items():
        price = whole.prices.get(item)
        if price is None:
            return f"does not sell {item!r}"
        if price.is_stale(now):
            return f"the offer of {item!r} has ended"
        if price.stock < count:
            return f"has {price.stock} of {count} units of {item!r}"
    return None


def _orders(outlet: Outlet, units: Mapping[str, int], coupons: Sequence[Coupon]) -> list[Order]:
    """Return the order with every slot and coupon, the earliest slot first."""
    usable = [None, *(coupon for coupon in coupons if outlet.id in coupon.outlets)]
    slots: list[OutletSlot] = sorted(outlet.slots, key=lambda slot: (slot.start, slot.id))
    found = (order_of(outlet, units, slot, coupon) for slot in slots for coupon in usable)
    return [order for order in found if order is not None]
