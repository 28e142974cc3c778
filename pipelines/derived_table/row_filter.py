"""What a refresh asks before and after a build: which rows may be used, and whether that has changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pyspark.sql import DataFrame

from privacy.contract.document import Document


class RowFilter(Protocol):
    """Keeps the rows that may be used for what a table is built for. `pipelines.consent.filter` decides by consent."""

    def state(self, contract: Document) -> Mapping[str, str]:
        """Return what the filter's decisions for the table rest on; another state makes the table out of date."""
        ...

    def keep_inputs(self, tables: Mapping[str, DataFrame], contract: Document) -> Mapping[str, DataFrame]:
        """Return the inputs with only the rows that may be used to build the table."""
        ...

    def keep_rows(self, frame: DataFrame, contract: Document) -> DataFrame:
        """Return the built rows that the table may hold."""
        ...

    def note_refreshed(self, table: str) -> None:
        """Take note that a table is up to date."""
        ...
