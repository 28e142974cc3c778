"""Finds examples of rows that break a check, without personal data.

An example shows only values of columns that the contract declares non-personal, and the file and line of the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Column, Contract
from pipelines.quality import sql
from pipelines.quality.check import Check, KeyCheck, OutlierCheck, ReferenceCheck, RowCheck
from pipelines.quality.result import Example
from privacy.contract.vocabulary import load_vocabulary

ROW_REFERENCE = ("_source_file", "_line")
MAX_EXAMPLES = 5


@dataclass(frozen=True)
class FailedCheck:
    """A check that some rows break.

    `condition` is the SQL condition for these rows; None if the check itself defines it.
    """

    check: Check
    condition: str | None = None


def is_showable(column: Column) -> bool:
    """Return whether values of the column can be shown: no personal category, no identifier role, no matching token."""
    return not load_vocabulary().is_personal(column.category) and column.role == "none" and column.token is None


def find_examples(
    frame: DataFrame, contract: Contract, failed: Sequence[FailedCheck], parents: Mapping[str, DataFrame]
) -> dict[str, tuple[Example, ...]]:
    """Return up to five examples of each failed check, by the check's name, in one query.

    Both engines return the same examples. A check is left out if none of its columns can be shown.
    """
    parts: dict[str, tuple[tuple[str, ...], DataFrame]] = {}
    for one in failed:
        found = _broken(frame, contract, one, parents)
        if found is not None:
            names, rows = found
            texts = F.array(*[F.col(sql.name(name)).cast("string") for name in names]).alias("example")
            ordered = rows.orderBy(*[F.col(sql.name(name)) for name in names]).limit(MAX_EXAMPLES)
            parts[one.check.name] = names, ordered.select(F.lit(one.check.name).alias("check"), texts)
    if not parts:
        return {}
    whole: DataFrame | None = None
    for _, part in parts.values():
        whole = part if whole is None else whole.union(part)
    assert whole is not None
    examples: dict[str, list[Example]] = {name: [] for name in parts}
    for row in whole.collect():
        examples[row["check"]].append(dict(zip(parts[row["check"]][0], row["example"], strict=True)))
    return {name: tuple(sorted(found, key=str)) for name, found in examples.items()}


def _broken(
    frame: DataFrame, contract: Contract, failed: FailedCheck, parents: Mapping[str, DataFrame]
) -> tuple[tuple[str, ...], DataFrame] | None:
    check = failed.check
    if isinstance(check, RowCheck | OutlierCheck):
        condition = failed.condition
        if isinstance(check, RowCheck):
            condition = f"({check.element}) and ({check.violation})"
        names = _showable_names(frame, contract, (check.column,) if check.column else ())
        if condition is None or not names:
            return None
        return names, frame.where(condition).select(*names)
    if isinstance(check, ReferenceCheck):
        names = _showable_names(frame, contract, check.columns)
        if not names or check.parent not in parents:
            return None
        return names, _orphans(frame, check, parents[check.parent]).select(*names)
    if isinstance(check, KeyCheck):
        return _repeated(frame, contract, check)
    return None


def _showable_names(frame: DataFrame, contract: Contract, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return those of the wanted columns that can be shown, and the columns that identify the row.

    These are the file and line in bronze; without them, the columns of the primary key that can be shown.
    """
    present = set(frame.columns)
    showable = {column.name for column in contract.columns if is_showable(column)}
    reference = [name for name in ROW_REFERENCE if name in present] or [
        name for name in contract.primary_key if name in showable
    ]
    names = [name for name in wanted if name in showable] + [name for name in reference if name not in wanted]
    return tuple(name for name in names if name in present)


def _orphans(frame: DataFrame, check: ReferenceCheck, parent: DataFrame) -> DataFrame:
    keys = [f"_key_{position}" for position in range(len(check.columns))]
    known = parent.select(*_aliased(check.parent_columns, keys)).distinct()
    children = frame
    for column, key in zip(check.columns, keys, strict=True):
        children = children.withColumn(key, F.col(sql.name(column)))
    complete = " and ".join(f"{key} is not null" for key in keys)
    return children.where(complete).join(known, on=keys, how="left_anti")


def _repeated(frame: DataFrame, contract: Contract, check: KeyCheck) -> tuple[tuple[str, ...], DataFrame] | None:
    showable = {column.name for column in contract.columns if is_showable(column)}
    shown = check.columns if set(check.columns) <= showable else ()
    reference = [name for name in ROW_REFERENCE if name in frame.columns]
    if not shown and not reference:
        return None
    complete = " and ".join(f"{sql.name(column)} is not null" for column in check.columns)
    first = [F.min(F.struct(*reference)).alias("_first")] if reference else []
    groups = (
        frame.where(complete)
        .groupBy(*[F.col(sql.name(column)) for column in check.columns])
        .agg(F.count(F.lit(1)).alias("_times"), *first)
        .where("_times > 1")
    )
    columns: list[SparkColumn] = [F.col(sql.name(column)) for column in shown]
    columns += [F.col(f"_first.{name}").alias(name) for name in reference] + [F.col("_times")]
    return (*shown, *reference, "_times"), groups.select(*columns)


def _aliased(columns: Sequence[str], names: Sequence[str]) -> list[SparkColumn]:
    return [F.col(sql.name(column)).alias(name) for column, name in zip(columns, names, strict=True)]
