"""Reads tables on Spark for `privacy.access.reader.TableReader`; used for large tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.consent.current_permission import keep_permitted_now
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.access.condition import RowCondition
from privacy.access.errors import AccessRefused
from privacy.access.reader import CUSTOMER, IDENTIFIER, NO_IDENTIFIER
from privacy.consent.view import ConsentView


@dataclass(frozen=True)
class SparkTables:
    """Reads tables as DataFrames, and filters them by silver/permission and the consents recorded after its build."""

    lakehouse: SparkLakehouse
    consent: Callable[[datetime], ConsentView]

    def rows(self, table: str, columns: Sequence[str]) -> DataFrame:
        """Return these columns of all rows of a table."""
        return self.lakehouse.read(table).select(*columns)

    def with_customer(self, frame: DataFrame, key: str | None, token_kind: str | None) -> DataFrame:
        """Return the rows with the column `CUSTOMER`; null where the matching key leads to no customer."""
        if key is None or token_kind is None:
            return frame.withColumn(CUSTOMER, F.col(key) if key else F.lit(None).cast("string"))
        if not self.lakehouse.exists(IDENTIFIER):
            raise AccessRefused(NO_IDENTIFIER)
        known = self.lakehouse.read(IDENTIFIER).where(F.col("token_kind") == token_kind)
        first, last = F.min("customer_id"), F.max("customer_id")
        owners = known.groupBy(F.col("token").alias("_token")).agg(F.when(first == last, first).alias(CUSTOMER))
        return frame.join(owners, F.col(f"{key}_token") == F.col("_token"), "left").drop("_token")

    def permitted(self, frame: DataFrame, purpose: str, at: datetime) -> DataFrame:
        """Return the rows whose customer permits the purpose at that moment.

        Rows without a customer are returned only for purposes that do not rest on consent.
        """
        return keep_permitted_now(frame, purpose, self.consent(at), self.lakehouse, CUSTOMER)

    def meeting(self, frame: DataFrame, condition: RowCondition) -> DataFrame:
        """Return the rows that meet the condition."""
        return frame.where(F.expr(condition.sql("spark")))

    def count_customers(self, frame: DataFrame) -> int:
        """Return the number of different customers of the rows; null is not counted. The engine counts."""
        return cast("int", frame.select(F.count_distinct(CUSTOMER)).toArrow()[0][0].as_py())

    def first(self, frame: DataFrame, count: int) -> DataFrame:
        """Return the first `count` rows, fetched once, because a second execution might return other rows."""
        rows = frame.limit(count).toArrow()
        # With the schema: without it, a wall time would become a time with a zone.
        return frame.limit(0) if rows.num_rows == 0 else frame.sparkSession.createDataFrame(rows, frame.schema)

    def customers(self, frame: DataFrame) -> list[str]:
        """Return the distinct customers of the rows, without null."""
        found = frame.select(CUSTOMER).where(F.col(CUSTOMER).isNotNull()).distinct().toArrow()[0]
        return cast("list[str]", found.to_pylist())

    def renamed(self, frame: DataFrame, key: str, names: Mapping[str, str]) -> DataFrame:
        """Return the rows with `key` replaced by the name that `names` has for the row's customer; null without one."""
        if not names:
            return frame.withColumn(key, F.lit(None).cast("string"))
        pairs = {"_from": pa.array(list(names), pa.string()), "_to": pa.array(list(names.values()), pa.string())}
        lookup = F.broadcast(frame.sparkSession.createDataFrame(pa.table(pairs)))
        joined = frame.join(lookup, F.col(CUSTOMER) == F.col("_from"), "left")
        return joined.withColumn(key, F.col("_to")).drop("_from", "_to")

    def selected(self, frame: DataFrame, columns: Sequence[str]) -> DataFrame:
        """Return the rows with only the given columns."""
        return frame.select(*columns)
