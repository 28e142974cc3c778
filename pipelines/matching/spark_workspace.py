"""Runs the SQL of a resolution on Apache Spark, where Splink's Spark backend scores the pairs.

It uses a Spark Connect session. Splink's similarity functions are Java classes; their jar is added to the session as an
artifact. Sail has no JVM that could run them, so it cannot be used.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import sqlglot
from sqlglot import exp

from pipelines.matching.errors import UnsupportedEngineError
from pipelines.matching.spark_dialect import encode_frame, render, to_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from splink import SparkAPI
    from splink.internals.splink_dataframe import SplinkDataFrame


class SparkQueryResult:
    """The rows of a query, collected from Spark."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows as tuples."""
        return list(zip(*(column.to_pylist() for column in self.table.columns), strict=True))

    def fetchnumpy(self) -> dict[str, Any]:
        """Return the columns as arrays, by name."""
        names = self.table.column_names
        return {n: c.to_numpy() for n, c in zip(names, self.table.columns, strict=True)}


class SparkWorkspace:
    """Runs SQL statements written for DuckDB on Spark. Its tables are temporary views of checkpointed data."""

    def __init__(self, spark: "SparkSession") -> None:
        """Register Splink's similarity functions in the session.

        Raises:
            UnsupportedEngineError: the engine cannot run Java functions.
        """
        from pyspark.errors import PySparkException
        from splink.backends.spark import similarity_jar_location

        self.spark = spark
        self._views: set[str] = set()
        # Several workspaces may share a session and its views, so each has a prefix of its own.
        self._prefix, self._registered_count = f"{secrets.token_hex(4)}_", 0
        try:
            if not self._has_functions():
                # Spark started by `--engine spark` has the jar; a cluster may not have it.
                spark.addArtifact(similarity_jar_location())
                self._register_functions()
        except PySparkException as error:
            raise UnsupportedEngineError(
                "This engine cannot run Splink's similarity functions, because they are Java classes. Use Apache "
                "Spark, started by `--engine spark` or reached at sc://host:port, or leave out --engine to match on "
                "DuckDB."
            ) from error

    def splink_api(self) -> "SparkAPI":
        """Return a new Splink API for this workspace. A Splink API can register each table name only once."""
        from splink import SparkAPI

        # Splink has no types for it.
        api: SparkAPI = SparkAPI(  # type: ignore[no-untyped-call]
            spark_session=self.spark, break_lineage_method="persist", register_udfs_automatically=False
        )
        return api

    def register_with_splink(self, api: "SparkAPI", table: str, name: str) -> "SplinkDataFrame":
        """Register a table with Splink under a name that is unique in the session, and return Splink's table."""
        self._registered_count += 1
        unique_name = f"{name}_{self._prefix}{self._registered_count}"
        found: SplinkDataFrame = api.register(self.spark.table(table), table_name=unique_name)
        self._views.add(found.physical_name)
        return found

    def execute(self, query: str) -> SparkQueryResult:
        """Run one statement written for DuckDB; return its rows, or an empty result for create, insert and drop."""
        tree = sqlglot.parse_one(query, read="duckdb")
        if isinstance(tree, exp.Create | exp.Insert):
            frame = self.spark.sql(render(tree.expression))
            name = tree.this.name
            if isinstance(tree, exp.Insert):
                frame = self.spark.table(name).unionByName(frame)
            # A checkpoint instead of `persist` cuts the query plan: Spark needs long to analyse deeply nested plans.
            frame.localCheckpoint().createOrReplaceTempView(name)
            self._views.add(name)
        elif isinstance(tree, exp.Drop):
            for table in tree.find_all(exp.Table):
                self.unregister(table.name)
        else:
            return SparkQueryResult(self.spark.sql(to_spark(query)).toArrow())
        return SparkQueryResult(pa.table({}))

    def register(self, view_name: str, python_object: pd.DataFrame) -> None:
        """Make a DataFrame readable as a view of this name."""
        table = pa.Table.from_pandas(encode_frame(python_object), preserve_index=False)
        # A column without any value has no type; it becomes text.
        untyped = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
        self.spark.createDataFrame(table.cast(pa.schema(untyped))).createOrReplaceTempView(view_name)
        self._views.add(view_name)

    def unregister(self, view_name: str) -> None:
        """Remove a table or view."""
        self.spark.catalog.dropTempView(view_name)
        self._views.discard(view_name)

    def close(self) -> None:
        """Remove all tables and views of this workspace from the session."""
        for name in list(self._views):
            self.unregister(name)

    def _has_functions(self) -> bool:
        """Register Splink's functions from the jars that the session has; return whether this succeeded."""
        from pyspark.errors import PySparkException

        try:
            self._register_functions()
        except PySparkException:
            return False
        return True

    def _register_functions(self) -> None:
        from splink.internals.spark.jar_location import get_scala_udfs

        # Splink has no types for it.
        for name, java_class, returned in get_scala_udfs():  # type: ignore[no-untyped-call]
            self.spark.udf.registerJavaFunction(name, java_class, returned)


@contextmanager
def open_spark_workspace(spark: "SparkSession") -> Iterator[SparkWorkspace]:
    """Open a workspace on a running session; remove its tables at the end."""
    with _active(spark):
        workspace = SparkWorkspace(spark)
        try:
            yield workspace
        finally:
            workspace.close()


@contextmanager
def _active(spark: "SparkSession") -> Iterator[None]:
    """Make the session the active session of the thread, and restore the former one at the end.

    PySpark looks up checkpointed data in the active session. By default that is the session opened first, which may
    belong to another engine.
    """
    from pyspark.sql.connect.session import SparkSession

    thread = SparkSession._active_session
    former = getattr(thread, "session", None)
    thread.session = spark
    try:
        yield
    finally:
        thread.session = former
