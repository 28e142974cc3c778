"""Resolves a person file: standardise, block, compare, train, score and cluster its records."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.blocking import BlockingResult, block, rules_for
from pipelines.matching.cluster import Constraints, cluster
from pipelines.matching.comparison import comparisons_for
from pipelines.matching.default_value import clear_default_values
from pipelines.matching.errors import NoIdentifierError
from pipelines.matching.former_group import favour_former
from pipelines.matching.input_warning import count_unreadable_values, warn_of_repeated_ids, warn_of_unreadable_values
from pipelines.matching.mapping import Mapping, check_identifying
from pipelines.matching.model import Model, observe_levels, train
from pipelines.matching.preparation import has_several_scripts, prepare
from pipelines.matching.rejected_pair import with_rejected_pairs
from pipelines.matching.scoring import ScoredPairs, score
from pipelines.matching.workspace import Workspace

WhenPrepared = Callable[[Workspace], None]

# Number of rows standardised at a time; it limits the memory that pandas needs.
_CHUNK_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Options:
    """Thresholds and limits of a resolution.

    Attributes:
        threshold: match weight (log2 odds) above which records are one person.
        region: two-letter country of phone numbers without a country code.
        memory: memory limit of DuckDB; above it DuckDB writes to disk.
        threads: number of threads of DuckDB.
        seed: seed of the random pairs that estimate chance agreement.

    """

    threshold: float = 0.0
    region: str = "KR"
    memory: str = "4GB"
    threads: int = 2
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Resolution:
    """The resolved persons of one file.

    Attributes:
        group: for each row the smallest row number of its person.
        pairs: scored pairs of row numbers.
        model: the trained model; `None` if there were no candidate pairs.
        blocking: numbers of candidate pairs and dropped blocks.
        warnings: messages about the content of the file, without personal data.
        seconds: wall time by step.

    """

    group: NDArray[np.int64]
    pairs: ScoredPairs
    model: Model | None
    blocking: BlockingResult
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


@contextmanager
def open_workspace(options: Options) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a new in-memory DuckDB with the limits of the options; close it at the end."""
    connection = duckdb.connect(config={"memory_limit": options.memory, "threads": options.threads})
    try:
        connection.execute("set enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


def resolve(
    connection: Workspace,
    frame: pd.DataFrame,
    mapping: Mapping,
    options: Options | None = None,
    constraints: Constraints | None = None,
    *,
    former: NDArray[np.int64] | None = None,
    when_prepared: WhenPrepared | None = None,
) -> Resolution:
    """Resolve a person file: return the person of each row, the scored pairs and the trained model.

    Args:
        connection: a workspace; afterwards it has the tables `person`, `candidate`, `observed` and `scored`.
        frame: one row per record; all columns are text or null.
        mapping: the columns of each part.
        options: thresholds and limits.
        constraints: must-links and cannot-links of a steward.
        former: number of the group that each row had in an earlier run (see `favour_former`); -1 for a new row.
        when_prepared: called with the workspace after `person` was written and before default values are set to null.

    Raises:
        NoIdentifierError: no mapped part can identify a person, or all values of these parts are empty.

    """
    options = options or Options()
    check_identifying(mapping)
    clock = _Clock()
    warnings = load_person(connection, frame, mapping, options, when_prepared=when_prepared)
    constraints = _with_sources(connection, mapping, constraints or Constraints())
    clock.lap("prepare")
    columns = filled_columns(connection)
    across = constraints.exclusive_source is not None
    blocking = block(connection, rules_for(columns), across_sources=across)
    clock.lap("block")
    notes = (*warnings, *_dropped(blocking))
    size = len(frame)
    if not blocking.candidates:
        nothing = np.empty(0, dtype=np.int64)
        group = cluster(size, nothing, nothing, np.empty(0), constraints)
        return Resolution(group, ScoredPairs(nothing, nothing, np.empty(0)), None, blocking, notes, clock.laps)
    comparisons = comparisons_for(columns)
    observe_levels(connection, comparisons, pairs="candidate", into="observed")
    clock.lap("compare")
    model = train(connection, comparisons, population=_population(connection, size, across), seed=options.seed)
    clock.lap("train")
    pairs = with_rejected_pairs(connection, score(connection, model), size, threshold=options.threshold, model=model)
    clock.lap("score")
    ties = content_order(connection)
    weights = pairs.weight if former is None else favour_former(pairs, former)
    group = cluster(size, pairs.left, pairs.right, weights, constraints, threshold=options.threshold, ties=ties)
    clock.lap("cluster")
    return Resolution(group, pairs, model, blocking, notes, clock.laps)


def load_person(
    connection: Workspace,
    frame: pd.DataFrame,
    mapping: Mapping,
    options: Options,
    *,
    behind: int | None = None,
    when_prepared: WhenPrepared | None = None,
) -> list[str]:
    """Standardise a file into the table `person`, one chunk at a time; return warnings about its content.

    Args:
        connection: a workspace.
        frame: one row per record; all columns are text or null.
        mapping: the columns of each part.
        options: thresholds and limits.
        behind: number of rows that `person` has already, after which the rows are added; None: make a new table.
        when_prepared: see `resolve`.
    """
    first, unreadable = behind is None, Counter[str]()
    is_mixed = has_several_scripts(frame, mapping) if first else _is_mixed(connection)
    for start in range(0, max(len(frame), 1), _CHUNK_ROWS):
        raw = frame.iloc[start : start + _CHUNK_ROWS]
        chunk = prepare(raw, mapping, options.region, is_mixed=is_mixed)
        chunk["rid"] += start + (behind or 0)
        write_person(connection, chunk, is_new=first)
        first = False
        unreadable += count_unreadable_values(raw, chunk, mapping)
    if when_prepared:
        when_prepared(connection)
    return [
        *warn_of_repeated_ids(frame, mapping),
        *warn_of_unreadable_values(unreadable, len(frame)),
        *clear_default_values(connection),
    ]


def write_person(connection: Workspace, prepared: pd.DataFrame, *, is_new: bool) -> None:
    """Write standardised rows (see `prepare`) to the table `person`: make a new table, or append to it."""
    # A column without any value has no type and needs a typed null, because Spark cannot cast text to a list.
    typed = ", ".join(f"{c if prepared[c].notna().any() else 'null'}::{_sql_type(c)} as {c}" for c in prepared.columns)
    connection.register("chunk", prepared)
    verb = "create or replace table person as" if is_new else "insert into person by name"
    connection.execute(f"{verb} select {typed} from chunk")
    connection.unregister("chunk")


def _sql_type(column: str) -> str:
    if column == "rid" or column.endswith(("_bits", "_script", "_form_number")):
        return "bigint"
    if column in ("name_tokens", "address_tokens"):
        return "varchar[]"
    return "integer[]" if column in ("given_forms", "surname_forms") else "varchar"


def _is_mixed(connection: Workspace) -> bool:
    """Return whether the table `person` has columns that compare names of different scripts."""
    return any(r[0] == "given_cross" for r in connection.execute("describe person").fetchall())


def filled_columns(connection: Workspace) -> list[str]:
    """Return the columns of `person` that have at least one value.

    Raises:
        NoIdentifierError: no column that identifies a person has a value.

    """
    columns = [
        r[0]
        for r in connection.execute("describe person").fetchall()
        if not r[0].endswith(("_bits", "_script", "_form_number"))
    ]
    counts = connection.execute(f"select {', '.join(f'count({c})' for c in columns)} from person").fetchall()[0]
    filled = [c for c, n in zip(columns, counts, strict=True) if n]
    identifying = ("given", "surname", "birth_date", "phone", "email", "device", "identifier_")
    if not any(c.startswith(identifying) for c in filled):
        raise NoIdentifierError(
            "No usable identifier: every name, birth date, phone, e-mail, identifier and device is empty in "
            f"all {counts[0]} records. Check that the mapping names the right columns."
        )
    return filled


def content_order(connection: Workspace) -> NDArray[np.int64]:
    """Return the rank of each record of `person` in an order by content, which does not depend on the order of rows."""
    columns = [str(row[0]) for row in connection.execute("describe person").fetchall()]
    # Households may be tokens, which depend on a secret and not on the person.
    values = ", ".join(
        f"coalesce({c}, '')"
        for c in sorted(columns)
        if _sql_type(c) == "varchar" and c not in ("rid", "generation") and not c.startswith("household")
    )
    suffix = " || coalesce(generation, '')" if "generation" in columns else ""
    # Sorting by a digest is faster than comparing the text of all columns letter by letter.
    rows = connection.execute(
        f"select rid::bigint as rid from person order by md5(concat_ws('|', {values}){suffix}), rid"
    )
    order = np.asarray(rows.fetchnumpy()["rid"], dtype=np.int64)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _with_sources(connection: Workspace, mapping: Mapping, constraints: Constraints) -> Constraints:
    if not mapping.one_per_person or constraints.exclusive_source is not None:
        return constraints
    rows = connection.execute(
        "select dense_rank() over (order by source) - 1 as s from person order by rid"
    ).fetchnumpy()
    return Constraints(constraints.must_link, constraints.cannot_link, np.asarray(rows["s"], dtype=np.int64))


def _population(connection: Workspace, size: int, across_sources: bool) -> int:
    pairs = size * (size - 1) // 2
    if across_sources:
        same = connection.execute("select sum(n * (n - 1) / 2) from (select count(*) as n from person group by source)")
        pairs -= int(same.fetchall()[0][0])
    return max(pairs, 1)


def _dropped(report: BlockingResult) -> list[str]:
    return [
        f"Blocking by {name}: {report.dropped_records[name]} records have one of {blocks} values that too many records "
        "share. These values were not used to find candidate pairs; other blocking rules still apply to the records."
        for name, blocks in report.dropped_blocks.items()
        if " + " not in name
    ]


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now
