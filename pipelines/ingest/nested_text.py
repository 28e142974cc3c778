"""Writes nested values of Parquet files as JSON text, in which numbers remain numbers."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipelines.ingest.exact_json import Number, encode


def nested_to_json(values: pa.Array) -> pa.Array:
    """Return lists, structs and maps as JSON text; null stays null.

    Raises:
        ValueError: a value has no form in JSON, such as bytes, NaN, or a map whose keys are no texts.
        OverflowError: Python cannot hold a time within a value.

    """
    found = values.to_pylist(maps_as_pydicts="strict")
    return pa.array([None if value is None else encode(_in_json(value)) for value in found], pa.string())


def _in_json(value: Any) -> Any:
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a map has keys that are no texts")
        return {key: _in_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_json(item) for item in value]
    if isinstance(value, Decimal):
        return Number(format(value, "f"))
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"a value of type {type(value).__name__} has no form in JSON")
