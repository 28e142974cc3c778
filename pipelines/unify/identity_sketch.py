"""Builds silver/identity_sketch: encrypted sketches of register entries, with which the next run finds matches."""

from __future__ import annotations

from pyspark.sql import DataFrame

from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables

_SCHEMA = "token_kind string, token string, seen_at timestamp_ntz, layout string, sketch string"
_COLUMNS = [part.split()[0] for part in _SCHEMA.split(", ")]


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per register entry with its sketch and its current customer.

    The sketches are those of the build of silver/identifier in this run, or the former rows if it made none. An entry
    without a customer has no row.
    """
    made = context.matching.sketches if context.matching else None
    rows = tables[PREVIOUS].select(*_COLUMNS)
    if made is not None:
        ordered = made.sort_values(["token_kind", "token"], ignore_index=True)
        rows = context.spark.createDataFrame(ordered[_COLUMNS], _SCHEMA)
    owners = tables["silver/identifier"].select("token_kind", "token", "customer_id")
    return rows.join(owners, ["token_kind", "token"]).select("customer_id", *_COLUMNS)
