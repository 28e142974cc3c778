"""Resolve a person file: prepare, block, observe, train, score, cluster."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.blocking import BlockingReport, block, rules_for
from pipelines.matching.cluster import Constraints, cluster
from pipelines.matching.comparison import comparisons_for
from pipelines.matching.default_value import forget_defaults
from pipelines.matching.errors import NoIdentifierError
from pipelines.matching.input_note import count_unread, note_keys, note_unread
from pipelines.matching.mapping import Mapping, check_telling
from pipelines.matching.model import Model, observe_levels, train
from pipelines.matching.opposition import with_opposed
from pipelines.matching.prepare import prepare
from pipelines.matching.scoring import ScoredPairs, score
from pipelines.matching.workspace import Workspace

WhenPrepared = Callable[[Workspace], None]

# Rows standardised at a time, which bounds the memory of the Python side.
_CHUNK_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Options:
    """How to resolve.

    Attributes:
        threshold: log2 odds above which records are one person.
        region: country of phone numbers without a country code.
        memory: DuckDB's limit; beyond it spills to disk.
        threads: DuckDB's threads.
        seed: of the sample that estimates chance agreement.

    """

    threshold: float = 0.0
    region: str = "KR"
    memory: str = "4GB"
    threads: int = 2
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Resolution:
    """The answer for one file.

    Attributes:
        group: for each row the smallest row number of its person.
        pairs: scored pairs.
        model: what was learned; `None` when no pair shared a key.
        blocking: what blocking kept and dropped.
        warnings: what the reader should know.
        seconds: by step.

    """

    group: NDArray[np.int64]
    pairs: ScoredPairs
    model: Model | None
    blocking: BlockingReport
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


@contextmanager
def open_workspace(options: Options) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a private in-memory DuckDB with the options' limits."""
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
    when_prepared: WhenPrepared | None = None,
) -> Resolution:
    """Find which rows are one person.

    Args:
        connection: a workspace; afterwards it holds `person`, `candidate`, `observed` and `scored`.
        frame: all columns text or null.
        mapping: which column plays which part.
        options: thresholds and limits.
        constraints: steward's links.
        when_prepared: called when `person` holds what the file says, before values that stand for nobody are forgotten.

    Raises:
        NoIdentifierError: no mapped part can tell people apart, or all their values are empty.

    """
    options = options or Options()
    check_telling(mapping)
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
        alone = cluster(size, nothing, nothing, np.empty(0), constraints)
        return Resolution(alone, ScoredPairs(nothing, nothing, np.empty(0)), None, blocking, notes, clock.laps)
    comparisons = comparisons_for(columns)
    observe_levels(connection, comparisons, pairs="candidate", into="observed")
    clock.lap("compare")
    model = train(connection, comparisons, population=_population(connection, size, across), seed=options.seed)
    clock.lap("train")
    pairs = with_opposed(connection, score(connection, model), size, threshold=options.threshold)
    clock.lap("score")
    ties = content_order(connection)
    group = cluster(size, pairs.left, pairs.right, pairs.weight, constraints, threshold=options.threshold, ties=ties)
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
    """Standardise the file into the table `person`, a chunk at a time; return warnings about its content.

    With `behind`, the rows are added after that many that are there already. `when_prepared`: see `resolve`.
    """
    first, unread = behind is None, Counter[str]()
    for start in range(0, max(len(frame), 1), _CHUNK_ROWS):
        raw = frame.iloc[start : start + _CHUNK_ROWS]
        chunk = prepare(raw, mapping, options.region)
        chunk["rid"] += start + (behind or 0)
        put_person(connection, chunk, is_new=first)
        first = False
        unread += count_unread(raw, chunk, mapping)
    if when_prepared:
        when_prepared(connection)
    return [*note_keys(frame, mapping), *note_unread(unread, len(frame)), *forget_defaults(connection)]


def put_person(connection: Workspace, prepared: pd.DataFrame, *, is_new: bool) -> None:
    """Write standardised rows (see `prepare`) to the table `person`: a new one, or behind the rows that it has."""
    # A column without any value has no type of its own, and Spark makes no list of what it takes for text.
    typed = ", ".join(f"{c if prepared[c].notna().any() else 'null'}::{_sql_type(c)} as {c}" for c in prepared.columns)
    connection.register("chunk", prepared)
    verb = "create or replace table person as" if is_new else "insert into person by name"
    connection.execute(f"{verb} select {typed} from chunk")
    connection.unregister("chunk")


def _sql_type(column: str) -> str:
    if column == "rid" or column.endswith("_bits"):
        return "bigint"
    if column in ("name_tokens", "address_tokens"):
        return "varchar[]"
    return "smallint[]" if column == "given_forms" else "varchar"


def filled_columns(connection: Workspace) -> list[str]:
    """Return the columns of `person` that hold a value anywhere.

    Raises:
        NoIdentifierError: no telling column holds any value.

    """
    columns = [r[0] for r in connection.execute("describe person").fetchall() if not r[0].endswith("_bits")]
    counts = connection.execute(f"select {', '.join(f'count({c})' for c in columns)} from person").fetchall()[0]
    filled = [c for c, n in zip(columns, counts, strict=True) if n]
    telling = ("given", "surname", "birth_date", "phone", "email", "device", "identifier_")
    if not any(c.startswith(telling) for c in filled):
        raise NoIdentifierError(
            "No usable identifier: every name, birth date, phone, e-mail, identifier and device is empty in "
            f"all {counts[0]} records."
        )
    return filled


def content_order(connection: Workspace) -> NDArray[np.int64]:
    """Return for each record of `person` its place in an order of what the records say, whatever the order of rows."""
    columns = [str(row[0]) for row in connection.execute("describe person").fetchall()]
    # Households may be tokens, which follow from a secret and say nothing of the person.
    said = ", ".join(
        f"coalesce({c}, '')"
        for c in sorted(columns)
        if _sql_type(c) == "varchar" and c != "rid" and not c.startswith("household")
    )
    # Text of all columns would be compared letter by letter; its digest orders as well.
    rows = connection.execute(f"select rid::bigint as rid from person order by md5(concat_ws('|', {said})), rid")
    order = np.asarray(rows.fetchnumpy()["rid"], dtype=np.int64)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place


def _with_sources(connection: Workspace, mapping: Mapping, constraints: Constraints) -> Constraints:
    if not mapping.one_per_person or constraints.exclusive_source is not None:
        return constraints
    rows = connection.execute(
        "select dense_rank() over (order by source) - 1 as s from person order by rid"
    ).fetchnumpy()
    return Constraints(constraints.must_link, constraints.never_link, np.asarray(rows["s"], dtype=np.int64))


def _population(connection: Workspace, size: int, across_sources: bool) -> int:
    pairs = size * (size - 1) // 2
    if across_sources:
        same = connection.execute("select sum(n * (n - 1) / 2) from (select count(*) as n from person group by source)")
        pairs -= int(same.fetchall()[0][0])
    return max(pairs, 1)


def _dropped(report: BlockingReport) -> list[str]:
    return [
        f"Blocking by {name}: {report.dropped_records[name]} records share one of {blocks} values held by "
        "too many records; that value was not used to find pairs."
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
