"""Assigns customer ids to clusters: a cluster keeps the id that most of its keys had before.

Example: the keys m1, m2, m3 had the customer c_a, and m4 had c_b. Now {m1, m2} and {m3, m4} are clusters. {m1, m2}
keeps c_a with two keys. {m3, m4} has one key of c_a, which is taken, and one of c_b, so it keeps c_b.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from pipelines.register.decision import Key
from pipelines.register.key_index import key_text, positions

KNOWN_COLUMNS = ("kind", "token", "customer_id")
LEAST_OVERLAP = 0.5
"""A retired id returns to a cluster only if the keys of both overlap by at least this much (Jaccard similarity)."""


@dataclass(frozen=True)
class Claim:
    """Keys that get their former customer id back, because a steward undid the event that took it away."""

    keys: Sequence[Key]
    customer_id: str


def assign_ids(
    keys: pd.DataFrame,
    known: pd.DataFrame,
    id_factory: Callable[[], str],
    retired: Mapping[str, Sequence[Key]] | None = None,
    claims: Sequence[Claim] = (),
) -> pd.Series:
    """Return the customer id of each cluster, indexed by cluster number.

    Ids are given in this order:
    1. by claims;
    2. by former customers: a cluster gets the id that most of its keys had. If two clusters have keys of one id (a
       split), the one with more of them gets it, then the one with the lower number. Ties between ids go to the id that
       sorts first;
    3. by retired ids: a cluster gets a retired id whose last keys were mostly the same (a merge ends);
    4. by `id_factory`, in the order of the cluster numbers.

    The same input and random source give the same ids, whatever the row order of the engine.

    Args:
        keys: one row per key of a cluster: `cluster`, `kind`, `token`.
        known: the former assignment: `kind`, `token`, `customer_id`; empty on the first run.
        id_factory: returns a new id at each call.
        retired: for each id that is no longer used, the keys that it had last.
        claims: ids that stewards give back to keys.
    """
    clusters = sorted(int(number) for number in keys["cluster"].unique())
    position = positions(key_text(known["kind"], known["token"]), key_text(keys["kind"], keys["token"]))
    former = known["customer_id"].to_numpy()[position[position >= 0]]
    votes = pd.DataFrame({"cluster": keys["cluster"].to_numpy()[position >= 0], "customer_id": former})
    counted = votes.groupby(["cluster", "customer_id"], as_index=False).size()
    counted = counted.sort_values(["size", "cluster", "customer_id"], ascending=[False, True, True])
    given = _claimed(keys, claims)
    taken = set(given.values())
    for cluster, customer_id in zip(counted["cluster"], counted["customer_id"], strict=True):
        if cluster not in given and customer_id not in taken:
            given[cluster] = customer_id
            taken.add(customer_id)
    in_use = set(known["customer_id"]) | taken
    unused = {customer_id: last_keys for customer_id, last_keys in (retired or {}).items() if customer_id not in in_use}
    _give_retired(given, keys, unused)
    for cluster in clusters:
        if cluster not in given:
            given[cluster] = id_factory()
    return pd.Series(given, dtype="object").reindex(clusters)


def _claimed(keys: pd.DataFrame, claims: Sequence[Claim]) -> dict[int, str]:
    if not claims:
        return {}
    cluster_of = _cluster_of(keys)
    given: dict[int, str] = {}
    for claim in claims:
        found = Counter(cluster_of[key] for key in claim.keys if key in cluster_of)
        if found and claim.customer_id not in given.values():
            cluster = min(found, key=lambda number: (-found[number], number))
            given.setdefault(cluster, claim.customer_id)
    return given


def _give_retired(given: dict[int, str], keys: pd.DataFrame, retired: Mapping[str, Sequence[Key]]) -> None:
    """Add to `given` the retired ids of clusters without an id, those with the largest overlap of keys first."""
    if not retired:
        return
    cluster_of = _cluster_of(keys)
    size = keys["cluster"].value_counts()
    options = []
    for customer_id, last_keys in retired.items():
        for cluster, shared in Counter(cluster_of[key] for key in last_keys if key in cluster_of).items():
            overlap = shared / (len(last_keys) + int(size[cluster]) - shared)
            if cluster not in given and overlap >= LEAST_OVERLAP:
                options.append((-overlap, cluster, customer_id))
    for _, cluster, customer_id in sorted(options):
        if cluster not in given and customer_id not in given.values():
            given[cluster] = customer_id


def _cluster_of(keys: pd.DataFrame) -> dict[Key, int]:
    return {
        (kind, token): int(cluster)
        for kind, token, cluster in zip(keys["kind"], keys["token"], keys["cluster"], strict=True)
    }
