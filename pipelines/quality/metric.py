"""Makes the rows of `gold/quality_metric`, the figures of every check in every load, and reads earlier row counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.quality.result import CheckResult, TableQuality
from pipelines.quality.volume import LONGEST_HISTORY

TABLE = "gold/quality_metric"
# The columns that the contract `gold.quality_metric` states.
SCHEMA = pa.schema(
    [
        ("load_id", pa.string()),
        ("table_name", pa.string()),
        ("check_name", pa.string()),
        ("check_kind", pa.string()),
        ("column_name", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("passed", pa.bool_()),
        ("severity", pa.string()),
        ("measured_at", pa.timestamp("us")),
    ]
)


def metric_table(qualities: Iterable[TableQuality], load_id: str, measured_at: datetime) -> pa.Table:
    """Return the rows of `gold/quality_metric` for a load: one row per check and metric.

    The metrics are `rows` (of the table), `elements`, `unexpected`, `unexpected_percent` and `observed` (the value of a
    check of a single number). `is_checked` is 0 if the check could not be run, and 1 if it ran without a number.
    `passed` is the result of the check and is repeated on each of its rows.

    Args:
        qualities: results of `validate_table`.
        load_id: id of the run; call this once per load.
        measured_at: time of the run, without time zone.
    """
    rows = [row for quality in qualities for row in _rows_of(quality, load_id, measured_at)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def row_history(metrics: DataFrame | None) -> dict[str, tuple[int, ...]]:
    """Return the row counts of each table in earlier loads, oldest first, at most the newest thirty.

    Args:
        metrics: the table `gold/quality_metric`; None if it does not exist yet, which gives no counts.
    """
    if metrics is None:
        return {}
    counts = (
        metrics.where((F.col("check_name") == "volume") & (F.col("metric") == "rows"))
        .select("table_name", "measured_at", "load_id", F.col("value").cast("bigint").alias("rows"))
        .orderBy("table_name", "measured_at", "load_id")
        .collect()
    )
    history: dict[str, list[int]] = {}
    for count in counts:
        history.setdefault(count["table_name"], []).append(count["rows"])
    return {table: tuple(rows[-LONGEST_HISTORY:]) for table, rows in history.items()}


def _rows_of(quality: TableQuality, load_id: str, measured_at: datetime) -> Iterator[dict[str, Any]]:
    for result in quality.results:
        for metric, value in _figures(result, quality.rows).items():
            yield {
                "load_id": load_id,
                "table_name": quality.table,
                "check_name": result.name,
                "check_kind": result.kind,
                "column_name": result.column,
                "metric": metric,
                "value": float(value),
                "passed": result.passed,
                "severity": result.severity,
                "measured_at": measured_at,
            }


def _figures(result: CheckResult, rows: int | None) -> Mapping[str, float]:
    if result.fault is not None:
        return {"is_checked": 0}
    if result.kind == "volume":
        return {} if rows is None else {"rows": rows}
    if result.unexpected_count is not None:
        return {
            "elements": result.element_count or 0,
            "unexpected": result.unexpected_count,
            "unexpected_percent": result.unexpected_percent or 0.0,
        }
    value = result.observed_value
    if isinstance(value, int | float):
        return {"observed": value}
    return {"is_checked": 1}
