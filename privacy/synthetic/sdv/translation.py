"""Translates specifications into SDV's metadata, and tables into data frames and back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import pyarrow as pa

from privacy.synthetic.errors import SyntheticError
from privacy.synthetic.specification import ColumnSpec
from privacy.synthetic.synthesizer import Guarantee

if TYPE_CHECKING:
    import pandas as pd

_KINDS: dict[str, dict[str, str]] = {
    "category": {"sdtype": "categorical"},
    "number": {"sdtype": "numerical"},
    "day": {"sdtype": "datetime", "datetime_format": "%Y-%m-%d"},
    "moment": {"sdtype": "datetime", "datetime_format": "%Y-%m-%d %H:%M:%S"},
    # Seconds since midnight: SDV has no times of day.
    "time": {"sdtype": "numerical"},
}
_TYPES: dict[str, pa.DataType] = {
    "category": pa.string(), "number": pa.float64(), "day": pa.date32(), "moment": pa.timestamp("s"),
    "time": pa.time32("s"),
}  # fmt: skip


def no_guarantee(method: str, unit: str | None) -> Guarantee:
    """Return the statement of a synthesizer without a formal guarantee."""
    return Guarantee(
        None, None, None, unit or "row",
        f"No formal guarantee: SDV's {method} bounds nothing that it learns from a person. Attacks on its rows are the "
        "only evidence. SDV is under the Business Source License 1.1: not for a competing synthetic-data service.",
    )  # fmt: skip


def column_metadata(columns: Mapping[str, ColumnSpec]) -> dict[str, dict[str, str]]:
    """Return SDV's description of each column."""
    return {name: _KINDS[spec.kind] for name, spec in columns.items()}


def to_frame(table: pa.Table, columns: Mapping[str, ColumnSpec]) -> pd.DataFrame:
    """Return the columns as SDV takes them: categories and days as text, times as seconds since midnight."""
    made = {}
    for name, spec in columns.items():
        values = table[name]
        if spec.kind == "time":
            values = values.cast(pa.time32("s")).cast(pa.int32())
        elif spec.kind in ("category", "day"):
            values = values.cast(pa.string())
        elif spec.kind == "moment":
            # SDV counts in nanoseconds, whatever the unit of the column.
            values = values.cast(pa.timestamp("s"), safe=False).cast(pa.timestamp("ns"))
        made[name] = values
    frame: pd.DataFrame = pa.table(made).to_pandas()
    return frame


def to_table(frame: pd.DataFrame, columns: Mapping[str, ColumnSpec]) -> pa.Table:
    """Return SDV's rows with the types that private models write."""
    made = {}
    for name, spec in columns.items():
        values = frame[name]
        if spec.kind == "time":
            values = values.round()
        array = pa.Array.from_pandas(values.astype("datetime64[s]") if spec.kind in ("day", "moment") else values)
        if spec.kind == "number" and getattr(spec, "decimals", 1) == 0:
            made[name] = array.cast(pa.float64()).cast(pa.int64(), safe=False)
        elif spec.kind == "time":
            made[name] = array.cast(pa.float64()).cast(pa.int32(), safe=False).cast(pa.time32("s"))
        else:
            made[name] = array.cast(_TYPES[spec.kind], safe=False)
    return pa.table(made)


@contextmanager
def sdv_imported() -> Iterator[Any]:
    """Yield the module `sdv`, without its warnings and bars.

    Raises:
        SyntheticError: the package is not installed.
    """
    with catch_warnings():
        simplefilter("ignore")
        os.environ.setdefault("TQDM_DISABLE", "1")
        try:
            import sdv
        except ImportError as error:
            message = "SDV's synthesizers need the package sdv, of 5 GB: pip install 'bojagi[sdv]'"
            raise SyntheticError(message) from error
        yield sdv
