"""What is sold where, at which price and under which terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent_serving.commerce.channel.errors import ChannelInputError
from agent_serving.commerce.money import Money

_WHOLE = 10_000
"""Basis points of the whole."""


@dataclass(frozen=True)
class Price:
    """The price of one unit, the units in stock, and the instant at which the offer ends; None if it does not."""

    unit: Money
    stock: int
    until: datetime | None = None

    def is_stale(self, now: datetime) -> bool:
        """Return whether the offer has ended."""
        return self.until is not None and self.until <= now


@dataclass(frozen=True)
class OutletSlot:
    """A slot of an outlet, of delivery or collection, with its fee. `free_from` of goods the fee is waived."""

    id: str
    start: datetime
    end: datetime
    fee: Money
    free_from: Money | None = None


@dataclass(frozen=True)
class Outlet:
    """A store in one channel, such as "Gangnam, delivery".

    Attributes:
        id: name of the outlet.
        prices: by product; a product that is not listed is not sold.
        slots: at least one is needed for an order.
        minimum: the least value of goods of an order, before coupons; zero for none.
        fee: charged for every order whatever the slot, such as a packing fee.
    """

    id: str
    prices: Mapping[str, Price]
    slots: Sequence[OutletSlot]
    minimum: Money
    fee: Money


@dataclass(frozen=True)
class Coupon:
    """A discount on one order; at most one coupon on each order, and each coupon at most once.

    Attributes:
        id: name of the coupon.
        outlets: where it is valid.
        least: the least value of the goods that it is for.
        off: a fixed amount, at most the value of these goods; zero if it is a share.
        basis_points: a share of the value of these goods in 1/10,000, rounded down to the smallest unit.
        most: the most that a share takes off; None for no limit.
        items: the products that it is for; None for all.
    """

    id: str
    outlets: frozenset[str]
    least: Money
    off: Money
    basis_points: int = 0
    most: Money | None = None
    items: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.basis_points <= _WHOLE or bool(self.basis_points) == bool(self.off):
            raise ChannelInputError(
                f"Coupon {self.id!r}: expected either an amount or a share of 1 to 10,000 basis points."
            )

    def discount(self, goods: Money) -> Money | None:
        """Return what it takes off goods of this value; None if they are worth less than `least`."""
        if goods < self.least:
            return None
        if self.off:
            return min(self.off, goods)
        share = Money(goods.minor * self.basis_points // _WHOLE, goods.currency)
        return share if self.most is None else min(share, self.most)


@dataclass(frozen=True)
class Shopping:
    """What is wanted: units by product, the span in which a slot may lie, and the most orders it may be split into."""

    basket: Mapping[str, int]
    from_: datetime
    until: datetime
    most_orders: int = 1

    def __post_init__(self) -> None:
        if not self.basket or min(self.basket.values()) < 1 or self.most_orders < 1:
            raise ChannelInputError("Expected a basket with 1 unit or more of each product, and 1 order or more.")
