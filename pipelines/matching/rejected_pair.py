"""Adds rejected pairs, which scored below the floor, so that a third record does not join two people.

Scoring drops pairs below its floor. Clustering treats a pair without a score as one that was never compared, which is
only weak evidence against a match (-2 bits). Example: a couple A and B shares a loyalty card C that bears no name. A
and C match with +2.4 bits, and so do B and C. Without a score of (A, B), the mean between {A, C} and {B} is
(2.4 - 2) / 2 = +0.2, and all three join. With (A, B) as a rejected pair (-6 bits) the mean is -1.8.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.matching.cluster import components
from pipelines.matching.scoring import FLOOR, ScoredPairs
from pipelines.matching.workspace import Workspace

# Weight of a rejected pair. Its true weight is lower, but the floor is enough where one record links two others.
REJECTED_WEIGHT = FLOOR


def with_rejected_pairs(
    connection: Workspace, pairs: ScoredPairs, size: int, *, threshold: float, linked: ScoredPairs | None = None
) -> ScoredPairs:
    """Return the scored pairs and the rejected pairs that links connect, sorted by `left` and `right`.

    A rejected pair is in the table `observed` and has no score. It is added if its records are in one connected
    component of links, that is of pairs above the threshold.

    Args:
        connection: a workspace after `score`, with the table `observed`.
        pairs: the scored pairs, sorted by `left` and `right`.
        size: number of records.
        threshold: match weight above which a pair is a link.
        linked: further pairs that may be links.
    """
    ends = [(p.left[p.weight > threshold], p.right[p.weight > threshold]) for p in (pairs, linked) if p is not None]
    left, right = (np.concatenate([end[side] for end in ends]) for side in (0, 1))
    label = components(size, left, right)
    connected = np.flatnonzero(np.bincount(label, minlength=size)[label] > 2)
    if not len(connected):
        return pairs
    connection.register("connected_record", pd.DataFrame({"rid": connected, "label": label[connected]}))
    rows = connection.execute(
        "select o.a::bigint as a, o.b::bigint as b from observed o join connected_record l on o.a = l.rid "
        "join connected_record r on o.b = r.rid where l.label = r.label"
    ).fetchnumpy()
    connection.unregister("connected_record")
    compared = np.asarray(rows["a"], dtype=np.int64) * size + np.asarray(rows["b"], dtype=np.int64)
    rejected = np.setdiff1d(compared, pairs.left * size + pairs.right)
    found = (
        np.concatenate([pairs.left, rejected // size]),
        np.concatenate([pairs.right, rejected % size]),
        np.concatenate([pairs.weight, np.full(len(rejected), REJECTED_WEIGHT)]),
    )
    order = np.lexsort((found[1], found[0]))
    return ScoredPairs(*(values[order] for values in found))
