"""Where a resolution keeps its tables: what DuckDB's connection offers, and all that the steps use of it."""

from typing import Any, Protocol

import pandas as pd


class Answer(Protocol):
    """The result of one statement."""

    def fetchall(self) -> list[Any]:
        """Return the rows as tuples."""
        ...

    def fetchnumpy(self) -> dict[str, Any]:
        """Return the columns as arrays, by name."""
        ...


class Workspace(Protocol):
    """Runs statements written for DuckDB. `duckdb.DuckDBPyConnection` is one; `SparkWorkspace` is another."""

    def execute(self, query: str, /) -> Answer:
        """Run one statement."""
        ...

    def register(self, view_name: str, python_object: pd.DataFrame, /) -> object:
        """Make a frame readable under a name."""
        ...

    def unregister(self, view_name: str, /) -> object:
        """Forget the frame."""
        ...
