"""Scores which people of the registers are one: all of them, or only those that a new batch reaches.

Everything happens in one DuckDB in memory that may not spill: what it holds is clear text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.identity.blocking import block, rules_for
from pipelines.identity.errors import NoIdentifierError
from pipelines.identity.model import Model, observe_levels
from pipelines.identity.person_record import PersonRecords
from pipelines.identity.resolve import Options, filled_columns, load_person, resolve
from pipelines.identity.scoring import ScoredPairs, find_likely, score

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


class Matcher(Protocol):
    """Scores people: given the records, their former groups, who is new, whom a decision or key touches."""

    def __call__(
        self, persons: PersonRecords, group: Ints, fresh: Bools, told: Bools, model: Model | None, options: Options
    ) -> Matching:
        """Return what was compared; `reached` covers at least the groups of who is new or touched."""
        ...


def match_people(
    persons: PersonRecords, group: Ints, fresh: Bools, told: Bools, model: Model | None, options: Options
) -> Matching:
    """Score all people, or only those reached when a model is kept and few are new. See `match_reached`."""
    if len(persons) < 2:
        return Matching(no_pairs(), np.ones(len(persons), dtype=bool))
    if model is None or fresh.mean() > MOST_FRESH:
        return match_all(persons, options)
    return match_reached(persons, group, fresh, told, model, options)


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
        near = reached.copy()
        if fresh.any() and _observe(workspace, model, "person", since=int((~fresh).sum())):
            near |= np.isin(group, np.unique(group[order[find_likely(workspace, model)]]))
        rows = pd.DataFrame({"rid": np.flatnonzero(near[order])})
        workspace.register("near_rows", rows)
        workspace.execute("create table near as select p.* from person p semi join near_rows r on p.rid = r.rid")
        pairs = score(workspace, model) if _observe(workspace, model, "near", since=0) else no_pairs()
    left, right = order[pairs.left], order[pairs.right]
    linked = (pairs.weight > options.threshold) & (fresh[left] | fresh[right])
    reached |= np.isin(group, np.unique(group[np.concatenate([left[linked], right[linked]])]))
    inside = reached[left] & reached[right]
    ends = np.minimum(left, right)[inside], np.maximum(left, right)[inside]
    return Matching(ScoredPairs(*ends, pairs.weight[inside]), reached, notes=tuple(notes))


def no_pairs() -> ScoredPairs:
    """Return no pairs at all."""
    nothing = np.empty(0, dtype=np.int64)
    return ScoredPairs(nothing, nothing, np.empty(0))


def _observe(workspace: duckdb.DuckDBPyConnection, model: Model, table: str, since: int) -> bool:
    """Compare the records that share a key, of which one has this number or a later one; tell whether there are any."""
    found = block(workspace, rules_for(filled_columns(workspace)), table=table, since=since)
    if found.candidates:
        observe_levels(workspace, model.comparisons, pairs="candidate", into="observed", table=table)
    return found.candidates > 0
