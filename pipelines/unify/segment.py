"""Builds gold/segment: the card of each segment, by day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.insight.group_size import K, told_size
from features.insight.segment.card import (
    DAY_PARTS,
    DAYS,
    MOVE_DAYS,
    Card,
    CategoryFigure,
    Moments,
    TraitFigure,
    compare,
    rounded,
    told_shares,
    trait_figures,
)
from features.insight.segment.naming import Name, name_segments
from features.insight.segment.trait import TABLE, TRAITS
from features.transform.sensitive_category import is_sensitive
from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables
from pipelines.lakehouse.spark_type import spark_schema
from pipelines.unify.customer_segment import MOVE, kept_days
from pipelines.unify.segment_model import SEGMENT, raw_traits

CARD = "gold/segment"
CATEGORY = "gold/customer_category_share"
WEEK = "gold/customer_temporal_pattern"
BANDS = ("economy", "standard", "premium")
CHANNELS = ("store", "web", "app", "email")
TOP = 5
CHANGE_DAYS = 28
"""A card is compared with the newest one that is at least this old, or else with the oldest."""
Figures = Mapping[str, Any]


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per segment and day: the reference date, the newest day before it, and former ends of months."""
    contract = context.contracts.table(CARD)
    schema = spark_schema(contract)
    former = kept_days(tables[PREVIOUS], context).select(*(column.name for column in contract.columns))
    rows = (
        tables[SEGMENT].where(F.col("as_of") == F.lit(context.as_of)).select("customer_id", "segment_id", "fitted_on")
    )
    sums = _sums(rows, tables)
    if not sums:
        return former
    past = [Card.from_json(row["card"]) for row in former.select("card").collect()]
    moves = _moves(tables[MOVE], context.as_of)
    cards = _cards(sums, _categories(rows, tables[CATEGORY]), past, context.as_of)
    cards = [replace(card, moved_in=moves.get(card.segment_id, {})) for card in cards]
    made = [tuple(_row(card)[field.name] for field in schema.fields) for card in cards]
    return former.unionByName(context.spark.createDataFrame(made, schema))


def _sums(rows: DataFrame, tables: Tables) -> dict[str, Figures]:
    """Return sums and counts over the customers of each segment of at least K, by segment."""
    people = tables[TABLE].select(
        "customer_id", "preferred_price_band", F.split("channels", ",").alias("_channels"), *raw_traits()
    )
    shares = [f"{name}_share" for name in (*DAYS, *DAY_PARTS)]
    joined = rows.join(people, "customer_id").join(tables[WEEK].select("customer_id", *shares), "customer_id", "left")
    sums = [F.count(F.lit(1)).alias("customers"), F.max("fitted_on").alias("fitted_on")]
    for trait in TRAITS:
        value = F.col(trait.name)
        sums += [F.count(value).alias(f"n_{trait.name}"), F.sum(value).alias(f"s_{trait.name}"),
                 F.sum(value * value).alias(f"q_{trait.name}")]  # fmt: skip
    sums += [F.count(F.when(F.col("preferred_price_band") == band, 1)).alias(f"band_{band}") for band in BANDS]
    sums += [F.count(F.when(F.array_contains("_channels", one), 1)).alias(f"channel_{one}") for one in CHANNELS]
    sums += [F.avg(name).alias(name) for name in shares]
    found = joined.groupBy("segment_id").agg(*sums, F.count(shares[0]).alias("week_customers")).collect()
    return {row["segment_id"]: row.asDict() for row in sorted(found, key=_order) if row["customers"] >= K}


def _order(row: Any) -> tuple[int, str]:
    """The largest segment comes first, so that it chooses its name first."""
    return -row["customers"], row["segment_id"]


def _categories(rows: DataFrame, shares: DataFrame) -> dict[str, list[Figures]]:
    """Return spend and number of customers by segment and category, without sensitive categories."""
    known = shares.where(~is_sensitive(F.col("product_category"))).join(rows, "customer_id")
    spent = F.sum(F.col("sales_value").cast("double")).alias("spent")
    found: dict[str, list[Figures]] = {}
    for row in known.groupBy("segment_id", "product_category").agg(spent, F.count(F.lit(1)).alias("buyers")).collect():
        found.setdefault(row["segment_id"], []).append(row.asDict())
    return found


def _moves(moves: DataFrame, as_of: date) -> dict[str, dict[str, int]]:
    """Return how many customers moved by their behaviour, by new and former segment; groups below K are left out."""
    recent = moves.where((F.col("moved_on") > F.lit(as_of - timedelta(MOVE_DAYS))) & (F.col("reason") == "behaviour"))
    people = F.countDistinct("customer_id").alias("people")
    found: dict[str, dict[str, int]] = {}
    for row in recent.groupBy("to_segment_id", "from_segment_id").agg(people).orderBy("from_segment_id").collect():
        if row["people"] >= K:
            found.setdefault(row["to_segment_id"], {})[row["from_segment_id"]] = told_size(row["people"])
    return found


def _cards(
    sums: Mapping[str, Figures], categories: Mapping[str, list[Figures]], past: Iterable[Card], as_of: date
) -> list[Card]:
    base = {trait.name: _moments(sums.values(), trait.name) for trait in TRAITS}
    traits = {
        name: trait_figures({trait.name: _moments([own], trait.name) for trait in TRAITS}, base)
        for name, own in sums.items()
    }
    past = sorted(past, key=lambda card: card.as_of)
    names = _named(traits, sums, past)
    # Of the told sizes: a share with three digits would tell the sizes that are rounded.
    total, everyone = sum(told_size(own["customers"]) for own in sums.values()), _spend(categories)
    cards = []
    for name, own in sums.items():
        count = own["customers"]
        week = own if own["week_customers"] >= K else {}
        card = Card(
            segment_id=name,
            as_of=as_of,
            fitted_on=own["fitted_on"],
            name=names[name][0],
            name_ko=names[name][1],
            customer_count=told_size(count),
            customer_share=rounded(told_size(count) / total),
            traits=traits[name],
            categories=_favourites(categories.get(name, []), everyone),
            price_bands=told_shares({band: own[f"band_{band}"] for band in BANDS}, count),
            channels=told_shares({one: own[f"channel_{one}"] for one in CHANNELS}, count),
            days={day: rounded(week[f"{day}_share"]) for day in DAYS if week},
            day_parts={part: rounded(week[f"{part}_share"]) for part in DAY_PARTS if week},
        )
        cards.append(_compared(card, [one for one in past if one.segment_id == name]))
    return cards


def _named(
    traits: Mapping[str, tuple[TraitFigure, ...]], sums: Mapping[str, Figures], past: Iterable[Card]
) -> dict[str, Name]:
    """Return the names of the segments: those of former cards of the same fit, and new ones for the others."""
    kept = {one.segment_id: (one.name, one.name_ko) for one in past
            if one.segment_id in sums and sums[one.segment_id]["fitted_on"] == one.fitted_on}  # fmt: skip
    return kept | name_segments({name: own for name, own in traits.items() if name not in kept}, kept.values())


def _moments(sums: Iterable[Figures], trait: str) -> Moments:
    """Return the moments of a trait over one or more segments."""
    rows = [row for row in sums if row[f"n_{trait}"]]
    count = sum(row[f"n_{trait}"] for row in rows)
    if not count:
        return Moments(0, None, None)
    mean = sum(row[f"s_{trait}"] for row in rows) / count
    square = sum(row[f"q_{trait}"] for row in rows) / count
    return Moments(count, mean, math.sqrt(max(square - mean**2, 0.0) * count / max(count - 1, 1)))


def _spend(categories: Mapping[str, list[Figures]]) -> dict[str, float]:
    """Return the share of each category in the spend of all customers."""
    spent: dict[str, float] = {}
    for row in (row for rows in categories.values() for row in rows):
        spent[row["product_category"]] = spent.get(row["product_category"], 0.0) + row["spent"]
    total = sum(spent.values())
    return {name: value / total for name, value in spent.items() if total}


def _favourites(rows: Iterable[Figures], everyone: Mapping[str, float]) -> tuple[CategoryFigure, ...]:
    """Return the TOP categories whose share of spend exceeds that of all customers the most, of at least K buyers."""
    rows = list(rows)
    total = sum(row["spent"] for row in rows)
    shares = {row["product_category"]: row["spent"] / total for row in rows if row["buyers"] >= K and total}
    above = sorted((everyone[name] - share, name) for name, share in shares.items() if share > everyone[name])
    return tuple(
        CategoryFigure(name, rounded(shares[name]), rounded(shares[name] / everyone[name])) for _, name in above[:TOP]
    )


def _compared(card: Card, past: list[Card]) -> Card:
    if not past:
        return card
    old = [one for one in past if one.as_of <= card.as_of - timedelta(CHANGE_DAYS)]
    former = old[-1] if old else past[0]
    return replace(card, changed_since=former.as_of, changes=compare(card, former))


def _row(card: Card) -> dict[str, Any]:
    return {
        "segment_id": card.segment_id,
        "as_of": card.as_of,
        "fitted_on": card.fitted_on,
        "name": card.name,
        "name_ko": card.name_ko,
        "customer_count": card.customer_count,
        "customer_share": card.customer_share,
        "favourite_categories": [one.category for one in card.categories],
        "price_band": next(iter(card.price_bands), None),
        "main_channel": next(iter(card.channels), None),
        "busiest_day": max(card.days, key=lambda day: card.days[day]) if card.days else None,
        "card": card.to_json(),
    }
