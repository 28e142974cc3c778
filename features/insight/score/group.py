"""Compares the scores of groups of customers, such as age bands: one view on the fairness of a model."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from features.insight.group_size import K, told_size


@dataclass(frozen=True)
class GroupScore:
    """The mean score of the customers with one value of an attribute, and of all with a known value.

    `customers` is rounded down to a multiple of K. A difference is not unfair by itself: groups may shop differently.
    """

    attribute: str
    group: str
    customers: int
    mean: float
    overall: float


def group_scores(scores: pa.Table, people: pa.Table, column: str, attribute: str) -> list[GroupScore]:
    """Return the mean of a score for each group of at least K customers, the largest group first.

    If a single group has fewer, the next smallest is left out too: the rest would tell its mean.

    Args:
        scores: customer_id and the score; null scores are left out.
        people: customer_id and the attribute; null is no group.
        column: the score.
        attribute: the attribute.
    """
    own = people.select(["customer_id", attribute])
    joined = scores.select(["customer_id", column]).join(own, "customer_id", join_type="inner")
    known = joined.filter(pc.and_(pc.is_valid(joined[column]), pc.is_valid(joined[attribute])))
    if known.num_rows < K:
        return []
    overall = pc.mean(known[column]).as_py()
    grouped = known.group_by(attribute).aggregate([(column, "mean"), (column, "count")]).to_pylist()
    groups = sorted(grouped, key=lambda one: (-one[f"{column}_count"], str(one[attribute])))
    small = [one for one in groups if one[f"{column}_count"] < K]
    hidden = small if len(small) != 1 else groups[-2:]
    return [
        GroupScore(
            attribute, str(one[attribute]), told_size(one[f"{column}_count"]), one[f"{column}_mean"], overall
        )
        for one in groups
        if one not in hidden
    ]  # fmt: skip
