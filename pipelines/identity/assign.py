"""Lasting identifiers: a cluster keeps the identifier that most of its keys had before."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

KNOWN_COLUMNS = ("kind", "token", "customer_id")


def assign_ids(keys: pd.DataFrame, known: pd.DataFrame, id_factory: Callable[[], str]) -> pd.Series:
    """Return the customer of each cluster, indexed by cluster number.

    A cluster takes over the former identifier that most of its keys point to. When two clusters claim one identifier
    (a split), the one with more of its keys keeps it, then the lower cluster number; ties between identifiers go to
    the one that sorts first. Whoever gets none gets a new one, in the order of cluster numbers, so the same input and
    random source give the same identifiers whatever the engine's row order.

    Args:
        keys: one row a key of a cluster: `cluster`, `kind`, `token`.
        known: the former assignment: `kind`, `token`, `customer_id`; empty on the first run.
        id_factory: gives a new identifier at each call.
    """
    clusters = sorted(int(number) for number in keys["cluster"].unique())
    votes = keys.merge(known[list(KNOWN_COLUMNS)], on=["kind", "token"])
    counted = votes.groupby(["cluster", "customer_id"], as_index=False).size()
    counted = counted.sort_values(["size", "cluster", "customer_id"], ascending=[False, True, True])
    given: dict[int, str] = {}
    taken: set[str] = set()
    for cluster, customer_id in zip(counted["cluster"], counted["customer_id"], strict=True):
        if cluster not in given and customer_id not in taken:
            given[cluster] = customer_id
            taken.add(customer_id)
    for cluster in clusters:
        if cluster not in given:
            given[cluster] = id_factory()
    return pd.Series(given, dtype="object").reindex(clusters)
