"""Resolves a batch of new records against resolved ones: only groups that the new records reach are clustered again."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.batch_scoring import score_few_pairs
from pipelines.matching.blocking import block, rules_for
from pipelines.matching.cluster import Constraints, cluster
from pipelines.matching.mapping import Mapping
from pipelines.matching.model import Model, observe_levels
from pipelines.matching.rejected_pair import with_rejected_pairs
from pipelines.matching.resolution import Options, filled_columns, load_person
from pipelines.matching.scoring import ScoredPairs
from pipelines.matching.workspace import Workspace


@dataclass(frozen=True, slots=True)
class BatchResolution:
    """The groups after a batch.

    Attributes:
        group: for each row, old rows first, the smallest row number of its person.
        pairs: all scored pairs, old and new.
        reached: number of old records that were clustered again.
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
) -> BatchResolution:
    """Add a batch to a resolved workspace and return the groups of all rows.

    The new pairs are scored with the model of the old rows. The model is not trained again, and no old pair is scored
    again.

    Args:
        connection: the workspace of `resolve`, with its table `person`.
        batch: the new rows, with the columns of the old file.
        mapping: the mapping of the old file.
        model: the model that was trained on the old file.
        group: the groups of the old rows.
        pairs: the scored pairs of the old rows.
        options: the options of the old file.
        constraints: a steward's links between rows, old and new.
    """
    options, constraints = options or Options(), constraints or Constraints()
    old = len(group)
    load_person(connection, batch, mapping, options, behind=old)
    block(connection, rules_for(filled_columns(connection)), since=old)
    observe_levels(connection, model.comparisons, pairs="candidate", into="observed")
    size = old + len(batch)
    scored = score_few_pairs(connection, model)
    fresh = with_rejected_pairs(connection, scored, size, threshold=options.threshold, linked=pairs, model=model)
    whole = ScoredPairs(*(np.concatenate([getattr(p, c) for p in (pairs, fresh)]) for c in ("left", "right", "weight")))
    constrained = np.unique(np.concatenate([constraints.must_link.ravel(), constraints.cannot_link.ravel()]))
    linked = fresh.weight > options.threshold
    touched = np.unique(np.concatenate([fresh.left[linked], fresh.right[linked], constrained]))
    reached = np.isin(group, group[touched[touched < old]])
    subset = np.concatenate([np.flatnonzero(reached), np.arange(old, old + len(batch))])
    result = np.concatenate([group, np.arange(old, old + len(batch))])
    result[subset] = subset[_cluster_subset(subset, old + len(batch), whole, constraints, options.threshold)]
    return BatchResolution(result, whole, int(reached.sum()))


def _cluster_subset(
    subset: NDArray[np.int64], size: int, pairs: ScoredPairs, constraints: Constraints, threshold: float
) -> NDArray[np.int64]:
    position = np.full(size, -1, dtype=np.int64)
    position[subset] = np.arange(len(subset))
    inside = (position[pairs.left] >= 0) & (position[pairs.right] >= 0)
    source = constraints.exclusive_source
    local = Constraints(
        _inside(position, constraints.must_link),
        _inside(position, constraints.cannot_link),
        None if source is None else source[subset],
    )
    left, right = position[pairs.left[inside]], position[pairs.right[inside]]
    return cluster(len(subset), left, right, pairs.weight[inside], local, threshold=threshold)


def _inside(position: NDArray[np.int64], links: NDArray[np.int64]) -> NDArray[np.int64]:
    moved = position[links]
    return np.asarray(moved[(moved >= 0).all(axis=1)])
