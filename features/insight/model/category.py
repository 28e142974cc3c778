"""Candidates for the next category: each customer's own categories, with their share and how due they are.

Shares of few orders are drawn towards those of all customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.insight.group_size import K
from features.insight.model.additive import Floats
from features.insight.model.matrix import numbers

CANDIDATE_FEATURES = (
    "own_share", "recent_share", "popularity", "overdue_ratio", "interval_days", "days_since_category",
    "days_before_last_order",
)  # fmt: skip
SMOOTHING_ORDERS = 5
"""A customer's share counts as if so many more orders had the share of all customers."""
SMOOTHING_ROWS = 20
"""A category's popularity counts as if so many more customers had the popularity of an average category."""
_MOST_TIMES = 10.0


@dataclass(frozen=True)
class Candidates:
    """One element a customer's category: `row` is the position of the customer's row, in ascending order."""

    row: NDArray[np.int64]
    name: pa.Array
    columns: Mapping[str, Floats]
    order_days: Floats


def list_candidates(rows: pa.Table, popularity: Mapping[str, float]) -> Candidates:
    """Return the candidates of rows of gold/customer_score_input.

    Args:
        rows: rows with the lists of categories.
        popularity: share of next baskets by category; an unknown category has the smallest.
    """
    row = np.asarray(pc.list_parent_indices(_list(rows, "category_names")), dtype=np.int64)
    name = pc.list_flatten(_list(rows, "category_names"))
    days, recent, last, first = (
        np.asarray(pc.list_flatten(_list(rows, f"category_{part}")), dtype=np.float64)
        for part in ("order_days", "order_days_90d", "last_days_ago", "first_days_ago")
    )
    orders, quarter, since = (
        numbers(rows, measure)[row] for measure in ("order_count_365d", "order_count_90d", "days_since_last_order")
    )
    usual = _popularity_of(name, popularity)
    share = (days + SMOOTHING_ORDERS * usual) / (orders + SMOOTHING_ORDERS)
    recent_share = (recent + SMOOTHING_ORDERS * share) / (quarter + SMOOTHING_ORDERS)
    interval = np.where(days > 1, np.maximum(first - last, 1) / np.maximum(days - 1, 1), np.nan)
    columns = (
        share, recent_share, usual, np.minimum(last / interval, _MOST_TIMES), interval, last, last - since,
    )  # fmt: skip
    return Candidates(row, name, dict(zip(CANDIDATE_FEATURES, columns, strict=True)), days)


def bought_next(rows: pa.Table, candidates: Candidates) -> NDArray[np.bool_]:
    """Return whether each candidate is in the customer's next basket (`next_categories`)."""
    after = _list(rows, "next_categories")
    pairs = pa.table({"row": pc.list_parent_indices(after), "name": pc.list_flatten(after)})
    own = pa.table({"row": pa.array(candidates.row), "name": candidates.name, "at": np.arange(len(candidates.row))})
    # Old Arrow versions keep the type int32 of the parents; keys of a join must have equal types.
    pairs = pairs.set_column(0, "row", pairs["row"].cast(pa.int64()))
    found = np.zeros(len(candidates.row), dtype=bool)
    found[np.asarray(own.join(pairs, ["row", "name"], join_type="left semi")["at"])] = True
    return found


def learn_popularity(candidates: Candidates, bought: NDArray[np.bool_], customers: pa.ChunkedArray) -> dict[str, float]:
    """Return by category the smoothed share of next baskets that have it, among the customers who list it.

    Categories that fewer than K customers list are left out, because a model is kept after a customer is erased.

    Args:
        candidates: the categories of rows.
        bought: whether each one is in the next basket.
        customers: the customer of each row.
    """
    table = pa.table({
        "name": candidates.name, "bought": pa.array(bought.astype(np.float64)),
        "customer": customers.take(pa.array(candidates.row)),
    })  # fmt: skip
    prior = float(bought.mean())
    figures = [("bought", "sum"), ("bought", "count"), ("customer", "count_distinct")]
    return {
        one["name"]: (one["bought_sum"] + SMOOTHING_ROWS * prior) / (one["bought_count"] + SMOOTHING_ROWS)
        for one in table.group_by("name").aggregate(figures).sort_by("name").to_pylist()
        if one["customer_count_distinct"] >= K
    }


def best_of_each(candidates: Candidates, value: Floats, row_count: int) -> NDArray[np.int64]:
    """Return for each row the position of the candidate with the greatest value, or -1 for a row without candidates.

    Of equal candidates the first is the best.
    """
    best = np.full(row_count, -1, dtype=np.int64)
    order = np.lexsort((-np.arange(len(value)), value, candidates.row))
    best[candidates.row[order]] = order
    return best


def _popularity_of(name: pa.Array, popularity: Mapping[str, float]) -> Floats:
    coded = pc.dictionary_encode(name)
    least = min(popularity.values(), default=0.5)
    known = np.array([popularity.get(one, least) for one in coded.dictionary.to_pylist()], dtype=np.float64)
    return known[np.asarray(coded.indices)] if len(known) else known


def _list(rows: pa.Table, name: str) -> Any:
    column = rows[name].combine_chunks()
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
