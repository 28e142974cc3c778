"""Interface of the filter that decides which rows a table may be built from and may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pyspark.sql import DataFrame

from privacy.contract.document import Document


class RowFilter(Protocol):
    """Keeps the rows that may be used for the purpose of a table. `pipelines.consent.filter` decides by consent."""

    def state(self, contract: Document) -> Mapping[str, str]:
        """Return the state on which the decisions for the table depend; a new state makes the table out of date."""
        ...

    def keep_inputs(self, tables: Mapping[str, DataFrame], contract: Document) -> Mapping[str, DataFrame]:
        """Return the inputs with only the rows that may be used to build the table."""
        ...

    def keep_rows(self, frame: DataFrame, contract: Document) -> DataFrame:
        """Return those of the built rows that the table may have."""
        ...

    def note_refreshed(self, table: str) -> None:
        """Record that a table was refreshed and is up to date."""
        ...
