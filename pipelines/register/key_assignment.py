"""Assigns a customer to each matching key of the records, by the clusters of the records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipelines.register.decision import Key
from pipelines.register.exact_linker import Clusters, ExactLinker, Linker
from pipelines.register.id_assignment import Claim, assign_ids
from pipelines.register.key_index import codes
from pipelines.register.record import ANCHOR_KINDS, LINK_KINDS, Records

CONFIDENCE = {"principal": 1.0, "account_only": 0.95, "sole_user": 0.9}
ASSIGNMENT_COLUMNS = ("kind", "token", "customer_id", "method", "confidence", "record_count", "last_seen_at")


@dataclass(frozen=True)
class Past:
    """Former customer ids that are no longer in use.

    Attributes:
        retired: for each id that is no longer used, the keys that it had last.
        claims: ids that stewards give back to keys.
    """

    retired: Mapping[str, Sequence[Key]] = field(default_factory=dict)
    claims: Sequence[Claim] = ()


def resolve(
    records: Records,
    known: pd.DataFrame,
    id_factory: Callable[[], str],
    linker: Linker | None = None,
    past: Past | None = None,
) -> pd.DataFrame:
    """Return the customer of each key: one row per key, columns ASSIGNMENT_COLUMNS, sorted by kind and token.

    A linking key gets the customer of its cluster, if the cluster has a key of ANCHOR_KINDS. An account gets the
    customer of its principal member. An account without a principal becomes a customer of its own, so that its baskets
    have one. A device or phone gets a customer only if the records of exactly one customer have it; shared ones are
    left out.

    Args:
        records: the matching keys of all records.
        known: the former assignment (`kind`, `token`, `customer_id`, `method`); empty on the first run.
        id_factory: returns a new id at each call.
        linker: clusters the records; by exact keys if left out.
        past: former ids that are no longer in use; none if left out.
    """
    return assign(records, (linker or ExactLinker()).link(records), known, id_factory, past)


def assign(
    records: Records,
    clusters: Clusters,
    known: pd.DataFrame,
    id_factory: Callable[[], str],
    past: Past | None = None,
) -> pd.DataFrame:
    """Return the customer of each key, as `resolve` does, from given clusters of the records."""
    past = past or Past()
    keys = records.keys()
    record = keys["record"].to_numpy(dtype=np.int64)
    keys["cluster"] = clusters.label[record]
    keys["method"] = "link" if clusters.method is None else clusters.method[record]
    keys["confidence"] = 1.0 if clusters.confidence is None else clusters.confidence[record]
    counts = keys.groupby("key").agg({"record_count": "sum", "loaded_at": "max"})
    anchored = keys.loc[keys["kind"].isin(ANCHOR_KINDS) & (keys["cluster"] >= 0), "cluster"].unique()
    # A cluster without an anchor key is not a customer: it gets no key and cannot be the principal of an account.
    keys["cluster"] = keys["cluster"].where(keys["cluster"].isin(anchored), -1)
    keys = keys[(keys["cluster"] >= 0) | (keys["kind"] == "account_no")]
    placed = pd.concat([_links(keys), _accounts(keys, records), _sole_users(keys)], ignore_index=True)
    placed = _number_lone_accounts(placed)
    if placed.empty:
        return pd.DataFrame(columns=list(ASSIGNMENT_COLUMNS))
    customer = assign_ids(_voters(placed), _trusted(known), id_factory, past.retired, past.claims)
    placed["customer_id"] = placed["cluster"].map(customer)
    placed["confidence"] = placed["method"].map(CONFIDENCE).fillna(placed["confidence"])
    carried = counts.reindex(placed["key"])
    placed["record_count"] = carried["record_count"].to_numpy()
    placed["last_seen_at"] = carried["loaded_at"].to_numpy()
    return placed.sort_values("key", ignore_index=True)[list(ASSIGNMENT_COLUMNS)]


def _links(keys: pd.DataFrame) -> pd.DataFrame:
    """Return the cluster of each linking key; keys of several clusters (default values) are left out."""
    linking = keys[keys["kind"].isin(LINK_KINDS) & (keys["cluster"] >= 0)]
    # Method and confidence of a key are those of its record with the highest confidence.
    order = np.lexsort([codes(linking["method"])[0], -linking["confidence"].to_numpy()])
    surest = linking.iloc[order].drop_duplicates("key")[["key", "method", "confidence"]]
    return _of_one_cluster(linking).merge(surest, on="key")


def _sole_users(keys: pd.DataFrame) -> pd.DataFrame:
    shared = keys[keys["kind"].isin(("device_id", "phone")) & (keys["cluster"] >= 0)]
    return _of_one_cluster(shared).assign(method="sole_user")


def _accounts(keys: pd.DataFrame, records: Records) -> pd.DataFrame:
    """Return the cluster of each account's principal, or -1; of two principals the one with the lower token counts."""
    accounts = keys[keys["kind"] == "account_no"]
    record = accounts["record"].to_numpy(dtype=np.int64)
    claims = accounts.assign(
        is_principal=records.frame["is_principal"].to_numpy()[record],
        member_no=records.frame["member_no"].to_numpy()[record],
    )
    claims = claims[claims["is_principal"] & (claims["cluster"] >= 0)].sort_values(["key", "member_no"])
    owned = claims.drop_duplicates("key")[["kind", "token", "key", "cluster"]].assign(method="principal")
    lone = accounts.loc[~accounts["key"].isin(owned["key"]), ["kind", "token", "key"]].drop_duplicates("key")
    return pd.concat([owned, lone.assign(cluster=-1, method="account_only")], ignore_index=True)


def _of_one_cluster(keys: pd.DataFrame) -> pd.DataFrame:
    distinct = keys[~keys.duplicated(["key", "cluster"])]
    return distinct.loc[~distinct.duplicated("key", keep=False), ["kind", "token", "key", "cluster"]]


def _number_lone_accounts(placed: pd.DataFrame) -> pd.DataFrame:
    lone = (placed["cluster"] < 0).to_numpy()
    numbers = placed["cluster"].to_numpy(dtype=np.int64, copy=True)
    first = int(numbers.max(initial=-1)) + 1
    tokens = placed.loc[lone, "key"].rank(method="first").to_numpy(dtype=np.int64)
    numbers[lone] = first + tokens - 1
    return placed.assign(cluster=numbers)


def _voters(placed: pd.DataFrame) -> pd.DataFrame:
    """Return the keys that decide which former id a cluster keeps: all but devices and phones, which change owners."""
    return placed.loc[placed["method"] != "sole_user", ["cluster", "kind", "token"]]


def _trusted(known: pd.DataFrame) -> pd.DataFrame:
    """Return the former assignments that decide which id a cluster keeps.

    The assignment of an account without a principal is used, so a principal that appears later gets its customer id.
    The assignment of an account with a principal is not used, so a new principal does not get the id of the old one.
    """
    is_lent = (known["kind"] == "account_no") & (known["method"] != "account_only")
    return known[~is_lent]
