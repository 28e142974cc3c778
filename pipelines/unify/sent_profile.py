"""Builds silver/sent_profile and silver/disclosure: creates the empty tables, which deliveries and exports write."""

from __future__ import annotations

from pyspark.sql import DataFrame

from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return the rows unchanged; no rows if the table is new."""
    return tables[PREVIOUS]
