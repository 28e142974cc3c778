"""Reads the inputs of a build. Bronze tables are in standard form and without encrypted columns."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import BooleanType, LongType, StringType, StructField, StructType, TimestampNTZType

from installation.contract.document import Contract, Contracts
from pipelines.derived_table.table import PREVIOUS, BuildContext, DerivedTable
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.lakehouse.spark_type import spark_schema
from pipelines.quality.imputation import flag_name, to_standard

_LOAD_COLUMNS = (
    StructField("_load_id", StringType()),
    StructField("_source_file", StringType()),
    StructField("_line", LongType()),
    StructField("_loaded_at", TimestampNTZType()),
)


def read_inputs(table: DerivedTable, lakehouse: SparkLakehouse, context: BuildContext) -> dict[str, DataFrame]:
    """Return the table's inputs by name. A source without files gives an empty table, so derived columns are null."""
    tables = {name: read_table(name, lakehouse, context) for name in table.all_inputs(context.contracts)}
    tables |= {name: _former(name, lakehouse, context) for name in table.recalls}
    if table.remembers:
        tables[PREVIOUS] = _former(table.name, lakehouse, context)
    return tables


def _former(name: str, lakehouse: SparkLakehouse, context: BuildContext) -> DataFrame:
    """Return the rows that a table has before this build; columns that are new in its contract are null."""
    schema = spark_schema(context.contracts.table(name))
    if not lakehouse.exists(name):
        return _empty(schema, context)
    frame = lakehouse.read(name)
    added = [field for field in schema.fields if field.name not in frame.columns]
    return frame.withColumns({field.name: F.lit(None).cast(field.dataType) for field in added}) if added else frame


def read_table(name: str, lakehouse: SparkLakehouse, context: BuildContext) -> DataFrame:
    """Return one table as builders read it. Tables named `consent/...` are read from the consent record."""
    if name.startswith("consent/"):
        rows = context.agreed.table(name)
        if rows.num_rows == 0:
            return _empty(from_arrow_schema(rows.schema, prefer_timestamp_ntz=True), context)
        return context.spark.createDataFrame(rows)
    if not name.startswith("bronze/"):
        if context.fed is not None and name not in context.fed:
            return absent_table(name, context.contracts, context.spark)
        return lakehouse.read(name)
    contract = context.contracts.table(name)
    if not lakehouse.exists(name):
        return absent_table(name, context.contracts, context.spark)
    # Encrypted columns are left out: silver and gold hold no direct identifiers.
    encrypted = [column.name for column in contract.encrypted_columns]
    return to_standard(lakehouse.read(name).drop(*encrypted), contract)


def absent_table(name: str, contracts: Contracts, spark: SparkSession) -> DataFrame:
    """Return an empty table with the columns of a table that has no input; a source is in standard form."""
    contract = contracts.table(name)
    schema = empty_schema(contract) if contract.layer == "source" else spark_schema(contract)
    return spark.createDataFrame([], StructType([StructField(field.name, field.dataType) for field in schema.fields]))


def empty_schema(contract: Contract) -> StructType:
    """Return the schema of a source's standard form, for a source without any file."""
    tokens = [StructField(c.token_name, StringType()) for c in contract.columns if c.token_name is not None]
    flags = [StructField(flag_name(c.name), BooleanType()) for c in contract.columns if c.impute is not None]
    encrypted = {column.name for column in contract.encrypted_columns}
    fields = [field for field in spark_schema(contract).fields if field.name not in encrypted]
    declared = [StructField(field.name, field.dataType) for field in fields]
    return StructType([*declared, *tokens, *flags, *_LOAD_COLUMNS])


def _empty(schema: StructType, context: BuildContext) -> DataFrame:
    nullable = StructType([StructField(field.name, field.dataType) for field in schema.fields])
    return context.spark.createDataFrame([], nullable)
