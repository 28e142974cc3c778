"""Builds silver/customer_attribute, the golden record: the surviving value of each attribute of a customer.

Each row has the survivorship rule and the source record of the value. Direct identifiers are not stored in clear: their
row has the token instead of the value.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from installation.contract.document import Column, Contract, Contracts
from pipelines.derived_table.deduplication import latest
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.lakehouse.spark_type import spark_schema
from pipelines.register.register_contract import key_column, part_columns, register_contracts

TABLE = "silver/customer_attribute"
MOST_RECENT, MOST_FREQUENT = "most_recent", "most_frequent"
_DATED = ("_at", "_on")
RULES = {"birth_date": MOST_FREQUENT, "sex": MOST_FREQUENT}
"""Survivorship rules other than MOST_RECENT: for a value that never changes the most frequent one survives."""


def registers(contracts: Contracts) -> tuple[str, ...]:
    """Return the bronze tables of all registers of people."""
    return tuple(contract.table for contract in register_contracts(contracts))


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer and attribute; attributes without a value in any register entry have no row."""
    identifiers = tables["silver/identifier"].select("token_kind", "token", "customer_id", "confidence")
    stated = [_stated(tables[c.table], c, identifiers) for c in register_contracts(context.contracts)]
    if not stated:
        return context.spark.createDataFrame([], spark_schema(context.contracts.table(TABLE)))
    every = reduce(DataFrame.unionByName, stated).withColumn("_stated", F.coalesce("value", "token"))
    frequency = Window.partitionBy("customer_id", "attribute", "_stated")
    counted = every.withColumn("agreeing_count", F.count(F.lit(1)).over(frequency))
    weight = F.when(F.col("rule") == MOST_FREQUENT, F.col("agreeing_count")).otherwise(F.lit(0))
    order = Window.partitionBy("customer_id", "attribute").orderBy(
        weight.desc(), F.col("updated_on").desc_nulls_last(), F.col("source").asc(), F.col("record").asc()
    )
    rank = F.row_number().over(order)
    total = F.count(F.lit(1)).over(Window.partitionBy("customer_id", "attribute"))
    ranked = counted.withColumns({"_rank": rank, "stating_count": total})
    return ranked.where("_rank = 1").drop("_rank", "_stated")


def _stated(rows: DataFrame, contract: Contract, identifiers: DataFrame) -> DataFrame:
    """Return one row per register entry and attribute that it states.

    The columns are customer_id, attribute, value, token, source, record, updated_on, confidence and rule.
    """
    key = key_column(contract)
    assert key is not None
    owners = identifiers.where(F.col("token_kind") == F.lit(key.token)).select(
        F.col("token").alias("_key"), "customer_id", "confidence"
    )
    newest = latest(rows, [str(key.token_name)])
    owned = newest.join(owners, F.col(str(key.token_name)) == F.col("_key"))
    parts = [
        owned.where(_is_stated(column)).select(
            "customer_id",
            F.lit(part).alias("attribute"),
            _clear(column).alias("value"),
            _token(column).alias("token"),
            F.lit(contract.name).alias("source"),
            F.col("_key").alias("record"),
            _updated_on(contract).alias("updated_on"),
            "confidence",
            F.lit(RULES.get(part, MOST_RECENT)).alias("rule"),
        )
        for part, column in part_columns(contract).items()
        # A direct identifier without a token is encrypted, so it is not known here whether a record states it.
        if column.token_name or column.role != "direct"
    ]
    return reduce(DataFrame.unionByName, parts)


def _is_stated(column: Column) -> str:
    return f"`{column.token_name or column.name}` is not null"


def _clear(column: Column) -> SparkColumn:
    value = F.lit(None) if column.role == "direct" else F.col(column.name)
    return value.cast("string")


def _token(column: Column) -> SparkColumn:
    return (F.col(column.token_name) if column.token_name else F.lit(None)).cast("string")


def _updated_on(contract: Contract) -> SparkColumn:
    """Return the date of an entry: its last change, else another date of the entry, else the day of its load."""
    moments = [
        c.name for c in contract.columns if c.spark_type in ("date", "timestamp_ntz") and c.name.endswith(_DATED)
    ]
    changed = sorted(moments, key=lambda name: not name.startswith("updated"))
    return F.coalesce(*(F.to_date(name) for name in changed), F.to_date("_loaded_at"))
