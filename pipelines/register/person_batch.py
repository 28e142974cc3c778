"""Scores a batch of people against all: by sketches first, and in clear only who may be the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.blocking import block, rules_for
from pipelines.matching.default_value import forget_alike, forget_defaults
from pipelines.matching.few_pairs import score_few
from pipelines.matching.model import Model, observe_levels
from pipelines.matching.opposition import with_opposed
from pipelines.matching.prepare import prepare
from pipelines.matching.resolve import Options, filled_columns, put_person
from pipelines.matching.scoring import ScoredPairs, find_likely
from pipelines.matching.sketch import SKETCH_FLOOR, TABLE, Layout, draw_sketches, put_sketches, rough_model
from pipelines.register.person_match import Matching, Sketches, match_all, no_pairs, open_private_workspace
from pipelines.register.person_record import PersonRecords

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
MOST_FRESH = 0.2
"""With a larger share of new people the model is trained again, and everybody is compared with everybody."""


def match_people(
    persons: PersonRecords, group: Ints, fresh: Bools, told: Bools, model: Model | None, options: Options
) -> Matching:
    """Score all people, or only those reached when a model is kept and few are new. See `match_reached`."""
    if len(persons) < 2:
        return Matching(no_pairs(), np.ones(len(persons), dtype=bool))
    if model is None or fresh.mean() > MOST_FRESH:
        return match_all(persons, options)
    return match_reached(persons, group, fresh, told, model, options)


def match_reached(
    persons: PersonRecords, group: Ints, fresh: Bools, told: Bools, model: Model, options: Options
) -> Matching:
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
    # Fresh people come last, so that pairs with one of them are those from a number on.
    order = np.argsort(fresh, kind="stable")
    with open_private_workspace(options) as workspace:
        desk = Desk(workspace, persons, order, model, options)
        sketches = desk.sketch(np.flatnonzero(reached))
        notes = forget_defaults(workspace, TABLE)
        near = reached.copy()
        if fresh.any():
            near |= np.isin(group, np.unique(group[desk.find_near(int((~fresh).sum()))]))
            desk.lay_out(np.flatnonzero(near))
        pairs = desk.score()
    linked = (pairs.weight > options.threshold) & (fresh[pairs.left] | fresh[pairs.right])
    reached |= np.isin(group, np.unique(group[np.concatenate([pairs.left[linked], pairs.right[linked]])]))
    inside = reached[pairs.left] & reached[pairs.right]
    kept = ScoredPairs(pairs.left[inside], pairs.right[inside], pairs.weight[inside])
    return Matching(kept, reached, notes=tuple(notes), sketches=sketches)


@dataclass
class Desk:
    """The workspace with the sketches of all people, and those laid out that were read in clear.

    In its tables a person goes by the place in `order`.
    """

    workspace: duckdb.DuckDBPyConnection
    persons: PersonRecords
    order: Ints
    model: Model
    options: Options
    laid: Bools = field(init=False)
    place: Ints = field(init=False)
    columns: tuple[str, ...] = ()
    """What standardising yields of what the registers can say, whether anybody has it or not."""

    def __post_init__(self) -> None:
        self.laid = np.zeros(len(self.order), dtype=bool)
        self.place = np.empty(len(self.order), dtype=np.int64)
        self.place[self.order] = np.arange(len(self.order))

    def sketch(self, wanted: Ints) -> Sketches:
        """Write the sketches of all to their table, kept ones and new ones; lay out who is wanted anyway (somebody)."""
        self.lay_out(wanted)
        layout = Layout.of(self.columns)
        values, is_kept = self.persons.book.open(self.persons.frame, layout)
        stale = np.flatnonzero(~is_kept)
        if len(stale):
            self.lay_out(stale)
            rids, drawn = draw_sketches(self.workspace, layout, self.persons.book.keys.hashing)
            values[self.order[rids]] = drawn
        put_sketches(self.workspace, layout, values[self.order])
        return Sketches(layout, values)

    def lay_out(self, rows: Ints) -> None:
        """Read people in clear, standardise them and add them to the table `person`."""
        new = rows[~self.laid[rows]]
        if len(new):
            prepared = self._prepare(new)
            put_person(self.workspace, prepared, is_new=not self.laid.any())
            self.columns = tuple(str(name) for name in prepared.columns if not str(name).endswith("_bits"))
            self.laid[new] = True

    def find_near(self, since: int) -> Ints:
        """Return whom the sketches bring near somebody fresh (from place `since` on), and the latter."""
        rules = Layout.of(self.columns).rules(self.columns)
        found = block(self.workspace, rules, table=TABLE, since=since)
        if not found.candidates:
            return np.empty(0, dtype=np.int64)
        rough = rough_model(self.model)
        observe_levels(self.workspace, rough.comparisons, pairs="candidate", into="rough", table=TABLE)
        return self.order[find_likely(self.workspace, rough, observed="rough", floor=SKETCH_FLOOR)]

    def score(self) -> ScoredPairs:
        """Compare and score everybody who is laid out, by row numbers of the people."""
        forget_alike(self.workspace, "person", TABLE)
        found = block(self.workspace, rules_for(filled_columns(self.workspace)))
        if not found.candidates:
            return no_pairs()
        observe_levels(self.workspace, self.model.comparisons, pairs="candidate", into="observed")
        scored = score_few(self.workspace, self.model, counted_in=TABLE)
        pairs = with_opposed(self.workspace, scored, len(self.order), threshold=self.options.threshold)
        ends = self.order[pairs.left], self.order[pairs.right]
        return ScoredPairs(np.minimum(*ends), np.maximum(*ends), pairs.weight)

    def _prepare(self, rows: Ints) -> pd.DataFrame:
        """Standardise people, by their place."""
        # Few rows may have no Hangul where all together have.
        is_mixed = any("given_cross" in comparison.level_sql() for comparison in self.model.comparisons)
        said = self.persons.describe(rows)
        prepared = prepare(said, self.persons.mapping, self.options.region, is_mixed=is_mixed)
        prepared["rid"] = self.place[rows]
        return prepared
