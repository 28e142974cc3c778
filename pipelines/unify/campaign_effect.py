"""Builds gold/campaign_effect: what each campaign changed in the spend of those who received it."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.insight.event.campaign_effect import TABLE, effect_row, told_effect
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.lakehouse.spark_type import spark_schema
from pipelines.unify.campaign import received_campaigns

ORDERS, RUNS = "gold/order_history", "bronze/cj_campaign_descriptions"
MOST_ORDERS = 1_000_000
"""Orders that are read. Of more, customers are drawn; their intervals are narrow enough, and the memory is bounded."""
_BUCKETS = 1_000_000


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per campaign that can be judged, see `campaign_uplifts`."""
    # Imported here, because scikit-learn takes a second to import and most commands build no table.
    from features.insight.event.campaign import campaign_uplifts

    orders = _sample(tables[ORDERS].where("customer_id is not null"))
    columns = ("customer_id", "order_date", F.col("sales_value").cast("double").alias("sales_value"))
    found = campaign_uplifts(
        orders.select(*columns).toPandas(),
        received_campaigns(tables).toPandas(),
        tables[RUNS].select("campaign_id", "start_date").distinct().toPandas(),
    )
    schema = spark_schema(context.contracts.table(TABLE))
    rows = [effect_row(told_effect(one)) for one in found]
    return context.spark.createDataFrame([tuple(row[name] for name in schema.names) for row in rows], schema)


def _sample(orders: DataFrame) -> DataFrame:
    """Return about MOST_ORDERS orders: all those of customers chosen by a hash of their id."""
    count = orders.count()
    if count <= MOST_ORDERS:
        return orders
    return orders.where(F.pmod(F.xxhash64("customer_id"), F.lit(_BUCKETS)) < int(_BUCKETS * MOST_ORDERS / count))
