"""Draws the events of the mobile app: openings at any time, after a push message, and in the store."""

import numpy as np
import pandas as pd

from pipelines.simulate.device import Devices
from pipelines.simulate.random_stream import Bools, Ints, Times, between, chance, pick
from pipelines.simulate.records import Records
from pipelines.simulate.text import label, only, whole
from pipelines.simulate.visit_time import draw_times, within_hours
from pipelines.simulate.world import World

EVENTS = np.array(
    ["app_open", "push_open", "search", "product_view", "add_to_cart", "scan_barcode", "store_locator"],
    dtype=object,
)
_OPEN, _PUSH, _SEARCH, _VIEW, _CART, _SCAN, _LOCATE = range(7)
_SCREENS = np.array(["home", "campaign", "search", "product", "cart", "scanner", "stores"], dtype=object)
_AT_HOME = [0, 0, 25, 50, 15, 2, 8]  # weights of the events after an opening outside a store
_IN_STORE = [0, 0, 8, 22, 4, 55, 11]  # weights of the events after an opening in a store
_OPENINGS_PER_USER = 22.0
_RELEASES = np.array(["4.8.1", "4.9.0", "5.0.0", "5.1.2"], dtype=object)
_RELEASED = np.array(["2016-11-01", "2017-03-06", "2017-07-01", "2017-10-16"], dtype="datetime64[s]")


def draw_app_events(world: World, devices: Devices, rng: np.random.Generator) -> Records:
    """Return one row per app event. Products scanned in a store are in the basket that is bought afterwards."""
    person, start, basket, campaign = _openings(world, devices, rng)
    follow = rng.poisson(2.3, len(person))
    opening = np.repeat(np.arange(len(person)), follow + 1)
    nth = np.arange(len(opening)) - np.repeat(np.cumsum(follow + 1) - follow - 1, follow + 1)
    kind = _kinds(opening, nth, basket, campaign, rng)
    line = _lines(world, basket[opening], rng)
    member = only(world.used_member_no(person, rng), chance(rng, 0.9, len(person)))[opening]
    wait = np.where(nth == 0, 0, np.ceil(rng.exponential(35, len(nth)))).astype(int)
    since = np.cumsum(wait) - np.repeat(np.cumsum(wait)[nth == 0], follow + 1)
    at = start[opening] + since.astype("timedelta64[s]")
    has_product = np.isin(kind, (_VIEW, _CART, _SCAN))
    frame = pd.DataFrame(
        {
            "event_id": label(f"a_{world.replica}", np.arange(len(kind)), 9),
            "device_id": devices.app[person[opening]],
            "member_no": member,
            "event_at": at,
            "received_at": between(rng, at, 20, len(at)),
            "event_type": EVENTS[kind],
            "product_id": whole(world.market.line_product[line], has_product),
            "screen": _SCREENS[kind],
            "os": devices.app_os[person[opening]],
            "app_version": _RELEASES[np.searchsorted(_RELEASED, at, side="right") - 1],
            "push_campaign_id": whole(campaign[opening], kind == _PUSH),
        }
    )
    return Records("app_event", frame, "event_id", person[opening], truth_key="device_id", received="received_at")


def _openings(world: World, devices: Devices, rng: np.random.Generator) -> tuple[Ints, Times, Ints, Ints]:
    """Return for each opening: person, start, basket bought soon after (-1 for none), push campaign (-1 for none)."""
    market = world.market
    users = np.flatnonzero(devices.uses_app)
    size = int(_OPENINGS_PER_USER * len(users))
    person = users[pick(rng, rng.gamma(1.0, 1.0, len(users)), size)]
    start = draw_times(rng, size)
    shops = chance(rng, 0.4, size)
    basket = market.draw_basket(rng, world.people["household"].to_numpy()[person])
    in_store: Bools = shops & ~world.is_online[basket] & market.is_shoppable[basket]
    basket = np.where(in_store, basket, -1)
    before = rng.integers(300, 2_400, size).astype("timedelta64[s]")
    start = np.where(in_store, market.basket_at[np.maximum(basket, 0)] - before, start)
    pushed, push_start, campaign = _pushes(world, devices, rng)
    return (
        np.concatenate([person, pushed]),
        np.concatenate([start, push_start]),
        np.concatenate([basket, np.full(len(pushed), -1)]),
        np.concatenate([np.full(size, -1), campaign]),
    )


def _pushes(world: World, devices: Devices, rng: np.random.Generator) -> tuple[Ints, Times, Ints]:
    """Return person, time and campaign of each opened push message, in the first days of the campaign.

    Only campaigns that started in 2017 or later are used.
    """
    mailed = world.market.campaigns
    mailed = mailed[mailed["start_date"] >= "2017-01-01"]
    household = np.searchsorted(world.market.household_id, mailed["household_id"].to_numpy())
    person = world.principal[household]
    opens = devices.uses_app[person] & chance(rng, 0.6, len(person))
    start = mailed["start_date"].to_numpy().astype("datetime64[s]")[opens]
    return (
        person[opens],
        within_hours(rng, between(rng, start, 3 * 86_400, int(opens.sum())), 9, 23),
        mailed["campaign_id"].to_numpy()[opens],
    )


def _kinds(opening: Ints, nth: Ints, basket: Ints, campaign: Ints, rng: np.random.Generator) -> Ints:
    follows = np.where(
        basket[opening] >= 0,
        pick(rng, [float(w) for w in _IN_STORE], len(nth)),
        pick(rng, [float(w) for w in _AT_HOME], len(nth)),
    )
    return np.where(nth > 0, follows, np.where(campaign[opening] >= 0, _PUSH, _OPEN))


def _lines(world: World, basket: Ints, rng: np.random.Generator) -> Ints:
    line = rng.integers(0, len(world.market.line_product), len(basket))
    known = np.flatnonzero(basket >= 0)
    line[known] = world.market.draw_line(rng, basket[known])
    return line
