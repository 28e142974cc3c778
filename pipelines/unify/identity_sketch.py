"""silver/identity_sketch: sealed keyed hashes of people, by which a batch finds whom it must be compared with."""

from __future__ import annotations

from pyspark.sql import DataFrame

from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables

_SCHEMA = "token_kind string, token string, seen_at timestamp_ntz, layout string, sketch string"
_COLUMNS = [part.split()[0] for part in _SCHEMA.split(", ")]


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return what the build of silver/identifier drew in this run, or the former rows where it drew nothing.

    Each with the customer as of now; who is nobody's customer has no row.
    """
    drawn = context.matching.sketches if context.matching else None
    rows = tables[PREVIOUS].select(*_COLUMNS)
    if drawn is not None:
        ordered = drawn.sort_values(["token_kind", "token"], ignore_index=True)
        rows = context.spark.createDataFrame(ordered[_COLUMNS], _SCHEMA)
    owners = tables["silver/identifier"].select("token_kind", "token", "customer_id")
    return rows.join(owners, ["token_kind", "token"]).select("customer_id", *_COLUMNS)
