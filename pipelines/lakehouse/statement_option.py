"""Chooses Apache Spark's options for the statements of a table by the size of what they read.

For a table of some thousand rows Spark takes longer to prepare a statement than to run it: it generates and compiles
Java code for each stage, and starts a job for each stage of an adaptive plan. Measured on two cores: writing and
checking two small tables took 8.9 s of processor time with the usual options and 6.1 s with those for small inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.session import SparkSession as ConnectSession

SMALL_BYTES = 8 << 20
"""Inputs of at most this many bytes of Parquet are small: some hundred thousand rows. Above, compiled code pays."""
SMALL_OPTIONS: Mapping[str, str] = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
}


def is_apache_spark(spark: SparkSession) -> bool:
    """Return whether the server is Apache Spark: unlike Sail's, it gives each session an id of its own."""
    client = cast("ConnectSession", spark).client
    return client._server_session_id != client._session_id


class StatementOptions:
    """The options of one session. Sail has no such options, and its session is left alone.

    Threads share a session: while one builds a table and another checks a table, the last choice counts for both. That
    changes how fast a statement runs, and never its rows.
    """

    def __init__(self, spark: SparkSession) -> None:
        self._spark, self._lock = spark, Lock()
        self._usual: dict[str, str] = {}
        self._chosen: tuple[str, bool] | None = None

    def choose(self, input_bytes: int) -> None:
        """Set the options for statements that read tables of so many bytes."""
        if not is_apache_spark(self._spark):
            return
        session_id: str = self._spark.session_id  # type: ignore[attr-defined]  # of the Connect class
        is_small = input_bytes <= SMALL_BYTES
        with self._lock:
            if self._chosen is None:
                self._usual = {name: str(self._spark.conf.get(name)) for name in SMALL_OPTIONS}
            if self._chosen != (session_id, is_small):
                for name, value in (SMALL_OPTIONS if is_small else self._usual).items():
                    self._spark.conf.set(name, value)
                self._chosen = (session_id, is_small)
