"""Reads tables on Spark for `privacy.access.reader.TableReader`; used for large tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DateType, NumericType, TimestampNTZType, TimestampType

from pipelines.consent.current_permission import keep_permitted_now
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.access.coarse_value import coarse_numbers
from privacy.access.condition import RowCondition
from privacy.access.errors import AccessRefused
from privacy.access.reader import CUSTOMER, IDENTIFIER, NO_IDENTIFIER
from privacy.access.table_part import TablePart
from privacy.consent.view import ConsentView


@dataclass(frozen=True)
class SparkTables:
    """Reads tables as DataFrames, and filters them by silver/permission and the consents recorded after its build."""

    lakehouse: SparkLakehouse
    consent: Callable[[datetime], ConsentView]

    def rows(self, table: str, columns: Sequence[str], part: TablePart | None = None) -> DataFrame:
        """Return these columns of all rows of a table, or of a part of them."""
        rows = self.lakehouse.read(table)
        return (rows if part is None else rows.where(part.sql)).select(*columns)

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

    def texts(self, frame: DataFrame, column: str) -> list[str]:
        """Return the distinct values of a column as text, without null."""
        text = F.col(column).cast("string").alias("_text")
        found = frame.where(F.col(column).isNotNull()).select(text).distinct().toArrow()[0]
        return cast("list[str]", found.to_pylist())

    def renamed(self, frame: DataFrame, column: str, names: Mapping[str, str], by: str) -> DataFrame:
        """Return the rows with `column` replaced by the entry in `names` for the text of column `by`."""
        if not names:
            return frame.withColumn(column, F.lit(None).cast("string"))
        pairs = {"_from": pa.array(list(names), pa.string()), "_to": pa.array(list(names.values()), pa.string())}
        lookup = F.broadcast(frame.sparkSession.createDataFrame(pa.table(pairs)))
        joined = frame.join(lookup, F.col(by).cast("string") == F.col("_from"), "left")
        return joined.withColumn(column, F.col("_to")).drop("_from", "_to")

    def coarsened(self, frame: DataFrame, columns: Sequence[str]) -> DataFrame:
        """Return the rows with these columns coarsened by their type. The distinct numbers are coarsened outside."""
        for name in columns:
            kind = frame.schema[name].dataType
            if isinstance(kind, DateType | TimestampNTZType | TimestampType):
                frame = frame.withColumn(name, F.date_trunc("month", F.col(name)).cast(kind))
            elif isinstance(kind, NumericType):
                values = frame.where(F.col(name).isNotNull()).select(name).distinct().toArrow()
                made = pa.table({"_from": values[0], "_to": coarse_numbers(values[0])})
                lookup = F.broadcast(frame.sparkSession.createDataFrame(made))
                joined = frame.join(lookup, F.col(name) == F.col("_from"), "left")
                frame = joined.withColumn(name, F.col("_to").cast(kind)).drop("_from", "_to")
        return frame

    def selected(self, frame: DataFrame, columns: Sequence[str]) -> DataFrame:
        """Return the rows with only the given columns."""
        return frame.select(*columns)
