"""Scores a batch of register entries against all entries.

All entries are compared by their sketches. Only entries that may match one of the batch are decrypted and scored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.batch_scoring import score_few_pairs
from pipelines.matching.blocking import block, rules_for
from pipelines.matching.default_value import clear_default_values, clear_values_null_in
from pipelines.matching.model import Model, observe_levels
from pipelines.matching.preparation import prepare
from pipelines.matching.rejected_pair import with_rejected_pairs
from pipelines.matching.resolution import Options, filled_columns, write_person
from pipelines.matching.scoring import ScoredPairs, find_likely
from pipelines.matching.sketch import SKETCH_FLOOR, TABLE, Layout, compute_sketches, rough_model, write_sketches
from pipelines.register.entry_matching import Matching, Sketches, match_all, no_pairs, open_private_workspace
from pipelines.register.register_entry import RegisterEntries

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
MOST_FRESH = 0.2
"""If a larger share of the entries is new or changed, the model is trained again and all entries are compared."""


def match_people(
    persons: RegisterEntries, group: Ints, fresh: Bools, touched: Bools, model: Model | None, options: Options
) -> Matching:
    """Score register entries and return their pairs: only reached entries if a model is stored and few are new.

    Otherwise all entries are scored. For the arguments see `match_reached`.
    """
    if len(persons) < 2:
        return Matching(no_pairs(), np.ones(len(persons), dtype=bool))
    if model is None or fresh.mean() > MOST_FRESH:
        return match_all(persons, options)
    return match_reached(persons, group, fresh, touched, model, options)


def match_reached(
    persons: RegisterEntries, group: Ints, fresh: Bools, touched: Bools, model: Model, options: Options
) -> Matching:
    """Score fresh entries against all entries, and again all entries of reached groups; return the pairs.

    A group is reached if it has a fresh or touched entry, or an entry that links to a fresh one.

    Args:
        persons: all entries, old and new.
        group: the former group of each entry; a new entry may have a group of its own.
        fresh: whether the entry is new or has changed.
        touched: whether a steward's decision names the entry, or a certain key joined it to another group.
        model: the model that was trained before.
        options: thresholds and limits.
    """
    reached = np.isin(group, np.unique(group[fresh | touched]))
    if not reached.any():
        return Matching(no_pairs(), reached)
    # Fresh entries come last, so that their pairs are those with a `rid` from some number on.
    row_of_rid = np.argsort(fresh, kind="stable")
    with open_private_workspace(options) as connection:
        workspace = RegisterWorkspace(connection, persons, row_of_rid, model, options)
        sketches = workspace.load_sketches(np.flatnonzero(reached))
        notes = clear_default_values(connection, TABLE)
        to_score = reached.copy()
        if fresh.any():
            likely = workspace.find_likely_matches(int((~fresh).sum()))
            to_score |= np.isin(group, np.unique(group[likely]))
            workspace.load_decrypted(np.flatnonzero(to_score))
        pairs = workspace.score_decrypted()
    linked = (pairs.weight > options.threshold) & (fresh[pairs.left] | fresh[pairs.right])
    reached |= np.isin(group, np.unique(group[np.concatenate([pairs.left[linked], pairs.right[linked]])]))
    inside = reached[pairs.left] & reached[pairs.right]
    kept = ScoredPairs(pairs.left[inside], pairs.right[inside], pairs.weight[inside])
    return Matching(kept, reached, notes=tuple(notes), sketches=sketches)


@dataclass
class RegisterWorkspace:
    """An in-memory database with the sketches of all register entries and the decrypted values of some of them.

    Attributes:
        connection: the database. Its table `sketch` has all entries, its table `person` the decrypted ones.
        persons: all register entries.
        row_of_rid: the row of each `rid`: in the tables an entry has its position in this array as `rid`.
        model: scores the pairs.
        options: thresholds and limits.
        is_loaded: for each row whether the table `person` has it.
        rid_of_row: the `rid` of each row.
        columns: the prepared columns of the registers, including columns without any value.
    """

    connection: duckdb.DuckDBPyConnection
    persons: RegisterEntries
    row_of_rid: Ints
    model: Model
    options: Options
    is_loaded: Bools = field(init=False)
    rid_of_row: Ints = field(init=False)
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.is_loaded = np.zeros(len(self.row_of_rid), dtype=bool)
        self.rid_of_row = np.empty(len(self.row_of_rid), dtype=np.int64)
        self.rid_of_row[self.row_of_rid] = np.arange(len(self.row_of_rid))

    def load_sketches(self, rows: Ints) -> Sketches:
        """Write the sketches of all entries to the table `sketch` and return them.

        Stored sketches are used where they are current. Other entries are decrypted and get new sketches. The entries
        `rows` (at least one) are decrypted as well, because the layout follows from prepared columns.
        """
        self.load_decrypted(rows)
        layout = Layout.of(self.columns)
        values, is_stored = self.persons.book.open(self.persons.frame, layout)
        stale = np.flatnonzero(~is_stored)
        if len(stale):
            self.load_decrypted(stale)
            rids, drawn = compute_sketches(self.connection, layout, self.persons.book.keys.hashing)
            values[self.row_of_rid[rids]] = drawn
        write_sketches(self.connection, layout, values[self.row_of_rid])
        return Sketches(layout, values)

    def load_decrypted(self, rows: Ints) -> None:
        """Decrypt and standardise these entries and insert them into the table `person`; skip those already there."""
        new = rows[~self.is_loaded[rows]]
        if len(new):
            prepared = self._prepare(new)
            write_person(self.connection, prepared, is_new=not self.is_loaded.any())
            self.columns = tuple(str(name) for name in prepared.columns if not str(name).endswith("_bits"))
            self.is_loaded[new] = True

    def find_likely_matches(self, since: int) -> Ints:
        """Return the rows of pairs that may match by their sketches and in which one `rid` is at least `since`."""
        rules = Layout.of(self.columns).rules(self.columns)
        found = block(self.connection, rules, table=TABLE, since=since)
        if not found.candidates:
            return np.empty(0, dtype=np.int64)
        rough = rough_model(self.model)
        observe_levels(
            self.connection, rough.comparisons, pairs="candidate", into="rough", table=TABLE, has_values=False
        )
        return self.row_of_rid[find_likely(self.connection, rough, observed="rough", floor=SKETCH_FLOOR)]

    def score_decrypted(self) -> ScoredPairs:
        """Compare and score the decrypted entries with each other; return pairs of rows."""
        clear_values_null_in(self.connection, "person", TABLE)
        found = block(self.connection, rules_for(filled_columns(self.connection)))
        if not found.candidates:
            return no_pairs()
        observe_levels(self.connection, self.model.comparisons, pairs="candidate", into="observed")
        scored = score_few_pairs(self.connection, self.model, frequency_table=TABLE)
        pairs = with_rejected_pairs(
            self.connection, scored, len(self.row_of_rid), threshold=self.options.threshold, model=self.model
        )
        ends = self.row_of_rid[pairs.left], self.row_of_rid[pairs.right]
        return ScoredPairs(np.minimum(*ends), np.maximum(*ends), pairs.weight)

    def _prepare(self, rows: Ints) -> pd.DataFrame:
        """Return the standardised values of these entries, with their `rid`s."""
        # Not detected from these rows: a few of them may have no Hangul although the registers have.
        is_mixed = any("given_cross" in comparison.level_sql() for comparison in self.model.comparisons)
        values = self.persons.describe(rows)
        prepared = prepare(values, self.persons.mapping, self.options.region, is_mixed=is_mixed)
        prepared["rid"] = self.rid_of_row[rows]
        return prepared
