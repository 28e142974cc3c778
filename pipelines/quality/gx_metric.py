"""Defines metrics for Great Expectations' Spark engine that share passes over a table.

Great Expectations computes all aggregate metrics of one level of its dependency graph in a single `agg`. Therefore
each figure that can be an aggregate is one (`bojagi.aggregate`). A table then needs one pass for all of them. A second
pass counts outliers, whose limits the first pass computes, and each reference needs a small pass. Import it through
`gx_import`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_partial, metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.quality import sql

# Limits of outliers are rounded, so that a rounding error of the interpolation does not decide about a value that lies
# exactly on a limit.
FENCE_DECIMALS = 6
FENCE_SLACK = 1e-9
_in_shared_pass = metric_partial(
    engine=SparkDFExecutionEngine,
    partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
    domain_type=MetricDomainTypes.TABLE,
)


def aggregate(domain: dict[str, Any], expression: str) -> MetricConfiguration:
    """Return the metric for one SQL aggregate over the table; all aggregates are computed in one pass."""
    return MetricConfiguration("bojagi.aggregate", domain, {"expression": expression})


def duplicates(domain: dict[str, Any], columns: Sequence[str], one_in: int) -> MetricConfiguration:
    """Return the metric for the number of rows that repeat a key; rows with a null in the key do not count.

    With `one_in` above 1 only a sample of about one key in that many is counted.
    """
    return MetricConfiguration("bojagi.duplicates", domain, {"columns": list(columns), "one_in": one_in})


def outliers(domain: dict[str, Any], column: str, spread: float) -> MetricConfiguration:
    """Return the metric for the number of outliers in a column; `spread` sets the limits (see `fences`)."""
    return MetricConfiguration("bojagi.outliers", domain, {"column": column, "spread": spread})


def orphans(
    domain: dict[str, Any], columns: Sequence[str], parent: str, parent_columns: Sequence[str]
) -> MetricConfiguration:
    """Return the metric for `[rows without a parent, rows that refer to a parent]`; null refers to none."""
    value = {"columns": list(columns), "parent": parent, "parent_columns": list(parent_columns)}
    return MetricConfiguration("bojagi.orphans", domain, value)


def query(domain: dict[str, Any], text: str) -> MetricConfiguration:
    """Return the metric for the single value that a SQL query returns."""
    return MetricConfiguration("bojagi.query", domain, {"query": text})


def types(domain: dict[str, Any]) -> MetricConfiguration:
    """Return the metric for the Spark SQL type of each column."""
    return MetricConfiguration("bojagi.types", domain, {})


def elements_of_key(columns: Sequence[str], one_in: int = 1) -> str:
    """Return the SQL aggregate that counts the rows whose key has no null, in a sample of one in `one_in` keys."""
    return f"count_if({_is_looked_at(columns, one_in)})"


def quartiles_of(column: str) -> str:
    """Return the SQL aggregate for the exact quartiles of a column; both engines give the same values."""
    return f"percentile(cast({sql.name(column)} as double), array(0.25D, 0.5D, 0.75D))"


def fences(quartiles: Sequence[float] | None, spread: float) -> tuple[float, float] | None:
    """Return the lower and upper limit of values that are not outliers; None without values or if Q1 = Q3.

    The limits are Tukey's fences Q1 - spread * (Q3 - Q1) and Q3 + spread * (Q3 - Q1).

    >>> fences([1.0, 2.0, 3.0], 3.0)
    (-5.0, 9.0)
    >>> fences([2.0, 2.0, 2.0], 3.0) is None
    True
    """
    if not quartiles or quartiles[0] is None or quartiles[0] == quartiles[-1]:
        return None
    first, third = quartiles[0], quartiles[-1]
    reach = spread * (third - first)
    return round(first - reach, FENCE_DECIMALS), round(third + reach, FENCE_DECIMALS)


def outside(column: str, limits: tuple[float, float]) -> str:
    """Return the SQL condition that a value of the column is an outlier."""
    value = f"cast({sql.name(column)} as double)"
    low, high = (sql.literal(limit) for limit in (limits[0] - FENCE_SLACK, limits[1] + FENCE_SLACK))
    return f"({value} < {low} or {value} > {high})"


def _is_complete(columns: Sequence[str]) -> str:
    return " and ".join(f"{sql.name(column)} is not null" for column in columns)


def _hash(columns: Sequence[str]) -> str:
    return f"xxhash64({', '.join(sql.name(column) for column in columns)})"


def _is_looked_at(columns: Sequence[str], one_in: int) -> str:
    sample = f" and {_hash(columns)} % {one_in} = 0" if one_in > 1 else ""
    return _is_complete(columns) + sample


def _distinct_keys(columns: Sequence[str], one_in: int) -> str:
    # A hash is counted, because Sail needs minutes to count distinct structs in 1.5 M rows. If two keys share a hash,
    # too few keys are counted; `_Duplicates` then counts the keys themselves.
    return f"count(distinct case when {_is_looked_at(columns, one_in)} then {_hash(columns)} end)"


def _frame(arguments: dict[str, Any]) -> DataFrame:
    frame, _, _ = arguments["execution_engine"].get_compute_domain(
        arguments["metric_domain_kwargs"], domain_type=MetricDomainTypes.TABLE
    )
    return frame  # type: ignore[no-any-return]  # Great Expectations is untyped here


def _dependencies(metric: MetricConfiguration, **wanted: MetricConfiguration) -> dict[str, MetricConfiguration]:
    """Return the metrics that a metric depends on, by name, in the form that Great Expectations needs.

    A metric depends on its deferred part, which runs in the shared pass. The deferred part depends on the `wanted`
    metrics.
    """
    suffix = MetricPartialFunctionTypes.AGGREGATE_FN.metric_suffix
    if metric.metric_name.endswith(suffix):
        return wanted
    deferred = f"{metric.metric_name}.{suffix}"
    own = MetricConfiguration(deferred, metric.metric_domain_kwargs, metric.metric_value_kwargs)
    return {"metric_partial_fn": own}


class _Aggregate(TableMetricProvider):
    metric_name = "bojagi.aggregate"
    value_keys = ("expression",)

    @staticmethod
    @_in_shared_pass
    def _spark(**arguments: Any) -> tuple[Column, dict[str, Any], dict[str, Any]]:
        return F.expr(arguments["metric_value_kwargs"]["expression"]), arguments["metric_domain_kwargs"], {}


class _Outliers(TableMetricProvider):
    metric_name = "bojagi.outliers"
    value_keys = ("column", "spread")

    @staticmethod
    @_in_shared_pass
    def _spark(**arguments: Any) -> tuple[Column, dict[str, Any], dict[str, Any]]:
        asked = arguments["metric_value_kwargs"]
        limits = fences(arguments["metrics"]["quartiles"], asked["spread"])
        condition = outside(asked["column"], limits) if limits else "false"
        return F.expr(f"count_if({condition})"), arguments["metric_domain_kwargs"], {}

    @classmethod
    def _get_evaluation_dependencies(
        cls, metric: MetricConfiguration, *_: Any, **__: Any
    ) -> dict[str, MetricConfiguration]:
        asked, domain = metric.metric_value_kwargs, metric.metric_domain_kwargs
        return _dependencies(metric, quartiles=aggregate(domain, quartiles_of(asked["column"])))


class _Duplicates(TableMetricProvider):
    metric_name = "bojagi.duplicates"
    value_keys = ("columns", "one_in")

    @staticmethod
    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(**arguments: Any) -> int:
        known = arguments["metrics"]
        if known["rows"] == known["keys"]:
            return 0
        asked = arguments["metric_value_kwargs"]
        columns = [F.col(sql.name(column)) for column in asked["columns"]]
        whole = _frame(arguments).where(_is_looked_at(asked["columns"], asked["one_in"]))
        row = whole.groupBy(*columns).agg(F.count(F.lit(1)).alias("n")).agg(F.expr("sum(n - 1)")).first()
        return int(row[0] or 0) if row else 0

    @classmethod
    def _get_evaluation_dependencies(
        cls, metric: MetricConfiguration, *_: Any, **__: Any
    ) -> dict[str, MetricConfiguration]:
        asked, domain = metric.metric_value_kwargs, metric.metric_domain_kwargs
        columns, one_in = asked["columns"], asked["one_in"]
        return {
            "rows": aggregate(domain, elements_of_key(columns, one_in)),
            "keys": aggregate(domain, _distinct_keys(columns, one_in)),
        }


class _Orphans(TableMetricProvider):
    metric_name = "bojagi.orphans"
    value_keys = ("columns", "parent", "parent_columns")

    @staticmethod
    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(**arguments: Any) -> list[int]:
        asked = arguments["metric_value_kwargs"]
        frame = _frame(arguments)
        keys = [f"_key_{position}" for position in range(len(asked["columns"]))]
        # Counting per key first keeps the join small, whatever the join strategy: 21 M rows have 90 k products.
        children = (
            frame.where(_is_complete(asked["columns"]))
            .select(*_renamed(asked["columns"], keys))
            .groupBy(*keys)
            .agg(F.count(F.lit(1)).alias("_rows"))
        )
        parents = frame.sparkSession.table(asked["parent"]).select(*_renamed(asked["parent_columns"], keys))
        found = parents.distinct().withColumn("_is_found", F.lit(True))
        row = (
            children.join(found, on=keys, how="left")
            .agg(F.expr("sum(case when _is_found is null then _rows else 0 end)"), F.sum("_rows"))
            .first()
        )
        return [int(row[0] or 0), int(row[1] or 0)] if row else [0, 0]


def _renamed(columns: Sequence[str], names: Sequence[str]) -> list[Column]:
    return [F.col(sql.name(column)).alias(name) for column, name in zip(columns, names, strict=True)]


class _Query(TableMetricProvider):
    metric_name = "bojagi.query"
    value_keys = ("query",)

    @staticmethod
    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(**arguments: Any) -> Any:
        row = _frame(arguments).sparkSession.sql(arguments["metric_value_kwargs"]["query"]).first()
        value = row[0] if row else None
        return value if value is None or isinstance(value, int | str | bool) else float(value)


class _Types(TableMetricProvider):
    metric_name = "bojagi.types"

    @staticmethod
    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(**arguments: Any) -> dict[str, str]:
        return dict(_frame(arguments).dtypes)
