"""Fills nulls in the columns for which the contract declares imputation, and flags them in `<column>_is_imputed`."""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Column, Contract, Impute
from pipelines.quality import sql
from pipelines.quality.errors import QualityError
from privacy.protection.normal_form import DEFAULT_REGION


def flag_name(column: str) -> str:
    """Return the name of the column that flags imputed values.

    >>> flag_name("weight_kg")
    'weight_kg_is_imputed'
    """
    return f"{column}_is_imputed"


def impute_frame(frame: DataFrame, contract: Contract) -> DataFrame:
    """Return the frame with nulls filled as the contract states, and a boolean flag column for each such column.

    The methods are constant, median and mode. The median is exact, computed from the given frame and rounded to the
    column's type. If several values are the most frequent, the mode is the smallest. A column without any value stays
    null and its flag is false. Contract columns that the frame lacks are skipped.

    Raises:
        QualityError: the contract names an unknown method.

    """
    wanted = [(column, column.impute) for column in contract.columns if column.impute and column.name in frame.columns]
    if not wanted:
        return frame
    filled = frame
    fillers: dict[str, SparkColumn] = {}
    for column, rule in wanted:
        filler = _filler(column.name)
        if rule.method == "constant":
            fillers[column.name] = F.lit(rule.value).cast(column.spark_type)
        elif rule.method in ("median", "mode"):
            filled = filled.crossJoin(_statistic(frame, column, rule).withColumnRenamed("_value", filler))
            fillers[column.name] = F.col(filler)
        else:
            raise QualityError(
                f"{contract.id}: column {column.name!r} names the unknown imputation method {rule.method!r}; "
                "expected constant, median or mode",
                contract.table,
            )
    # The flags come first, because they read the values before these are filled.
    flags = {flag_name(name): F.col(sql.name(name)).isNull() & value.isNotNull() for name, value in fillers.items()}
    values = {name: F.coalesce(F.col(sql.name(name)), value) for name, value in fillers.items()}
    return filled.withColumns(flags).withColumns(values).drop(*[_filler(column.name) for column, _ in wanted])


def to_standard(frame: DataFrame, contract: Contract, region: str = DEFAULT_REGION) -> DataFrame:
    """Return a source's rows as silver uses them: standard forms first, then imputed values."""
    from pipelines.quality.standard_form import standardise_frame

    return impute_frame(standardise_frame(frame, contract, region), contract)


def _filler(column: str) -> str:
    return f"_{column}_filler"


def _statistic(frame: DataFrame, column: Column, rule: Impute) -> DataFrame:
    """Return one row with the value to fill in, in the column `_value` of the column's type; null if there is none."""
    value = F.col(sql.name(column.name))
    if rule.method == "median":
        middle = F.expr(f"percentile(cast({sql.name(column.name)} as double), 0.5D)")
        whole = column.logical_type == "integer"
        return frame.agg((F.floor(middle + 0.5) if whole else middle).cast(column.spark_type).alias("_value"))
    counts = frame.where(value.isNotNull()).groupBy(value.alias("_value")).agg(F.count(F.lit(1)).alias("_times"))
    most = counts.orderBy(F.col("_times").desc(), F.col("_value").asc()).limit(1)
    # An aggregate returns a row, with null, even if the column has no value at all.
    return most.agg(F.max("_value").alias("_value"))
