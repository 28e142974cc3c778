"""Draws the visits and events of the web shop, with and without an order."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.simulate.device import Devices
from pipelines.simulate.random_stream import Bools, Floats, Ints, Times, between, chance, choose, pick
from pipelines.simulate.records import Records
from pipelines.simulate.search_word import SearchWords
from pipelines.simulate.text import given, label, only, whole
from pipelines.simulate.visit_time import at_usual_hours, draw_times
from pipelines.simulate.world import World

EVENTS = np.array(
    [
        "page_view",
        "search",
        "product_view",
        "wishlist_add",
        "add_to_cart",
        "remove_from_cart",
        "checkout",
        "purchase",
    ],
    dtype=object,
)
_PAGE, _SEARCH, _VIEW, _WISH, _CART, _REMOVE, _CHECKOUT, _PURCHASE = range(8)
_MEAN_SECONDS = np.array([20, 8, 35, 4, 6, 6, 70, 5], dtype=np.float64)
_REFERRERS = {
    "https://search.naver.example/": 36.0,
    "https://www.google.example/": 20.0,
    "https://m.kakao.example/": 10.0,
    "https://mail.bojagi.example/campaign": 8.0,
    "https://www.instagram.example/": 6.0,
}


@dataclass(frozen=True)
class Visits:
    """Arrays with one entry per visit: the person, the bought basket (-1 for none), and a time.

    `at` is the time of the payment, or the start of a visit without purchase.
    """

    person: Ints
    basket: Ints
    at: Times

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True)
class Clicks:
    """Arrays with one entry per event, sorted by visit and time.

    `kind` is a position in `EVENTS`, `line` the market line that the event concerns (-1 for none), `dwell` the seconds
    until the next event.
    """

    visit: Ints
    kind: Ints
    line: Ints
    dwell: Floats
    at: Times


def draw_web(world: World, devices: Devices, rng: np.random.Generator) -> tuple[Records, Records, pd.DataFrame]:
    """Return the sessions, the events, and the wish-list additions (person, member_no, product_id, added_at)."""
    visits = _draw_visits(world, devices, rng)
    clicks = _draw_clicks(world, visits, rng)
    sessions = _sessions(world, devices, visits, clicks, rng)
    events = _events(world, visits, clicks, sessions, rng)
    wished = np.flatnonzero((clicks.kind == _WISH) & sessions.frame["member_no"].notna().to_numpy()[clicks.visit])
    visit = clicks.visit[wished]
    wishes = pd.DataFrame(
        {
            "person": visits.person[visit],
            "member_no": sessions.frame["member_no"].to_numpy(object)[visit],
            "product_id": world.market.line_product[clicks.line[wished]],
            "added_at": clicks.at[wished],
        }
    )
    sessions.arrange(np.argsort(sessions.frame["started_at"].to_numpy(), kind="stable"))
    return sessions, events, wishes


def _draw_visits(world: World, devices: Devices, rng: np.random.Generator) -> Visits:
    """Draw a visit of the principal for each online basket, and at least as many visits without purchase."""
    market = world.market
    bought = np.flatnonzero(world.is_online)
    visitors = np.flatnonzero(devices.visits_web)
    size = max(len(bought), len(visitors))
    person = visitors[pick(rng, rng.gamma(0.7, 1.0, len(visitors)), size)]
    at = draw_times(rng, size)
    looks_up = chance(rng, 0.35, size)
    later = market.basket_at[market.draw_basket(rng, world.people["household"].to_numpy()[person])]
    at = np.where(looks_up, at_usual_hours(rng, later - rng.integers(1, 3, size) * np.timedelta64(86_400, "s")), at)
    return Visits(
        person=np.concatenate([world.principal[market.basket_household[bought]], person]),
        basket=np.concatenate([bought, np.full(size, -1)]),
        at=np.concatenate([market.basket_at[bought], at]),
    )


def _draw_clicks(world: World, visits: Visits, rng: np.random.Generator) -> Clicks:
    """Draw the events of each visit: a first page, some products, and for buyers a checkout and a purchase."""
    buys = visits.basket >= 0
    products = 1 + rng.poisson(np.where(buys, 1.0, 0.8))
    visit = np.repeat(np.arange(len(visits)), products)
    unit = np.arange(len(visit)) - np.repeat(np.cumsum(products) - products, products) + 1
    line = _lines_looked_at(world, visits, visit, rng)
    carts = chance(rng, np.where(buys[visit], 0.9, 0.3), len(visit))
    steps = [
        (_SEARCH, chance(rng, 0.45, len(visit))),
        (_VIEW, np.ones(len(visit), dtype=bool)),
        (_WISH, chance(rng, 0.035, len(visit))),
        (_CART, carts),
        (_REMOVE, carts & chance(rng, 0.08, len(visit))),
    ]
    rows = [(np.arange(len(visits)), np.zeros(len(visits), int), _PAGE, np.full(len(visits), -1))]
    rows += [(visit[keep], unit[keep], kind, line[keep]) for kind, keep in steps]
    ends = np.flatnonzero(buys)
    rows += [(ends, np.full(len(ends), 900), kind, np.full(len(ends), -1)) for kind in (_CHECKOUT, _PURCHASE)]
    of_visit = np.concatenate([row[0] for row in rows])
    kind = np.concatenate([np.full(len(row[0]), row[2]) for row in rows])
    order = np.argsort(of_visit * 10_000 + np.concatenate([row[1] for row in rows]) * 10 + kind, kind="stable")
    of_visit, kind = of_visit[order], kind[order]
    dwell = (_MEAN_SECONDS[kind] * rng.lognormal(0, 0.7, len(kind))).round(1)
    return Clicks(
        of_visit,
        kind,
        np.concatenate([row[3] for row in rows])[order],
        dwell,
        _times(visits, of_visit, kind, dwell),
    )


def _lines_looked_at(world: World, visits: Visits, visit: Ints, rng: np.random.Generator) -> Ints:
    """Draw the market line of each viewed product.

    Buyers view lines of the basket that they buy. Half of the others view lines of a basket of their household, and
    the rest view random lines.
    """
    market = world.market
    popular = rng.integers(0, len(market.line_product), len(visit))
    basket = visits.basket[visit]
    own = market.draw_basket(rng, world.people["household"].to_numpy()[visits.person[visit]])
    basket = np.where(basket >= 0, basket, np.where(chance(rng, 0.5, len(visit)), own, -1))
    known = np.flatnonzero((basket >= 0) & market.is_shoppable[basket])
    popular[known] = market.draw_line(rng, basket[known])
    return popular


def _times(visits: Visits, visit: Ints, kind: Ints, dwell: Floats) -> Times:
    """Return the time of each event; the purchase has the time of its basket."""
    elapsed = np.cumsum(dwell) - dwell
    first = np.flatnonzero(np.diff(visit, prepend=-1))
    since_start = np.floor(elapsed - elapsed[first][visit]).astype(np.int64)
    until_paid = np.zeros(len(visits), dtype=np.int64)
    paid = kind == _PURCHASE
    until_paid[visit[paid]] = since_start[paid]
    return np.asarray((visits.at - until_paid.astype("timedelta64[s]"))[visit] + since_start.astype("timedelta64[s]"))


def _sessions(world: World, devices: Devices, visits: Visits, clicks: Clicks, rng: np.random.Generator) -> Records:
    size, buys = len(visits), visits.basket >= 0
    first = np.flatnonzero(np.diff(clicks.visit, prepend=-1))
    last = np.append(first[1:], len(clicks.visit)) - 1
    browser = devices.browsers.iloc[devices.browser_of(visits.person, rng)].reset_index(drop=True)
    signs_in = chance(rng, np.where(buys, 0.92, 0.45), size)
    number = only(world.used_member_no(visits.person, rng), signs_in)
    gives_email = (buys & ~given(number)) | chance(rng, np.where(~given(number), 0.0, 0.3), size)
    pages = np.bincount(clicks.visit[(clicks.kind == _PAGE) | (clicks.kind == _VIEW)], minlength=size)
    has_referrer = chance(rng, 0.72, size)
    frame = pd.DataFrame(
        {
            "session_id": label(f"s_{world.replica}", np.arange(size), 8),
            "cookie_id": browser["cookie_id"],
            "member_no": number,
            "email": only(world.column("email")[visits.person], gives_email),
            "started_at": clicks.at[first],
            "ended_at": clicks.at[last],
            **{name: browser[name] for name in browser.columns[1:]},
            "referrer": only(choose(rng, list(_REFERRERS), list(_REFERRERS.values()), size), has_referrer),
            "landing_page": choose(
                rng, ["/", "/sale", "/category/fresh", "/category/daily", "/event"], [5, 2, 2, 1, 1], size
            ),
            "page_views": pages,
        }
    )
    return Records("web_session", frame, "session_id", visits.person)


def _events(world: World, visits: Visits, clicks: Clicks, sessions: Records, rng: np.random.Generator) -> Records:
    market, kind, size = world.market, clicks.kind, len(clicks.kind)
    has_line: Bools = (clicks.line >= 0) & (kind != _SEARCH)
    product = market.line_product[np.maximum(clicks.line, 0)]
    searched = np.flatnonzero(kind == _SEARCH)
    korean = world.people["is_korean"].to_numpy()[visits.person[clicks.visit]]
    query = np.full(size, None, dtype=object)
    query[searched] = SearchWords(market.products).draw(rng, product[searched], korean[searched])
    is_last = np.append(np.diff(clicks.visit) > 0, True)
    frame = pd.DataFrame(
        {
            "event_id": label(f"e_{world.replica}", np.arange(size), 9),
            "session_id": sessions.frame["session_id"].to_numpy(object)[clicks.visit],
            "event_at": clicks.at,
            "received_at": between(rng, clicks.at, 6, size),
            "event_type": EVENTS[kind],
            "product_id": whole(product, has_line),
            "order_no": whole(world.order(visits.basket[clicks.visit]), kind == _PURCHASE),
            "query": query,
            "results_count": whole(rng.negative_binomial(2, 0.04, size), kind == _SEARCH),
            "dwell_seconds": np.where(is_last, np.nan, clicks.dwell),
        }
    )
    return Records("web_event", frame, "event_id", received="received_at")


def draw_wishlist(world: World, wishes: pd.DataFrame, rng: np.random.Generator) -> Records:
    """Return one row per member and product on a wish list, from the wish-list additions of web visits."""
    kept = wishes.drop_duplicates(["member_no", "product_id"])
    kept = kept.sort_values("added_at", kind="stable", ignore_index=True)
    removed = between(rng, kept["added_at"].to_numpy() + np.timedelta64(3600, "s"), 60 * 86_400, len(kept))
    removed[~chance(rng, 0.4, len(kept))] = np.datetime64("NaT")
    frame = pd.DataFrame(
        {
            "item_id": label(f"w_{world.replica}", np.arange(len(kept)), 7),
            "member_no": kept["member_no"],
            "product_id": kept["product_id"],
            "added_at": kept["added_at"],
            "removed_at": removed,
        }
    )
    return Records("wishlist", frame, "item_id", kept["person"].to_numpy())
