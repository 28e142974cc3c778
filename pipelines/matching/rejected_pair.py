"""Adds rejected pairs, which scored below the floor, so that a third record does not join two people.

Scoring drops pairs below its floor. Clustering treats a pair without a score as one that was never compared, which is
only weak evidence against a match (-1 bit). Example: a couple A and B shares a loyalty card C that bears no name. A
and C match with +2.4 bits, and so do B and C. Without a score of (A, B), the mean between {A, C} and {B} is
(2.4 - 1) / 2 = +0.7, and all three join. With (A, B) as a rejected pair (-6 bits) the mean is -1.8.

A pair that a guard refuses gets `REFUSED_WEIGHT`, whatever its score, so that no chain of links joins its records.
Pairs of a small component that were never compared are compared here, because a guard may refuse them as well.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.cluster import components
from pipelines.matching.guard import REFUSED_WEIGHT
from pipelines.matching.model import Model, observe_levels
from pipelines.matching.scoring import FLOOR, ScoredPairs
from pipelines.matching.workspace import Workspace

Ints = NDArray[np.int64]

# Weight of a rejected pair. Its true weight is lower, but the floor is enough where one record links two others.
REJECTED_WEIGHT = FLOOR
# All pairs are compared in components of at most this number of records: a family, or a person with many records.
MOST_COMPARED = 60


def with_rejected_pairs(
    connection: Workspace,
    pairs: ScoredPairs,
    size: int,
    *,
    threshold: float,
    linked: ScoredPairs | None = None,
    model: Model | None = None,
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
        model: the trained model, whose guards refuse pairs; None: no pair is refused.
    """
    ends = [(p.left[p.weight > threshold], p.right[p.weight > threshold]) for p in (pairs, linked) if p is not None]
    left, right = (np.concatenate([end[side] for end in ends]) for side in (0, 1))
    label = components(size, left, right)
    connected = np.flatnonzero(np.bincount(label, minlength=size)[label] > 2)
    if not len(connected):
        return pairs
    connection.register("connected", pd.DataFrame({"rid": connected, "label": label[connected]}))
    connection.execute("create or replace table connected_record as select rid, label from connected")
    connection.unregister("connected")
    scored = _keys(pairs, size)
    model = model if model and _can_refuse(connection, model) else None
    if model:
        _write_repeated_names(connection, model)
    compared, refused = _compared(connection, model, "observed", size)
    if model:
        known = np.concatenate([scored, compared, *([] if linked is None else [_keys(linked, size)])])
        unseen = np.setdiff1d(_pairs_within(label, connected) @ np.array([size, 1]), known)
        _observe(connection, model, unseen, size)
        refused = np.concatenate([refused, _compared(connection, model, "unseen", size)[1]])
    rejected = np.setdiff1d(compared, np.concatenate([scored, refused]))
    kept = ~np.isin(scored, refused)
    keys = np.concatenate([scored[kept], rejected, refused])
    weight = np.concatenate(
        [pairs.weight[kept], np.full(len(rejected), REJECTED_WEIGHT), np.full(len(refused), REFUSED_WEIGHT)]
    )
    order = np.argsort(keys, kind="stable")
    return ScoredPairs(keys[order] // size, keys[order] % size, weight[order])


def _can_refuse(connection: Workspace, model: Model) -> bool:
    """Return whether a guard may refuse a pair of the table `person`; without all guards only different suffixes do."""
    if model.guards.is_active:
        return True
    columns = {r[0] for r in connection.execute("describe person").fetchall()}
    if "generation" not in columns:
        return False
    return bool(connection.execute("select count(generation) as n from person").fetchall()[0][0])


def _write_repeated_names(connection: Workspace, model: Model) -> None:
    """Write the records whose given name occurs in several records of their component to the table `repeated_name`."""
    name = next((c.column for c in model.comparisons if c.name == "given_name"), "null")
    counted = (
        f"select rid, count(*) over (partition by label, {name}) as n from person join connected_record using (rid)"
    )
    connection.execute(
        f"create or replace table repeated_name as select rid from ({counted} where {name} is not null) where n > 1"
    )


def _observe(connection: Workspace, model: Model, keys: Ints, size: int) -> None:
    """Write the levels of the pairs to the table `unseen`."""
    frame = pd.DataFrame({"a": (keys // size).astype(np.int32), "b": (keys % size).astype(np.int32)})
    connection.register("unseen_key", frame)
    connection.execute("create or replace table unseen_pair as select a, b from unseen_key")
    connection.unregister("unseen_key")
    observe_levels(connection, model.comparisons, pairs="unseen_pair", into="unseen")


def _compared(connection: Workspace, model: Model | None, table: str, size: int) -> tuple[Ints, Ints]:
    """Return the pairs of a table of levels within components, and those of them that a guard refuses.

    A name that differs from another by a typing error is a name of its own if both occur in several records.
    """
    is_refused, repeated = "false", ""
    if model:
        alike = model.guards.similar_names_sql(model.comparisons)
        is_refused = f"({model.refusal_sql} > 0 or ({alike} and p.rid is not null and q.rid is not null))"
        repeated = "left join repeated_name p on p.rid = o.a left join repeated_name q on q.rid = o.b "
    rows = connection.execute(
        f"select o.a::bigint as a, o.b::bigint as b, {is_refused} as is_refused from {table} o "
        "join connected_record l on o.a = l.rid join connected_record r on o.b = r.rid "
        f"{repeated}where l.label = r.label"
    ).fetchnumpy()
    keys = np.asarray(rows["a"], dtype=np.int64) * size + np.asarray(rows["b"], dtype=np.int64)
    return keys, keys[np.asarray(rows["is_refused"], dtype=bool)]


def _keys(pairs: ScoredPairs, size: int) -> Ints:
    """Return each pair as one number, `left * size + right`."""
    return pairs.left * size + pairs.right


def _pairs_within(label: Ints, rows: Ints) -> Ints:
    """Return all pairs of the rows within each small component, the lower row first, shape (n, 2)."""
    ordered = rows[np.lexsort((rows, label[rows]))]
    found = [np.empty((0, 2), dtype=np.int64)]
    # Rows at this distance in the order of components; a larger component has rows of one label further apart.
    small = ordered[np.bincount(label[ordered], minlength=len(label))[label[ordered]] <= MOST_COMPARED]
    for step in range(1, MOST_COMPARED):
        pairs = np.column_stack([small[:-step], small[step:]])
        pairs = pairs[label[pairs[:, 0]] == label[pairs[:, 1]]]
        if not len(pairs):
            break
        found.append(pairs)
    return np.concatenate(found)
