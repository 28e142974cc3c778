"""Verifies a release on the engine: the engine counts the published frame, the verifier checks the counts.

Classes that exceed one process are checked in buckets. All rows of a class are in one bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from privacy.anonymity.engine.row import KEY, ROWS, text_of
from privacy.anonymity.spec.model import AnyModel, KAnonymity
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import modelled_columns
from privacy.anonymity.verify.verification import Verdict, verify

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PERSON = "__person"


def verify_on_engine(published: DataFrame, keyed: DataFrame, spec: Spec, scratch: str | None = None) -> Verdict:
    """Returns the verifier's verdict on a published frame, checked against the rows of its input.

    With `scratch`, the counts are written there first and read in buckets of about `spec.memory_units`.
    """
    from pyspark.sql import functions as f

    quasi, modelled = list(spec.quasi), modelled_columns(spec)
    base = keyed.groupBy(*[f"{KEY}{len(quasi) + i}" for i in range(len(modelled))]).agg(f.count(f.lit(1)).alias(ROWS))
    original = base.toPandas()
    original = original.rename(columns={f"{KEY}{len(quasi) + i}": name for i, name in enumerate(modelled)})
    person = [text_of(spec.person).alias(PERSON)] if spec.person else []
    texts = [text_of(name).alias(name) for name in modelled]
    counted_columns = published.select(*[f.col(f"`{name}`") for name in quasi], *texts, *person)
    verdicts: list[Verdict] = []
    for columns, models in _plans(spec):
        counter = f.countDistinct(PERSON) if spec.person else f.count(f.lit(1))
        counted = counted_columns.groupBy(*[f"`{name}`" for name in columns]).agg(counter.alias(ROWS))
        part = {name: spec.columns[name] for name in columns}
        limits = {"columns": part, "models": models, "person": None, "suppression_limit": 1.0}
        narrow = spec.model_copy(update=limits)
        place = f"{scratch}/class-{len(verdicts)}" if scratch else None
        judged = [
            verify(rows[columns], original, narrow, weight=rows[ROWS], original_weight=original[ROWS])
            for rows in _buckets(counted, quasi, spec.memory_units, place)
        ]
        verdicts.append(_join(judged))
    rows = counted_columns.count() if spec.person else verdicts[0].rows
    people = counted_columns.select(PERSON).distinct().count() if spec.person else rows
    return _whole(verdicts, rows, people, int(original[ROWS].sum()), spec)


def _plans(spec: Spec) -> list[tuple[list[str], tuple[AnyModel, ...]]]:
    """Returns the columns that are counted together, and the models that are checked by these counts.

    People are counted once in each class for class size, and once for each class and value of a sensitive column.
    """
    quasi, modelled = list(spec.quasi), modelled_columns(spec)
    if spec.person is None:
        return [([*quasi, *modelled], spec.models)]
    size = tuple(model for model in spec.models if isinstance(model, KAnonymity)) or (KAnonymity(k=1),)
    plans: list[tuple[list[str], tuple[AnyModel, ...]]] = [(quasi, size)]
    plans += [([*quasi, name], tuple(model for model in spec.models if model.column == name)) for name in modelled]
    return plans


def _buckets(counted: DataFrame, quasi: Sequence[str], most: int, place: str | None) -> Iterator[pd.DataFrame]:
    """Yields the counts in frames of about `most` rows. All rows of a class are in one frame."""
    from pyspark.sql import functions as f

    if place is None:
        yield counted.toPandas()
        return
    counted.write.parquet(place)
    stored = counted.sparkSession.read.parquet(place)
    number = -(-stored.count() // most)
    bucket = f.pmod(f.hash(*[f.col(f"`{name}`") for name in quasi]), f.lit(number))
    for wanted in range(number):
        rows = stored.where(bucket == wanted).toPandas()
        if len(rows):
            yield rows


def _join(verdicts: list[Verdict]) -> Verdict:
    """Returns one verdict that combines the verdicts on different classes."""
    floors = ("k_anonymity", "distinct_l", "entropy_l", "k_map")
    measured: dict[str, float] = {}
    for verdict in verdicts:
        for name, value in verdict.measured.items():
            worse = min if name.split(":")[0] in floors else max
            measured[name] = worse(measured.get(name, value), value)
    return Verdict(
        tuple(violation for verdict in verdicts for violation in verdict.violations),
        tuple(fault for verdict in verdicts for fault in verdict.faults),
        sum(verdict.classes for verdict in verdicts),
        sum(verdict.rows for verdict in verdicts),
        sum(verdict.people for verdict in verdicts),
        measured,
    )


def _whole(verdicts: list[Verdict], rows: int, people: int, original_rows: int, spec: Spec) -> Verdict:
    """Returns one verdict that combines verdicts on different models, and checks the number of rows."""
    faults = [fault for verdict in verdicts for fault in verdict.faults]
    if rows < original_rows * (1 - spec.suppression_limit) - 1e-6:
        faults.append(f"{original_rows - rows} rows are missing, more than the suppression limit allows")
    if rows > original_rows:
        faults.append("the published table has more rows than the original")
    if not rows:
        faults.append("the published table has no rows")
    return Verdict(
        tuple(violation for verdict in verdicts for violation in verdict.violations),
        tuple(faults),
        verdicts[0].classes,
        rows,
        people,
        {name: value for verdict in verdicts for name, value in verdict.measured.items()},
    )
