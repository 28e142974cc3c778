"""Scores which people of the registers are one: all of them, or only those that a new batch reaches.

Everything happens in one DuckDB in memory that may not spill: what it holds is clear text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.identity.blocking import block, rules_for
from pipelines.identity.errors import NoIdentifierError
from pipelines.identity.model import Model, observe_levels
from pipelines.identity.person_record import PersonRecords
from pipelines.identity.resolve import Options, filled_columns, load_person, resolve
from pipelines.identity.scoring import ScoredPairs, score

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
MOST_FRESH = 0.2
"""With a larger share of new people the model is trained again, and everybody is compared with everybody."""


@dataclass(frozen=True)
class Matching:
    """What was compared.

    Attributes:
        pairs: scored pairs of row numbers of the person records.
        reached: which people were looked at; the others keep the group that they had.
        trained: the model that was learned this time; None when the kept one was used, or there was nothing to learn.
        columns: the prepared columns that it was trained with.
        notes: what a reader should know, without personal data.
    """

    pairs: ScoredPairs
    reached: Bools
    trained: Model | None = None
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


@contextmanager
def open_private_workspace(options: Options) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB in memory that writes nothing: beyond its limit it fails, and never spills to disk."""
    connection = duckdb.connect(
        config={"memory_limit": options.memory, "threads": options.threads, "temp_directory": ""}
    )
    try:
        connection.execute("set enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


def match_all(persons: PersonRecords, options: Options) -> Matching:
    """Train on all people and score all pairs worth it."""
    everybody = np.ones(len(persons), dtype=bool)
    with open_private_workspace(options) as workspace:
        try:
            answer = resolve(workspace, persons.parts, persons.mapping, options)
        except NoIdentifierError as error:
            return Matching(no_pairs(), everybody, notes=(str(error),))
        columns = tuple(filled_columns(workspace)) if answer.model else ()
    return Matching(answer.pairs, everybody, answer.model, columns, answer.warnings)


def match_reached(persons: PersonRecords, group: Ints, fresh: Bools, told: Bools, model: Model, options: Options) -> (
    Matching
):  # fmt: skip
    """Score fresh people against all, and again everybody in the groups that they or a decision reach.

    Args:
        persons: all people, old and new.
        group: the former group of each person; a fresh one has its former group, or one of its own.
        fresh: whose description is new or has changed.
        told: whom a steward named.
        model: as trained before.
        options: as before.
    """
    reached = np.isin(group, np.unique(group[fresh | told]))
    if not reached.any():
        return Matching(no_pairs(), reached)
    order = np.argsort(fresh, kind="stable")
    with open_private_workspace(options) as workspace:
        notes = load_person(workspace, persons.parts.iloc[order].reset_index(drop=True), persons.mapping, options)
        if fresh.any():
            pairs = _scored(workspace, model, "person", since=int((~fresh).sum()))
            linked = pairs.weight > options.threshold
            met = order[np.concatenate([pairs.left[linked], pairs.right[linked]])]
            reached |= np.isin(group, np.unique(group[met]))
        rows = pd.DataFrame({"rid": np.flatnonzero(reached[order])})
        workspace.register("reached_rows", rows)
        workspace.execute("create table reached as select p.* from person p semi join reached_rows r on p.rid = r.rid")
        pairs = _scored(workspace, model, "reached", since=0)
    left, right = order[pairs.left], order[pairs.right]
    ends = np.minimum(left, right), np.maximum(left, right)
    return Matching(ScoredPairs(*ends, pairs.weight), reached, notes=tuple(notes))


def no_pairs() -> ScoredPairs:
    """Return no pairs at all."""
    nothing = np.empty(0, dtype=np.int64)
    return ScoredPairs(nothing, nothing, np.empty(0))


def _scored(workspace: duckdb.DuckDBPyConnection, model: Model, table: str, since: int) -> ScoredPairs:
    found = block(workspace, rules_for(filled_columns(workspace)), table=table, since=since)
    if not found.candidates:
        return no_pairs()
    observe_levels(workspace, model.comparisons, pairs="candidate", into="observed", table=table)
    return score(workspace, model)
