"""Draws the delivery of each online basket, and the returned lines of all baskets."""

import numpy as np
import pandas as pd

from pipelines.simulate.address import at_home
from pipelines.simulate.contact import new_phones, write_phones
from pipelines.simulate.names import draw_given, draw_surnames, full_name
from pipelines.simulate.random_stream import Ints, Texts, Times, between, chance, choose
from pipelines.simulate.records import Records
from pipelines.simulate.text import label, only
from pipelines.simulate.visit_time import at_usual_hours, within_hours
from pipelines.simulate.world import World

_REASONS = {"단순변심": 45.0, "상품불량": 22.0, "오배송": 10.0, "파손": 13.0, "유통기한": 10.0}
_FIRST_WAYBILL = 100_000_000_000
_WAYBILLS = 800_000_000  # numbers reserved for each replica; those of a thousand replicas have twelve digits
_LARGEST_RETURN = 20  # most units of a line that can be returned


def draw_deliveries(world: World, rng: np.random.Generator) -> Records:
    """Return one row per online basket: receiver, address, delivery times, fee and weight in kilograms."""
    market, basket = world.market, np.flatnonzero(world.is_online)
    basket = basket[np.argsort(world.market.basket_at[basket], kind="stable")]
    size, home = len(basket), world.market.basket_household[basket]
    ordered = market.basket_at[basket]
    moved = world.has_moved(home, ordered) & chance(rng, 0.95, size)
    place = world.regions.iloc[
        np.where(moved, world.households["new_dong"].to_numpy()[home], world.households["dong"].to_numpy()[home])
    ]
    method = choose(rng, ["새벽배송", "일반배송", "매장픽업"], [38, 50, 12], size)
    ready = rng.uniform(0.3, 5, size)
    shipped = ordered + (ready * 3600).astype("timedelta64[s]")
    delivered = _delivered(method, shipped, rng)
    delivered[chance(rng, 0.008, size)] = np.datetime64("NaT")
    name, phone = _receivers(world, home, rng)
    value = np.bincount(market.line_basket, market.line_value, minlength=len(market.basket_id))[basket]
    free = (value >= 40) | (method == "매장픽업")
    addresses = [at_home(world.homes.iloc[home], world.new_homes.iloc[home], moved, c) for c in ("address", "variant")]
    frame = pd.DataFrame(
        {
            "delivery_no": label("", _FIRST_WAYBILL + world.replica * _WAYBILLS + np.arange(size) * 17, 12),
            "order_no": world.order(basket),
            "receiver_name": name,
            "receiver_phone": write_phones(rng, phone),
            "address": np.where(chance(rng, 0.25, size), addresses[1], addresses[0]),
            "sigungu": place["sigungu"].to_numpy(object),
            "dong": only(place["dong"].to_numpy(object), ~chance(rng, 0.03, size)),
            "method": method,
            "ordered_at": ordered,
            "shipped_at": shipped,
            "delivered_at": delivered,
            "fee": np.where(free, 0.0, np.where(method == "새벽배송", 3.5, 2.5)),
            "weight_kg": (market.line_count[basket] * rng.lognormal(-0.5, 0.4, size)).round(2),
        }
    )
    return Records("delivery", frame, "delivery_no", world.principal[home])


def _delivered(method: Texts, shipped: Times, rng: np.random.Generator) -> Times:
    """Draw the time of each delivery: at dawn, in a delivery van's hours on a later day, or in the store's hours."""
    size, is_dawn, is_van = len(method), method == "새벽배송", method == "일반배송"
    hours = np.select([is_dawn, is_van], [np.full(size, 2.0), rng.uniform(8, 56, size)], rng.uniform(0.5, 12, size))
    first, last = np.select([is_dawn, is_van], [3, 9], 9), np.select([is_dawn, is_van], [7, 21], 22)
    return within_hours(rng, shipped + (hours * 3600).astype("timedelta64[s]"), first, last)


def draw_returns(world: World, rng: np.random.Generator) -> Records:
    """Return one row per returned line; quantity and refund are at most those of the purchase."""
    market = world.market
    online = world.is_online[market.line_basket]
    few = market.line_quantity <= _LARGEST_RETURN
    line = np.flatnonzero(few & (market.line_value > 0) & chance(rng, np.where(online, 0.02, 0.0015), len(online)))
    size, basket = len(line), market.line_basket[line]
    bought = market.line_quantity[line]
    quantity = np.where(chance(rng, 0.7, size), bought, 1 + np.floor(rng.random(size) * bought)).astype(int)
    frame = pd.DataFrame(
        {
            "return_no": label(f"R{world.replica:02d}", np.arange(size) + 1, 8),
            "order_no": world.order(basket),
            "product_id": market.line_product[line],
            "returned_at": at_usual_hours(
                rng, between(rng, market.basket_at[basket] + np.timedelta64(86_400, "s"), 12 * 86_400, size)
            ),
            "quantity": quantity,
            "refund_amount": np.floor(market.line_value[line] * quantity / bought * 100 + 1e-6) / 100,
            "reason": choose(rng, list(_REASONS), list(_REASONS.values()), size),
        }
    )
    records = Records("return_item", frame, "return_no", world.principal[market.basket_household[basket]])
    records.arrange(np.argsort(frame["returned_at"].to_numpy(), kind="stable"))
    return records


def _receivers(world: World, home: Ints, rng: np.random.Generator) -> tuple[Texts, Texts]:
    """Return name and phone of each receiver: the principal, another adult of the household, or a friend."""
    size = len(home)
    role, household = world.column("role"), world.people["household"].to_numpy()
    other = np.searchsorted(household, np.arange(len(world.households)))  # the head
    other[household[role == "spouse"]] = np.flatnonzero(role == "spouse")
    by_other = chance(rng, 0.07, size)
    person = np.where(by_other, other[home], world.principal[home])
    name, phone = world.column("name")[person].copy(), world.column("phone")[person].copy()
    friend = np.flatnonzero(chance(rng, 0.04, size))
    korean = world.people["is_korean"].to_numpy()[person[friend]]
    surname, given = (
        draw_surnames(rng, korean)[0],
        draw_given(rng, korean, world.column("sex")[person[friend]], np.full(len(friend), 1975))[0],
    )
    name[friend] = full_name(korean, surname, given)
    phone[friend] = new_phones(korean, 15_000 + np.arange(len(friend)), world.replica, rng)
    return name, phone
