"""silver/identity_decision: what stewards decided. Commands append to it; a build only makes it, empty."""

from __future__ import annotations

from pyspark.sql import DataFrame

from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return the rows as they are; none when the table is new."""
    return tables[PREVIOUS]
