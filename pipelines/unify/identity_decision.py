"""Builds silver/identity_decision, the decisions of stewards: creates the empty table, to which commands append."""

from __future__ import annotations

from pyspark.sql import DataFrame

from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return the rows unchanged; no rows if the table is new."""
    return tables[PREVIOUS]
