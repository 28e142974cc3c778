"""The rows of the tables of recommendation: models, items and the candidates of customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from features.recommend.card import RecommenderCard
from features.recommend.catalogue import Catalogue
from features.recommend.context import context_lifts, contexts_of
from features.recommend.history import PurchaseHistory, day_number, encode
from features.recommend.population import Population
from features.recommend.recommender import Ranked, Recommender, choose, measured
from features.recommend.trait import item_traits

MODEL, ITEM, CANDIDATE = "gold/recommendation_model", "gold/recommended_item", "gold/customer_recommendation"
KEPT_VERSIONS = 2
"""Versions of which candidates are computed each day: the newest one and the one before, to go back to."""
OLDEST_DAYS = 28
"""Age at which a recommender is fitted anew."""
LISTED, LISTED_NEW = 40, 15
"""Candidates of a version that a request can choose from: the best ones, and the best ones never bought before."""
MODEL_SCHEMA = pa.schema([
    ("version", pa.string()), ("number", pa.int64()), ("fitted_on", pa.date32()), ("fit_to", pa.date32()),
    ("customer_count", pa.int64()), ("card", pa.string()), ("parameters", pa.string()),
])  # fmt: skip
ITEM_SCHEMA = pa.schema([
    ("item_id", pa.string()), ("product_type", pa.string()), ("product_category", pa.string()), ("price", pa.float64()),
    ("price_trait", pa.float64()), ("quality_trait", pa.float64()), ("convenience_trait", pa.float64()),
    ("popularity", pa.float64()), ("context_lifts", pa.list_(pa.float64())), ("as_of", pa.date32()),
])  # fmt: skip
CANDIDATE_SCHEMA = pa.schema([
    ("customer_id", pa.string()), ("as_of", pa.date32()), ("versions", pa.list_(pa.string())),
    ("item_ids", pa.list_(pa.string())), ("is_new", pa.list_(pa.int64())), ("scores", pa.list_(pa.float64())),
    ("reasons", pa.list_(pa.string())),
])  # fmt: skip


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
    history: PurchaseHistory, catalogue: Catalogue, groups: Mapping[str, tuple[str | None, str | None]],
    population: Population, lines: pa.Table, as_of: date,
) -> pa.Table:  # fmt: skip
    """Return one row for each item that at least K customers bought: rows of `ITEM_SCHEMA`.

    Args:
        history: purchases of customers who permit it, before the population's day.
        catalogue, groups: the items, and the names of their groups.
        population: statistics of the day.
        lines: order lines with customer_id, item, weekday (1 = Monday) and hour.
        as_of: the reference date.
    """
    traits = item_traits(history, catalogue)
    place = {name: position for position, name in enumerate(catalogue.items)}
    names, codes = encode(lines["item"])
    item = np.array([place[name] for name in names], dtype=np.int64)[codes]
    weekday, hour = (np.asarray(lines[name].to_numpy(), dtype=np.int64) for name in ("weekday", "hour"))
    lifts = context_lifts(item, encode(lines["customer_id"])[1], contexts_of(weekday, hour), len(catalogue.items))
    known = np.flatnonzero(traits["price"] != 0) if len(lines) else np.zeros(0, dtype=np.int64)
    ids = [catalogue.items[one] for one in known]
    return pa.table({
        "item_id": ids,
        "product_type": [groups[one][0] for one in ids],
        "product_category": [groups[one][1] for one in ids],
        "price": population.price[known],
        **{f"{name}_trait": traits[name][known] for name in ("price", "quality", "convenience")},
        "popularity": population.month[known],
        "context_lifts": lifts[known].tolist(),
        "as_of": [as_of] * len(ids),
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
