"""Compares moves and changes of name with the truth of a simulated market: precision, recall and a simple rule."""

from __future__ import annotations

import pandas as pd

from bench.claim import Claim
from bench.insight_event.interval import share
from bench.insight_event.market import AS_OF, true_people
from features.insight.event.life_event import MOVE, NAME, life_event, stated_homes
from installation.installation import Installation
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

LEAST_PRECISION = 0.9


def measure(installation: Installation, lakehouse: SparkLakehouse) -> None:
    """Print precision and recall of moves, of the register's addresses alone, and of changes of name."""
    orders, identifiers = lakehouse.read("gold/order_history"), lakehouse.read("silver/identifier")
    register, cards = lakehouse.read("bronze/crm_customer"), lakehouse.read("bronze/loyalty_card")
    events = life_event(orders, identifiers, register, cards, (AS_OF,)).toPandas()
    homes = stated_homes(orders, identifiers, register).toPandas()
    customers = lakehouse.read("silver/customer").select("customer_id", "address_count").toPandas()
    people = true_people(installation).merge(events, on="customer_id", how="left").merge(customers, on="customer_id")
    people["moved_on"] = pd.to_datetime(people["moved_on"])
    moved = people["moved_on"].notna() & (people["moved_on"] <= pd.Timestamp(AS_OF))
    _moves(people, moved, homes)
    _names(people)


def _moves(people: pd.DataFrame, moved: pd.Series, homes: pd.DataFrame) -> None:
    found = people["move_probability"].fillna(0) >= MOVE.certain_from
    days = pd.to_datetime(homes["day"]).groupby(homes["customer_id"]).agg(["min", "max"])
    first, last = (people["customer_id"].map(days[name]) for name in ("min", "max"))
    is_seen = moved & (first < people["moved_on"]) & (last >= people["moved_on"])
    after, by = pd.to_datetime(people["moved_after"]), pd.to_datetime(people["moved_by"])
    is_dated = (after < people["moved_on"]) & (people["moved_on"] <= by)
    simple = people["address_count"] > 1
    print(f"moves: {moved.sum()} of {len(people):,} customers moved, {is_seen.sum()} with a statement before and after")
    print(f"  found: {found.sum()}; precision {share(moved[found])}")
    print(f"  recall {share(found[moved])}; of those with a statement before and after {share(found[is_seen])}")
    print(f"  true day within moved_after and moved_by {share(is_dated[found & moved])}")
    print(f"  rule 'two addresses in the register': precision {share(moved[simple])}, recall {share(simple[moved])}")
    if found.any():
        wrong = 1 - float(moved[found].mean())
        Claim("moves found that did not happen", wrong, "share", bar=round(1 - LEAST_PRECISION, 6)).print_json()


def _names(people: pd.DataFrame) -> None:
    married = people["married_on"].notna()
    probability = people["name_change_probability"].fillna(0)
    print(f"marriages with a change of name: {married.sum()} customers")
    for limit in (NAME.certain_from, 0.1):
        found = probability >= limit
        print(f"  probability from {limit}: {found.sum()} found, precision {share(married[found])}, recall "
              f"{share(found[married])}")  # fmt: skip
