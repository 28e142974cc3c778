"""Pairs that were compared and found to be two people, where a third record would chain them.

Scoring leaves out pairs without a chance, and clustering takes a pair without a score for one that was never compared,
which speaks mildly against. Between two records that a third one links, that is too mild: of a couple with one card
that bears no name, each fits the card, and the mean of one such pair and one unseen pair is still positive.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.matching.cluster import components
from pipelines.matching.scoring import FLOOR, ScoredPairs
from pipelines.matching.workspace import Workspace

# Such pairs lie below the floor of scoring; how far does not matter where one record links two others.
OPPOSED_WEIGHT = FLOOR


def with_opposed(
    connection: Workspace, pairs: ScoredPairs, size: int, *, threshold: float, linked: ScoredPairs | None = None
) -> ScoredPairs:
    """Add to scored pairs those of the table `observed` without a score whose records the links chain together.

    Args:
        connection: a workspace after `score`.
        pairs: as scored; sorted by `left` and `right`.
        size: number of records.
        threshold: log2 odds above which a pair is a link.
        linked: further pairs that may be links.
    """
    ends = [(p.left[p.weight > threshold], p.right[p.weight > threshold]) for p in (pairs, linked) if p is not None]
    left, right = (np.concatenate([end[side] for end in ends]) for side in (0, 1))
    label = components(size, left, right)
    chained = np.flatnonzero(np.bincount(label, minlength=size)[label] > 2)
    if not len(chained):
        return pairs
    connection.register("chained_record", pd.DataFrame({"rid": chained, "label": label[chained]}))
    rows = connection.execute(
        "select o.a::bigint as a, o.b::bigint as b from observed o join chained_record l on o.a = l.rid "
        "join chained_record r on o.b = r.rid where l.label = r.label"
    ).fetchnumpy()
    connection.unregister("chained_record")
    met = np.asarray(rows["a"], dtype=np.int64) * size + np.asarray(rows["b"], dtype=np.int64)
    opposed = np.setdiff1d(met, pairs.left * size + pairs.right)
    found = (
        np.concatenate([pairs.left, opposed // size]),
        np.concatenate([pairs.right, opposed % size]),
        np.concatenate([pairs.weight, np.full(len(opposed), OPPOSED_WEIGHT)]),
    )
    order = np.lexsort((found[1], found[0]))
    return ScoredPairs(*(values[order] for values in found))
