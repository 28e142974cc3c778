"""Draws browsers and phones: which people visit the web shop or use the app, and on which device."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.simulate.people import age_of
from pipelines.simulate.random_stream import Bools, Ints, Texts, chance, pick
from pipelines.simulate.text import hexadecimal
from pipelines.simulate.world import World

_MODELS = pd.DataFrame(
    [
        ("mobile", "Android", "Chrome Mobile", 360, 640, 34),
        ("mobile", "Android", "Samsung Internet", 412, 846, 18),
        ("mobile", "iOS", "Mobile Safari", 375, 667, 20),
        ("mobile", "iOS", "Mobile Safari", 414, 736, 6),
        ("desktop", "Windows", "Chrome", 1920, 1080, 12),
        ("desktop", "Windows", "Internet Explorer", 1366, 768, 8),
        ("desktop", "macOS", "Safari", 1440, 900, 5),
        ("desktop", "Windows", "Firefox", 1600, 900, 2),
        ("tablet", "iOS", "Mobile Safari", 768, 1024, 4),
        ("tablet", "Android", "Chrome", 800, 1280, 2),
    ],
    columns=["device_type", "os", "browser", "screen_width", "screen_height", "weight"],
)


@dataclass(frozen=True)
class Devices:
    """The browsers, and the devices of each person.

    Attributes:
        browsers: one row per browser: cookie_id, device_type, os, browser, screen_width, screen_height.
        first, second: position in `browsers` of each person's browsers, -1 for none. Two people can share one.
        visits_web, uses_app: whether each person visits the web shop or uses the app.
        app, app_os: id and operating system of each person's phone.
    """

    browsers: pd.DataFrame
    first: Ints
    second: Ints
    visits_web: Bools
    uses_app: Bools
    app: Texts
    app_os: Texts

    def browser_of(self, person: Ints, rng: np.random.Generator) -> Ints:
        """Draw the browser (position) that each person uses for a visit."""
        uses_second = (self.second[person] >= 0) & chance(rng, 0.4, len(person))
        return np.where(uses_second, self.second[person], self.first[person])


def draw_devices(world: World, rng: np.random.Generator) -> Devices:
    """Draw the browsers of web visitors and the phones of app users; some couples share a browser."""
    people, age, size = world.people, age_of(world.people), len(world.people)
    member = people["is_member"].to_numpy()
    buyers = np.zeros(size, dtype=bool)
    buyers[world.principal[np.unique(world.market.basket_household[world.is_online])]] = True
    curious = chance(rng, np.where(member, np.clip(0.75 - age / 140, 0.1, 0.8), 0.12), size) & (age >= 12)
    visits = buyers | curious
    app = chance(rng, np.where(member, np.clip(0.72 - age / 110, 0.05, 0.6), 0), size) & (age >= 12)
    first = np.where(visits, np.cumsum(visits) - 1, -1)
    has_second = visits & chance(rng, 0.35, size)
    second = np.where(has_second, visits.sum() + np.cumsum(has_second) - 1, -1)
    head = np.searchsorted(people["household"].to_numpy(), people["household"].to_numpy())
    shares = (people["role"].to_numpy() == "spouse") & visits & (second[head] >= 0) & chance(rng, 0.08, size)
    second = np.where(shares, second[head], second)
    browsers = _MODELS.iloc[pick(rng, _MODELS["weight"].to_numpy(float), int(visits.sum() + has_second.sum()))]
    browsers = browsers.drop(columns="weight").reset_index(drop=True)
    browsers.insert(0, "cookie_id", hexadecimal(rng, "ck_", len(browsers)))
    return Devices(
        browsers=browsers,
        first=first,
        second=second,
        visits_web=visits,
        uses_app=app,
        app=hexadecimal(rng, "d_", size),
        app_os=np.where(chance(rng, 0.68, size), "Android", "iOS").astype(object),
    )
