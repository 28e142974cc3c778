"""Filling of nulls where a contract asks for it, always flagged in `<column>_is_imputed`."""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Column, Contract, Impute
from pipelines.quality import sql
from pipelines.quality.error import QualityError
from privacy.protection.normal_form import DEFAULT_REGION


def flag_name(column: str) -> str:
    """Name of the column that says whether a value was filled in.

    >>> flag_name("weight_kg")
    'weight_kg_is_imputed'
    """
    return f"{column}_is_imputed"


def impute_frame(frame: DataFrame, contract: Contract) -> DataFrame:
    """Return the frame with nulls filled as the contract says, and a boolean flag beside each such column.

    The median is exact, of the frame given, rounded to the column's type; of most frequent values the
    smallest wins. A column without any value stays null, flagged false: nothing was filled in. Columns that
    the frame lacks are passed over.

    Raises:
        QualityError: the method is unknown.

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
                f"{contract.id}: column {column.name!r} asks for the unknown imputation {rule.method!r}; "
                "expected constant, median or mode",
                contract.table,
            )
    # Flags first: they look at the values before they are filled.
    flags = {flag_name(name): F.col(sql.name(name)).isNull() & value.isNotNull() for name, value in fillers.items()}
    values = {name: F.coalesce(F.col(sql.name(name)), value) for name, value in fillers.items()}
    return filled.withColumns(flags).withColumns(values).drop(*[_filler(column.name) for column, _ in wanted])


def to_standard(frame: DataFrame, contract: Contract, region: str = DEFAULT_REGION) -> DataFrame:
    """Standardise, then impute: the form of a source's rows that silver is built from."""
    from pipelines.quality.standardise import standardise_frame

    return impute_frame(standardise_frame(frame, contract, region), contract)


def _filler(column: str) -> str:
    return f"_{column}_filler"


def _statistic(frame: DataFrame, column: Column, rule: Impute) -> DataFrame:
    """Return one row with the value to fill in, `_value`, of the column's type."""
    value = F.col(sql.name(column.name))
    if rule.method == "median":
        middle = F.expr(f"percentile(cast({sql.name(column.name)} as double), 0.5D)")
        whole = column.logical_type == "integer"
        return frame.agg((F.floor(middle + 0.5) if whole else middle).cast(column.spark_type).alias("_value"))
    counts = frame.where(value.isNotNull()).groupBy(value.alias("_value")).agg(F.count(F.lit(1)).alias("_times"))
    most = counts.orderBy(F.col("_times").desc(), F.col("_value").asc()).limit(1)
    # An aggregate over the one row gives a row (of null) even when there is no value at all.
    return most.agg(F.max("_value").alias("_value"))
