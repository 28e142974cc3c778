"""Reads figures of a table from its Delta log: rows, files, bytes, filled columns, rows per day. Reads no data file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

NULL_COUNT = "null_count."


@dataclass(frozen=True)
class TableProfile:
    """Figures of one version of a table. Holds counts only, never values."""

    version: int
    rows: int
    files: int
    size_bytes: int
    filled: Mapping[str, float] = field(default_factory=dict)
    """Share of rows that have a value, by column; columns without statistics are left out."""
    rows_by_day: Mapping[str, int] = field(default_factory=dict)
    """Rows of each value of the partition column, in order; empty when the table has none."""


def read_profile(table: DeltaTable) -> TableProfile:
    """Read the profile of a table at the version that it was opened at."""
    files = pa.table(table.get_add_actions(flatten=True))
    rows = _total(files, "num_records")
    return TableProfile(
        version=table.version(),
        rows=rows,
        files=files.num_rows,
        size_bytes=_total(files, "size_bytes"),
        filled=_filled(files, rows),
        rows_by_day=_rows_by_partition(files, table.metadata().partition_columns),
    )


def latest_day(table: DeltaTable, column: str) -> date | None:
    """Return the day of the column's greatest value by the log's statistics; None if the log has no statistics."""
    files = pa.table(table.get_add_actions(flatten=True))
    name = f"max.{column}"
    latest = pc.max(files[name]).as_py() if name in files.column_names else None
    return latest.date() if isinstance(latest, datetime) else latest


def _total(files: Any, column: str) -> int:
    if column not in files.column_names:
        return 0
    return int(pc.sum(files[column]).as_py() or 0)


def _filled(files: Any, rows: int) -> dict[str, float]:
    nulls = [name for name in files.column_names if name.startswith(NULL_COUNT)]
    if not rows:
        return {}
    # If one file has no statistics of a column, the column's share is unknown, so the column is left out.
    known = [name for name in nulls if files[name].null_count == 0]
    return {name.removeprefix(NULL_COUNT): 1 - _total(files, name) / rows for name in known}


def _rows_by_partition(files: Any, partition_columns: list[str]) -> dict[str, int]:
    if len(partition_columns) != 1 or not files.num_rows:
        return {}
    key = f"partition.{partition_columns[0]}"
    sums = files.group_by(key).aggregate([("num_records", "sum")]).sort_by(key)
    days, counts = sums[key].to_pylist(), sums["num_records_sum"].to_pylist()
    return {str(day): int(count or 0) for day, count in zip(days, counts, strict=True) if day is not None}
