"""Converts the Spark SQL type names of contracts into Spark types."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from privacy.contract.document import Document
from privacy.contract.spark_type import SparkType, parse_type

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType


def spark_schema(contract: Document) -> StructType:
    """Return the Spark schema of the contract's columns; required columns are not nullable."""
    from pyspark.sql.types import StructField, StructType

    return StructType(
        [StructField(c.name, spark_data_type(c.spark_type), nullable=not c.required) for c in contract.columns]
    )


@cache
def spark_data_type(spark_type: str) -> DataType:
    """Return the pyspark `DataType` of a Spark SQL type name. No Spark session is needed."""
    return _spark(parse_type(spark_type))


def _spark(parsed: SparkType) -> DataType:
    # Importing Spark takes a second, and most commands that read contracts do not need it.
    from pyspark.sql import types as spark

    if parsed.name == "decimal":
        return spark.DecimalType(parsed.precision, parsed.scale)
    inner = [_spark(item) for item in parsed.inner]
    if parsed.name == "array":
        return spark.ArrayType(inner[0])
    if parsed.name == "map":
        return spark.MapType(inner[0], inner[1])
    if parsed.name == "struct":
        return spark.StructType(
            [spark.StructField(name, item) for name, item in zip(parsed.fields, inner, strict=True)]
        )
    simple: dict[str, DataType] = {
        "boolean": spark.BooleanType(),
        "tinyint": spark.ByteType(),
        "smallint": spark.ShortType(),
        "int": spark.IntegerType(),
        "bigint": spark.LongType(),
        "float": spark.FloatType(),
        "double": spark.DoubleType(),
        "string": spark.StringType(),
        "binary": spark.BinaryType(),
        "date": spark.DateType(),
        "timestamp": spark.TimestampType(),
        "timestamp_ntz": spark.TimestampNTZType(),
    }
    return simple[parsed.name]
