"""Lasting identifiers: a cluster keeps the identifier that most of its keys had before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from pipelines.register.decision import Key
from pipelines.register.key_place import key_text, places

KNOWN_COLUMNS = ("kind", "token", "customer_id")
LEAST_OVERLAP = 0.5
"""A retired identifier returns only to a cluster that holds at least this share (Jaccard) of the keys it had."""


@dataclass(frozen=True)
class Claim:
    """Keys that shall bear an identifier again, because what took it from them is undone."""

    keys: Sequence[Key]
    customer_id: str


def assign_ids(
    keys: pd.DataFrame,
    known: pd.DataFrame,
    id_factory: Callable[[], str],
    retired: Mapping[str, Sequence[Key]] | None = None,
    claims: Sequence[Claim] = (),
) -> pd.Series:
    """Return the customer of each cluster, indexed by cluster number.

    A claim comes first. Then a cluster takes over the former identifier that most of its keys point to. When two
    clusters claim one identifier (a split), the one with more of its keys keeps it, then the lower cluster number; ties
    between identifiers go to the one that sorts first. Who gets none takes up a retired identifier that stood for
    mostly the same keys (a merge is undone), and else a new one, in the order of cluster numbers, so the same input and
    random source give the same identifiers whatever the engine's row order.

    Args:
        keys: one row a key of a cluster: `cluster`, `kind`, `token`.
        known: the former assignment: `kind`, `token`, `customer_id`; empty on the first run.
        id_factory: gives a new identifier at each call.
        retired: the keys that each identifier out of use last had.
        claims: see `Claim`.
    """
    clusters = sorted(int(number) for number in keys["cluster"].unique())
    place = places(key_text(known["kind"], known["token"]), key_text(keys["kind"], keys["token"]))
    former = known["customer_id"].to_numpy()[place[place >= 0]]
    votes = pd.DataFrame({"cluster": keys["cluster"].to_numpy()[place >= 0], "customer_id": former})
    counted = votes.groupby(["cluster", "customer_id"], as_index=False).size()
    counted = counted.sort_values(["size", "cluster", "customer_id"], ascending=[False, True, True])
    given = _claimed(keys, claims)
    taken = set(given.values())
    for cluster, customer_id in zip(counted["cluster"], counted["customer_id"], strict=True):
        if cluster not in given and customer_id not in taken:
            given[cluster] = customer_id
            taken.add(customer_id)
    living = set(known["customer_id"])
    _take_up(given, keys, {who: held for who, held in (retired or {}).items() if who not in living | taken})
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
        met = Counter(cluster_of[key] for key in claim.keys if key in cluster_of)
        if met and claim.customer_id not in given.values():
            cluster = min(met, key=lambda number: (-met[number], number))
            given.setdefault(cluster, claim.customer_id)
    return given


def _take_up(given: dict[int, str], keys: pd.DataFrame, retired: Mapping[str, Sequence[Key]]) -> None:
    if not retired:
        return
    cluster_of = _cluster_of(keys)
    size = keys["cluster"].value_counts()
    options = []
    for customer_id, held in retired.items():
        for cluster, shared in Counter(cluster_of[key] for key in held if key in cluster_of).items():
            overlap = shared / (len(held) + int(size[cluster]) - shared)
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
