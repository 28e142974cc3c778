"""Reads columns of an Arrow table as floating-point numbers; null and what is not finite become NaN."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.insight.model.additive import Floats


def numbers(rows: pa.Table, name: str) -> Floats:
    """Return a column of numbers or booleans as floats."""
    column = rows[name].cast(pa.float64())
    found = np.asarray(pc.fill_null(column, float("nan")), dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def columns_of(rows: pa.Table, names: Sequence[str]) -> dict[str, Floats]:
    """Return several columns by name."""
    return {name: numbers(rows, name) for name in names}
