"""Scores which people of the registers are one, all of them; `person_batch.py` scores those that a new batch reaches.

Everything happens in one DuckDB in memory that may not spill: what it holds is clear text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

from pipelines.matching.errors import NoIdentifierError
from pipelines.matching.model import Model
from pipelines.matching.resolve import Options, filled_columns, resolve
from pipelines.matching.scoring import ScoredPairs
from pipelines.matching.sketch import Hashes, Layout, draw_sketches
from pipelines.matching.workspace import Workspace
from pipelines.register.person_record import PersonRecords

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Sketches:
    """The sketches of all people, by row."""

    layout: Layout
    values: Hashes


@dataclass(frozen=True)
class Matching:
    """What was compared.

    Attributes:
        pairs: scored pairs of row numbers of the person records.
        reached: which people were looked at; the others keep the group that they had.
        trained: the model that was learned this time; None when the kept one was used, or there was nothing to learn.
        columns: the prepared columns that it was trained with.
        notes: what a reader should know, without personal data.
        sketches: of everybody as of now; None when nobody was looked at.
    """

    pairs: ScoredPairs
    reached: Bools
    trained: Model | None = None
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    sketches: Sketches | None = None


class Matcher(Protocol):
    """Scores people: given the records, their former groups, who is new, whom a decision or key touches."""

    def __call__(
        self, persons: PersonRecords, group: Ints, fresh: Bools, told: Bools, model: Model | None, options: Options
    ) -> Matching:
        """Return what was compared; `reached` covers at least the groups of who is new or touched."""
        ...


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
    drawn: list[Sketches] = []

    def draw(workspace: Workspace) -> None:
        layout = Layout.of(_columns(workspace))
        drawn.append(Sketches(layout, draw_sketches(workspace, layout, persons.book.keys.hashing)[1]))

    with open_private_workspace(options) as workspace:
        said = persons.describe(persons.everybody)
        try:
            answer = resolve(workspace, said, persons.mapping, options, when_prepared=draw)
        except NoIdentifierError as error:
            return Matching(no_pairs(), everybody, notes=(str(error),))
        columns = tuple(filled_columns(workspace)) if answer.model else ()
    return Matching(answer.pairs, everybody, answer.model, columns, answer.warnings, drawn[0])


def no_pairs() -> ScoredPairs:
    """Return no pairs at all."""
    nothing = np.empty(0, dtype=np.int64)
    return ScoredPairs(nothing, nothing, np.empty(0))


def _columns(workspace: Workspace) -> list[str]:
    return [str(r[0]) for r in workspace.execute("describe person").fetchall() if not r[0].endswith("_bits")]
