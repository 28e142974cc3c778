"""Builds silver/sent_profile, what destinations know of customers: creates the empty table, which deliveries write."""

from __future__ import annotations

from pyspark.sql import DataFrame

from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return the rows unchanged; no rows if the table is new."""
    return tables[PREVIOUS]
