"""Describes the values of a table's columns in the metadata of its asset.

Anyone who opens Dagster's UI sees metadata, without a role or a purpose. So only aggregates are in it, by the rules of
`privacy.access.value_profile`, and columns that identify a person or are sensitive have none.
"""

from collections.abc import Iterator, Mapping

import dagster as dg
import numpy as np
import pyarrow as pa

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.table_profile import TableProfile
from privacy.access.table_part import CUSTOMER_KEY
from privacy.access.value_profile import ColumnProfile, profile_columns

MOST_ROWS = 200_000
"""Larger tables get the share of nulls only: reading them again would slow each run."""
SAMPLE_ROWS = 5_000
"""Rows that are profiled of a table with more rows. They give the quantiles to a percent in a tenth of a second."""
_SHOWN = ("p5", "p50", "p95")
_HIDDEN_ROLES = frozenset({"direct", "sensitive"})


def value_metadata(contract: Contract, lakehouse: Lakehouse, profile: TableProfile) -> Mapping[str, dg.MetadataValue]:
    """Return the metadata `values`: a row per column with its nulls, different values, quantiles, frequent values.

    A table about persons without a customer identifier gets the share of nulls only, because people cannot be counted.
    Empty for a table without rows.
    """
    records = list(_records(contract, lakehouse, profile))
    if not records:
        return {}
    columns = [dg.TableColumn(name, "string") for name in records[0].data]
    return {"values": dg.MetadataValue.table(records, dg.TableSchema(columns=columns))}


def _records(contract: Contract, lakehouse: Lakehouse, profile: TableProfile) -> Iterator[dg.TableRecord]:
    units = {column.name: column.unit or "" for column in contract.columns}
    if 0 < profile.rows <= MOST_ROWS and contract.subject_key in (None, CUSTOMER_KEY):
        of_sample = f" in {SAMPLE_ROWS:,} rows" if profile.rows > SAMPLE_ROWS else ""
        for one in _profiles(contract, lakehouse):
            yield dg.TableRecord(
                {
                    "column": one.column,
                    "unit": units[one.column],
                    "null": f"{one.null_share:.1%}",
                    "different": f"{one.distinct:,}{of_sample}",
                    **{name: _text(one.quantiles.get(name, "")) for name in _SHOWN},
                    "most frequent": "; ".join(f"{value} {share:.0%}" for value, share in one.top.items()),
                }
            )
    else:
        for name, share in profile.filled.items():
            if name in units:
                yield dg.TableRecord({"column": name, "unit": units[name], "null": f"{1 - share:.1%}"})


def _profiles(contract: Contract, lakehouse: Lakehouse) -> list[ColumnProfile]:
    columns = [column for column in contract.columns if column.role not in _HIDDEN_ROLES and not column.is_confidential]
    key = contract.subject_key
    rows = lakehouse.rows(contract.table, list(dict.fromkeys([*(c.name for c in columns), *([key] if key else [])])))
    if rows.num_rows > SAMPLE_ROWS:
        chosen = np.random.default_rng(0).choice(rows.num_rows, SAMPLE_ROWS, replace=False)
        rows = rows.take(pa.array(np.sort(chosen)))
    return profile_columns(rows, columns, rows[key] if key else None)


def _text(value: str | int | float | bool) -> str:
    return value if isinstance(value, str) else f"{value:,.6g}"
