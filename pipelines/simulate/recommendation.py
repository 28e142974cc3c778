"""Draws the recommendations shown to members and their outcomes. A purchase outcome names a real basket's product."""

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import chance, choose
from pipelines.simulate.records import Records
from pipelines.simulate.text import label
from pipelines.simulate.visit_time import draw_times
from pipelines.simulate.world import World

_SHOWN_PER_MEMBER = 2.6
_BOUGHT_SHARE = 0.08


def draw_recommendations(world: World, rng: np.random.Generator) -> Records:
    """Return one row per shown product. A product marked `purchased` is in a basket of the account within two days."""
    market, members = world.market, world.members
    size = int(_SHOWN_PER_MEMBER * len(members))
    row = rng.integers(0, len(members), size)
    person = members["person"].to_numpy()[row]
    basket = market.draw_basket(rng, world.people["household"].to_numpy()[person])
    buys = chance(rng, _BOUGHT_SHARE, size) & market.is_shoppable[basket]
    line = rng.integers(0, len(market.line_product), size)
    line[buys] = market.draw_line(rng, basket[buys])
    paid = market.basket_at[basket]
    shown = np.where(buys, paid - rng.integers(1_800, 172_800, size).astype("timedelta64[s]"), draw_times(rng, size))
    outcome = np.where(buys, "purchased", choose(rng, ["ignored", "clicked", "dismissed"], [76, 18, 6], size))
    reacted = shown + rng.integers(2, 600, size).astype("timedelta64[s]")
    reacted = np.where(buys, paid, reacted)
    reacted[outcome == "ignored"] = np.datetime64("NaT")
    frame = pd.DataFrame(
        {
            "recommendation_id": label(f"rec_{world.replica}", np.arange(size), 7),
            "member_no": members["member_no"].to_numpy(object)[row],
            "product_id": market.line_product[line],
            "slot": choose(rng, ["home", "product_page", "cart", "email", "push"], [35, 30, 15, 12, 8], size),
            "algorithm": choose(rng, ["popular", "also_bought", "repurchase", "new_arrival"], [30, 30, 28, 12], size),
            "shown_at": shown,
            "outcome": outcome.astype(object),
            "outcome_at": reacted,
        }
    )
    records = Records("recommendation_event", frame, "recommendation_id", person)
    records.arrange(np.argsort(shown, kind="stable"))
    return records
