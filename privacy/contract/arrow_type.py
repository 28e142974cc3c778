"""Converts the Spark SQL type names of contracts into Arrow types."""

from __future__ import annotations

from functools import cache
from typing import Any

import pyarrow as pa

from privacy.contract.spark_type import SparkType, parse_type

_ARROW: dict[str, Any] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    # Delta stores microseconds.
    "timestamp": pa.timestamp("us", tz="UTC"),
    "timestamp_ntz": pa.timestamp("us"),
}


@cache
def arrow_type(spark_type: str) -> Any:
    """Return the `pyarrow.DataType` of a Spark SQL type name such as `decimal(12,2)`."""
    return _arrow(parse_type(spark_type))


def _arrow(parsed: SparkType) -> Any:
    if parsed.name == "decimal":
        return pa.decimal128(parsed.precision, parsed.scale)
    inner = [_arrow(item) for item in parsed.inner]
    if parsed.name == "array":
        return pa.list_(inner[0])
    if parsed.name == "map":
        return pa.map_(inner[0], inner[1])
    if parsed.name == "struct":
        return pa.struct(list(zip(parsed.fields, inner, strict=True)))
    return _ARROW[parsed.name]
