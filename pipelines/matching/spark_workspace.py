"""A workspace on Apache Spark, where Splink's Spark backend scores the pairs.

The session is a Spark Connect session like all of ours. Splink's similarity functions are Java classes: their jar goes
to the session as an artifact. Sail has no JVM to run them, so it is no engine for this.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import sqlglot
from sqlglot import exp

from pipelines.matching.errors import EngineLacksError
from pipelines.matching.spark_dialect import encode_frame, render, to_spark

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession
    from splink import SparkAPI
    from splink.internals.splink_dataframe import SplinkDataFrame


class SparkAnswer:
    """The collected rows of a query."""

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
    """Runs DuckDB's statements on Spark: tables are checkpointed views, queries are collected when asked for."""

    def __init__(self, spark: "SparkSession") -> None:
        """Give the session Splink's similarity functions.

        Raises:
            EngineLacksError: the engine cannot run Java functions.
        """
        from pyspark.errors import PySparkException
        from splink.backends.spark import similarity_jar_location

        self.spark = spark
        self._views: set[str] = set()
        # Several workspaces may share a session, and its views.
        self._prefix, self._told = f"{secrets.token_hex(4)}_", 0
        try:
            if not self._knows_functions():
                # Our own Spark starts with the jar; a cluster may not have it.
                spark.addArtifact(similarity_jar_location())
                self._register_functions()
        except PySparkException as error:
            raise EngineLacksError(
                "This engine cannot run Splink's similarity functions, which are Java classes: expected Apache "
                "Spark, started by `--engine spark` or reached at sc://host:port. Without --engine the matching "
                "runs on DuckDB."
            ) from error

    def splink_api(self) -> "SparkAPI":
        """Return a new way for Splink into this workspace: each knows a table by name once."""
        from splink import SparkAPI

        # Splink has no types for it.
        api: SparkAPI = SparkAPI(  # type: ignore[no-untyped-call]
            spark_session=self.spark, break_lineage_method="persist", register_udfs_automatically=False
        )
        return api

    def tell(self, api: "SparkAPI", table: str, name: str) -> "SplinkDataFrame":
        """Make a table known to Splink, under a name that no earlier one of the session has."""
        self._told += 1
        found: SplinkDataFrame = api.register(self.spark.table(table), table_name=f"{name}_{self._prefix}{self._told}")
        self._views.add(found.physical_name)
        return found

    def execute(self, query: str) -> SparkAnswer:
        """Run one statement written for DuckDB."""
        tree = sqlglot.parse_one(query, read="duckdb")
        if isinstance(tree, exp.Create | exp.Insert):
            frame = self.spark.sql(render(tree.expression))
            name = tree.this.name
            if isinstance(tree, exp.Insert):
                frame = self.spark.table(name).unionByName(frame)
            # A checkpoint and not `persist`: plans of plans of plans take Spark longer than the work in them.
            frame.localCheckpoint().createOrReplaceTempView(name)
            self._views.add(name)
        elif isinstance(tree, exp.Drop):
            for table in tree.find_all(exp.Table):
                self.unregister(table.name)
        else:
            return SparkAnswer(self.spark.sql(to_spark(query)).toArrow())
        return SparkAnswer(pa.table({}))

    def register(self, view_name: str, python_object: pd.DataFrame) -> None:
        """Make a frame readable under a name."""
        table = pa.Table.from_pandas(encode_frame(python_object), preserve_index=False)
        # A column without any value has no type; Spark takes text.
        untyped = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
        self.spark.createDataFrame(table.cast(pa.schema(untyped))).createOrReplaceTempView(view_name)
        self._views.add(view_name)

    def unregister(self, view_name: str) -> None:
        """Forget a table or frame."""
        self.spark.catalog.dropTempView(view_name)
        self._views.discard(view_name)

    def close(self) -> None:
        """Free what the session holds for this workspace."""
        for name in list(self._views):
            self.unregister(name)

    def _knows_functions(self) -> bool:
        """Register Splink's functions with what the session has; tell whether that did."""
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
    """Open a workspace on a running session, and free its tables at the end."""
    with _active(spark):
        workspace = SparkWorkspace(spark)
        try:
            yield workspace
        finally:
            workspace.close()


@contextmanager
def _active(spark: "SparkSession") -> Iterator[None]:
    """Make the session the thread's active one: PySpark looks there for whatever a server has checkpointed.

    Otherwise that is the first session opened, which may be another engine's.
    """
    from pyspark.sql.connect.session import SparkSession

    thread = SparkSession._active_session
    former = getattr(thread, "session", None)
    thread.session = spark
    try:
        yield
    finally:
        thread.session = former
