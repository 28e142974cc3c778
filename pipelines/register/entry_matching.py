"""Trains the model on all register entries and scores their pairs; `batch_matching` scores only those of a new batch.

All work is done in one in-memory DuckDB that must not write to disk, because it contains decrypted values.
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
from pipelines.matching.resolution import Options, filled_columns, resolve
from pipelines.matching.scoring import ScoredPairs
from pipelines.matching.sketch import Hashes, Layout, compute_sketches
from pipelines.matching.workspace import Workspace
from pipelines.register.register_entry import RegisterEntries

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Sketches:
    """The sketches of all register entries, one row per entry."""

    layout: Layout
    values: Hashes


@dataclass(frozen=True)
class Matching:
    """Result of scoring register entries.

    Attributes:
        pairs: scored pairs of row numbers of the entries.
        reached: for each entry whether it was compared in this run; others keep their former group.
        trained: the model trained in this run; None if a stored model was used or there were no candidate pairs.
        columns: the prepared columns with which the model was trained.
        notes: warnings about the content, without personal data.
        sketches: the sketches of all entries; None if no entry was compared.
    """

    pairs: ScoredPairs
    reached: Bools
    trained: Model | None = None
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    sketches: Sketches | None = None


class Matcher(Protocol):
    """Scores register entries; for the arguments see `batch_matching.match_reached`."""

    def __call__(
        self, persons: RegisterEntries, group: Ints, fresh: Bools, touched: Bools, model: Model | None, options: Options
    ) -> Matching:
        """Return the scored pairs; `reached` includes at least the groups of fresh and touched entries."""
        ...


@contextmanager
def open_private_workspace(options: Options) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB that fails above its memory limit instead of writing to disk; close it at the end."""
    connection = duckdb.connect(
        config={"memory_limit": options.memory, "threads": options.threads, "temp_directory": ""}
    )
    try:
        connection.execute("set enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


def match_all(persons: RegisterEntries, options: Options) -> Matching:
    """Train the model on all register entries, score their candidate pairs and return the result."""
    all_reached = np.ones(len(persons), dtype=bool)
    drawn: list[Sketches] = []

    def draw(workspace: Workspace) -> None:
        layout = Layout.of(_columns(workspace))
        drawn.append(Sketches(layout, compute_sketches(workspace, layout, persons.book.keys.hashing)[1]))

    with open_private_workspace(options) as workspace:
        values = persons.describe(persons.all_rows)
        try:
            found = resolve(workspace, values, persons.mapping, options, when_prepared=draw)
        except NoIdentifierError as error:
            return Matching(no_pairs(), all_reached, notes=(str(error),))
        columns = tuple(filled_columns(workspace)) if found.model else ()
    return Matching(found.pairs, all_reached, found.model, columns, found.warnings, drawn[0])


def no_pairs() -> ScoredPairs:
    """Return an empty set of pairs."""
    nothing = np.empty(0, dtype=np.int64)
    return ScoredPairs(nothing, nothing, np.empty(0))


def _columns(workspace: Workspace) -> list[str]:
    return [str(r[0]) for r in workspace.execute("describe person").fetchall() if not r[0].endswith("_bits")]
