"""Writes generated rows as Parquet files, with small row groups and, in some files, times in the old form int96."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.generated_file.cell import Cell


def write_parquet(titles: Sequence[str], types: Sequence[Any], table: Sequence[Sequence[Cell]], rng: Random) -> bytes:
    """Return the bytes of a Parquet file."""
    columns = [_array([cells[position].native for cells in table], kind) for position, kind in enumerate(types)]
    sink = pa.BufferOutputStream()
    has_int96 = rng.random() < 0.2 and all(_fits_int96(column) for column in columns)
    pq.write_table(
        pa.Table.from_arrays(columns, names=list(titles)), sink, row_group_size=rng.choice([5, 100]),
        use_deprecated_int96_timestamps=has_int96, use_dictionary=rng.random() < 0.7,
        version="2.6", compression=rng.choice(["snappy", "zstd", "none"]),
    )  # fmt: skip
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _array(values: list[Any], kind: Any) -> Any:
    if pa.types.is_timestamp(kind) and not any(hasattr(value, "year") for value in values):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


def _fits_int96(column: Any) -> bool:
    """Return whether all times of a column are times without a zone that nanoseconds can count."""
    if not pa.types.is_timestamp(column.type):
        return True
    if column.type.tz:
        return False
    try:
        column.cast(pa.timestamp("ns", column.type.tz))
    except pa.ArrowInvalid:
        return False
    return True
