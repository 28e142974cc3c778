"""Splits a basket over outlets at the least cost, with OR-Tools' CP-SAT in whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from agent_serving.commerce.channel.landed_cost import Order, order_of, slot_fee
from agent_serving.commerce.channel.outlet import Coupon, Outlet, OutletSlot, Shopping

EFFORT = 10.0
"""Deterministic time of CP-SAT, so that the same question has the same answer on every machine."""


@dataclass(frozen=True)
class Split:
    """The orders of a split, and whether no split costs less."""

    orders: tuple[Order, ...]
    is_proven: bool


class _Terms:
    """One outlet in the model: units, goods, the slot taken, the coupon taken, and the cost of the order."""

    def __init__(self, model: cp_model.CpModel, shopping: Shopping, outlet: Outlet, coupons: Sequence[Coupon]) -> None:
        self.outlet = outlet
        self.is_open = model.new_bool_var("")
        self.units = {
            item: model.new_int_var(0, min(count, outlet.prices[item].stock), "")
            for item, count in shopping.basket.items()
            if item in outlet.prices
        }
        self._most = sum(outlet.prices[item].unit.minor * count for item, count in shopping.basket.items()
                         if item in outlet.prices)  # fmt: skip
        for var in self.units.values():
            model.add(var == 0).only_enforce_if(~self.is_open)
        model.add(sum(self.units.values()) >= 1).only_enforce_if(self.is_open)
        self._goods = self._value(None)
        model.add(self._goods >= outlet.minimum.minor).only_enforce_if(self.is_open)
        self.slots = [(slot, model.new_bool_var("")) for slot in outlet.slots]
        model.add(sum(var for _, var in self.slots) == self.is_open)
        self.coupons = [(one, model.new_bool_var("")) for one in coupons if outlet.id in one.outlets]
        model.add(sum(var for _, var in self.coupons) <= self.is_open)
        self.cost = self._goods + outlet.fee.minor * self.is_open + sum(
            [*(self._slot_fee(model, slot, var) for slot, var in self.slots),
             *(-self._discount(model, coupon, var) for coupon, var in self.coupons)]
        )  # fmt: skip

    def _value(self, items: frozenset[str] | None) -> cp_model.LinearExprT:
        return sum(
            self.outlet.prices[item].unit.minor * var
            for item, var in self.units.items()
            if items is None or item in items
        )

    def _slot_fee(self, model: cp_model.CpModel, slot: OutletSlot, taken: cp_model.IntVar) -> cp_model.LinearExprT:
        if slot.free_from is None:
            return slot.fee.minor * taken
        is_free = model.new_bool_var("")
        model.add_implication(is_free, taken)
        model.add(self._goods >= slot.free_from.minor).only_enforce_if(is_free)
        return slot.fee.minor * taken - slot.fee.minor * is_free

    def _discount(self, model: cp_model.CpModel, coupon: Coupon, taken: cp_model.IntVar) -> cp_model.IntVar:
        """Return a variable that is at most the discount; the search makes it as large as possible."""
        goods = self._value(coupon.items)
        off = model.new_int_var(0, self._most, "")
        model.add(off == 0).only_enforce_if(~taken)
        model.add(goods >= coupon.least.minor).only_enforce_if(taken)
        if coupon.off:
            model.add(off <= coupon.off.minor)
            model.add(off <= goods)
        else:
            model.add(10_000 * off <= coupon.basis_points * goods)
            if coupon.most is not None:
                model.add(off <= coupon.most.minor)
        return off


def cheapest_split(
    shopping: Shopping, outlets: Sequence[Outlet], coupons: Sequence[Coupon], alone: Order | None
) -> Split | None:
    """Return the cheapest orders, at most `most_orders`, that together are the basket; None if there are none.

    With equal costs it has the fewest orders. `alone` is the cheapest single order, the answer when the effort ends
    before anything better is found.
    """
    model = cp_model.CpModel()
    terms = [_Terms(model, shopping, outlet, coupons) for outlet in outlets if outlet.slots and outlet.prices]
    for item, count in shopping.basket.items():
        model.add(sum(one.units[item] for one in terms if item in one.units) == count)
    for coupon in coupons:
        model.add(sum(var for one in terms for own, var in one.coupons if own is coupon) <= 1)
    opened = sum(one.is_open for one in terms)
    model.add(opened <= shopping.most_orders)
    model.minimize((len(terms) + 1) * sum(one.cost for one in terms) + opened)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = EFFORT
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None if alone is None or status == cp_model.INFEASIBLE else Split((alone,), False)
    found = tuple(_order(one, solver) for one in terms if solver.value(one.is_open))
    return Split(found, status == cp_model.OPTIMAL)


def _order(terms: _Terms, solver: cp_model.CpSolver) -> Order:
    units = {item: solver.value(var) for item, var in terms.units.items() if solver.value(var)}
    slot = next(slot for slot, var in terms.slots if solver.value(var))
    coupon = next((coupon for coupon, var in terms.coupons if solver.value(var)), None)
    order = order_of(terms.outlet, units, slot, coupon)
    assert order is not None
    goods = order.goods
    # Of slots with the same fee, the earliest.
    best = min(terms.outlet.slots, key=lambda one: (slot_fee(one, goods).minor, one.start, one.id))
    return (
        order
        if slot_fee(best, goods) == slot_fee(slot, goods) and best is slot
        else (order_of(terms.outlet, units, best, coupon) or order)
    )
