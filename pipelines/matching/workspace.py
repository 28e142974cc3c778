"""Interface of the database of a resolution: those methods of a DuckDB connection that are used."""

from typing import Any, Protocol

import pandas as pd


class QueryResult(Protocol):
    """The result of one SQL statement."""

    def fetchall(self) -> list[Any]:
        """Return the rows as tuples."""
        ...

    def fetchnumpy(self) -> dict[str, Any]:
        """Return the columns as arrays, by name."""
        ...


class Workspace(Protocol):
    """Runs SQL statements written for DuckDB; implemented by `duckdb.DuckDBPyConnection` and `SparkWorkspace`."""

    def execute(self, query: str, /) -> QueryResult:
        """Run one statement and return its result."""
        ...

    def register(self, view_name: str, python_object: pd.DataFrame, /) -> object:
        """Make a DataFrame readable as a view of this name."""
        ...

    def unregister(self, view_name: str, /) -> object:
        """Remove the view."""
        ...
