"""Changes a DataFrame to the columns, order and types of its table's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from installation.errors import LakehouseError
from pipelines.lakehouse.spark_type import spark_schema
from privacy.contract.document import Document

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType


def conform(frame: DataFrame, contract: Document, table: str) -> DataFrame:
    """Return the frame with the columns, order and types that the contract states.

    Raises:
        LakehouseError: the frame lacks columns of the contract, or has columns that the contract lacks.

    """
    schema = spark_schema(contract)
    missing = [name for name in schema.names if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in schema.names]
    if missing or unknown:
        raise LakehouseError(
            f"{table} does not match its contract: missing {missing}, not in the contract {unknown}. "
            "Change the contract or the code that builds the table.",
            table,
        )
    return frame.select(*(frame[field.name].cast(field.dataType).alias(field.name) for field in schema.fields))


def relax_nullability(frame: DataFrame) -> DataFrame:
    """Return the same rows with every column nullable.

    Sail writes a column without nulls, such as a literal, as NOT NULL and then rejects a later null; Spark does not.
    A union with an empty frame of nullable columns makes both engines write the same schema. Without it Spark writes a
    cast to text as the type `string collate UTF8_BINARY`, which `deltalake` refuses.
    """
    from pyspark.sql.types import StructType

    schema = _relax(frame.schema)
    assert isinstance(schema, StructType)
    return frame.sparkSession.createDataFrame([], schema).unionByName(frame)


def _relax(kind: DataType) -> DataType:
    from pyspark.sql.types import ArrayType, MapType, StructField, StructType

    if isinstance(kind, StructType):
        return StructType([StructField(f.name, _relax(f.dataType), True, f.metadata) for f in kind.fields])
    if isinstance(kind, ArrayType):
        return ArrayType(_relax(kind.elementType), True)
    if isinstance(kind, MapType):
        return MapType(_relax(kind.keyType), _relax(kind.valueType), True)
    return kind
