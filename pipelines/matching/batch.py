"""A new batch of records against what is already resolved: only the groups that it reaches are looked at
again.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.blocking import block, rules_for
from pipelines.matching.cluster import Constraints, cluster
from pipelines.matching.few_pairs import score_few
from pipelines.matching.mapping import Mapping
from pipelines.matching.model import Model, observe_levels
from pipelines.matching.opposition import with_opposed
from pipelines.matching.resolve import Options, filled_columns, load_person
from pipelines.matching.scoring import ScoredPairs
from pipelines.matching.workspace import Workspace


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The groups after a batch.

    Attributes:
        group: for each row, old ones first, the smallest row number of its person.
        pairs: all scored pairs, old and new.
        reached: how many old records were looked at again.
    """

    group: NDArray[np.int64]
    pairs: ScoredPairs
    reached: int


def resolve_batch(
    connection: Workspace,
    batch: pd.DataFrame,
    mapping: Mapping,
    model: Model,
    group: NDArray[np.int64],
    pairs: ScoredPairs,
    options: Options | None = None,
    constraints: Constraints | None = None,
) -> BatchAnswer:
    """Add a batch to a resolved workspace.

    The model stays as trained: a batch is scored like the rest, and no old pair is scored again.

    Args:
        connection: the workspace of `resolve`, with its table `person`.
        batch: the new rows, columns as in the old file.
        mapping: as for the old file.
        model: as trained on the old file.
        group: the old answer.
        pairs: the old scored pairs.
        options: as for the old file.
        constraints: a steward's links over all rows, old and new.
    """
    options, constraints = options or Options(), constraints or Constraints()
    old = len(group)
    load_person(connection, batch, mapping, options, behind=old)
    block(connection, rules_for(filled_columns(connection)), since=old)
    observe_levels(connection, model.comparisons, pairs="candidate", into="observed")
    size = old + len(batch)
    fresh = with_opposed(connection, score_few(connection, model), size, threshold=options.threshold, linked=pairs)
    whole = ScoredPairs(*(np.concatenate([getattr(p, c) for p in (pairs, fresh)]) for c in ("left", "right", "weight")))
    told = np.unique(np.concatenate([constraints.must_link.ravel(), constraints.never_link.ravel()]))
    linked = fresh.weight > options.threshold
    touched = np.unique(np.concatenate([fresh.left[linked], fresh.right[linked], told]))
    reached = np.isin(group, group[touched[touched < old]])
    subset = np.concatenate([np.flatnonzero(reached), np.arange(old, old + len(batch))])
    result = np.concatenate([group, np.arange(old, old + len(batch))])
    result[subset] = subset[_cluster_subset(subset, old + len(batch), whole, constraints, options.threshold)]
    return BatchAnswer(result, whole, int(reached.sum()))


def _cluster_subset(
    subset: NDArray[np.int64], size: int, pairs: ScoredPairs, constraints: Constraints, threshold: float
) -> NDArray[np.int64]:
    place = np.full(size, -1, dtype=np.int64)
    place[subset] = np.arange(len(subset))
    inside = (place[pairs.left] >= 0) & (place[pairs.right] >= 0)
    source = constraints.exclusive_source
    local = Constraints(
        _inside(place, constraints.must_link),
        _inside(place, constraints.never_link),
        None if source is None else source[subset],
    )
    left, right = place[pairs.left[inside]], place[pairs.right[inside]]
    return cluster(len(subset), left, right, pairs.weight[inside], local, threshold=threshold)


def _inside(place: NDArray[np.int64], links: NDArray[np.int64]) -> NDArray[np.int64]:
    moved = place[links]
    return np.asarray(moved[(moved >= 0).all(axis=1)])
