"""The rows of the tables of recommendation: models, items and the candidates of customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.insight.group_size import K
from features.recommend.card import RecommenderCard
from features.recommend.catalogue import Catalogue
from features.recommend.choice import choose
from features.recommend.context import context_lifts, contexts_of
from features.recommend.form import CANDIDATE_SCHEMA, ITEM_SCHEMA
from features.recommend.history import PurchaseHistory, day_number, encode
from features.recommend.population import RECENT_DAYS, Population, bought
from features.recommend.recommender import Ranked, Recommender, measured
from features.recommend.trait import item_traits

KEPT_VERSIONS = 2
"""Versions of which candidates are computed each day: the newest one and the one before, to go back to."""
OLDEST_DAYS = 28
"""Age at which a recommender is fitted anew."""
LISTED, LISTED_NEW = 40, 15
"""Candidates of a version that a request can choose from: the best ones, and the best ones never bought before."""


def is_due(rows: Sequence[Mapping[str, Any]], as_of: date) -> bool:
    """Return whether a recommender is to be fitted on a day: none is kept, or the newest is `OLDEST_DAYS` old."""
    newest = max((row["fitted_on"] for row in rows), default=None)
    return newest is None or (as_of - newest).days >= OLDEST_DAYS


def next_number(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of the next recommender."""
    return max((row["number"] for row in rows), default=0) + 1


def model_row(recommender: Recommender, card: RecommenderCard) -> dict[str, Any]:
    """Return the row of gold/recommendation_model."""
    return {
        "version": card.version, "number": int(card.version.rpartition("/")[2]), "fitted_on": card.fitted_on,
        "fit_to": card.fit_to, "customer_count": card.customer_count, "card": card.to_json(),
        "parameters": recommender.to_json(),
    }  # fmt: skip


def newest_models(rows: Sequence[Mapping[str, Any]]) -> dict[str, Recommender]:
    """Return the newest `KEPT_VERSIONS` recommenders by version, the newest first."""
    kept = sorted(rows, key=lambda row: row["number"], reverse=True)[:KEPT_VERSIONS]
    return {row["version"]: Recommender.from_json(row["parameters"]) for row in kept}


def item_rows(
    products: pa.Table, history: PurchaseHistory, catalogue: Catalogue, population: Population, lines: pa.Table,
    as_of: date,
) -> pa.Table:  # fmt: skip
    """Return one row for each product: rows of `ITEM_SCHEMA`. Figures of fewer than K customers are 0 or null.

    Args:
        products: item, product_type, product_category and price (USD) of each product that was sold.
        history: purchases of customers who permit it, before the population's day.
        catalogue: the products.
        population: statistics of the day.
        lines: order lines with customer_id, item and ordered_at (wall time).
        as_of: the reference date.
    """
    products = products.sort_by("item")
    place = {name: position for position, name in enumerate(catalogue.items)}
    lines = lines.filter(pc.is_in(lines["item"], pa.array(catalogue.items, pa.string())))
    names, codes = encode(lines["item"])
    item = np.array([place[name] for name in names], dtype=np.int64)[codes]
    customer = encode(lines["customer_id"])[1]
    weekday = pc.day_of_week(lines["ordered_at"], count_from_zero=False)
    weekday, hour = (one.to_numpy().astype(np.int64) for one in (weekday, pc.hour(lines["ordered_at"])))
    lifts = context_lifts(item, customer, contexts_of(weekday, hour), len(catalogue.items))
    lately = bought(history.between(population.day - RECENT_DAYS, population.day))
    is_popular = np.asarray(lately.sum(axis=0)).ravel() >= K
    return pa.table({
        "item_id": products["item"],
        "product_type": products["product_type"],
        "product_category": products["product_category"],
        "price": products["price"],
        **{f"{name}_trait": values for name, values in item_traits(history, catalogue).items()},
        "popularity": np.where(is_popular, population.month, 0.0),
        "context_lifts": [row.tolist() if row.any() else None for row in lifts],
        "as_of": [as_of] * len(catalogue.items),
    }, ITEM_SCHEMA)  # fmt: skip


def candidate_rows(
    models: Mapping[str, Recommender], history: PurchaseHistory, population: Population, as_of: date
) -> Iterator[pa.Table]:
    """Yield rows of `CANDIDATE_SCHEMA`, one for each customer of the history with a purchase.

    `scores` has the log-odds of all items by the first version, then by the second one. `reasons` are those of the
    first version: up to three names of measures for each item, separated by a comma.
    """
    customers = np.unique(history.before(population.day).customer)
    for pairs, measures in measured(history, population, customers):
        parts = {version: Ranked(pairs, measures, model.score(measures)) for version, model in models.items()}
        yield pa.Table.from_pylist(list(_rows(models, parts, history, as_of)), CANDIDATE_SCHEMA)


def _rows(
    models: Mapping[str, Recommender], parts: Mapping[str, Ranked], history: PurchaseHistory, as_of: date
) -> Iterator[dict[str, Any]]:
    newest = next(iter(models))
    ranked = parts[newest]
    is_new = ranked.measures["is_new"] > 0
    for customer, own in ranked.of_customers():
        chosen = [choose(part.score[own], is_new[own], LISTED + LISTED_NEW, LISTED_NEW) for part in parts.values()]
        places = np.unique(np.concatenate(chosen)) + own.start
        reasons = models[newest].reasons({name: values[places] for name, values in ranked.measures.items()})
        yield {
            "customer_id": history.customers[customer],
            "as_of": as_of,
            "versions": list(models),
            "item_ids": [history.items[one] for one in ranked.pairs.item[places]],
            "is_new": is_new[places].astype(int).tolist(),
            "scores": [round(float(one), 4) for part in parts.values() for one in part.score[places]],
            "reasons": [",".join(reason.measure for reason in each) for each in reasons],
        }


def end_of(as_of: date) -> int:
    """Return the day number after a reference date: its purchases are known."""
    return day_number(as_of) + 1
