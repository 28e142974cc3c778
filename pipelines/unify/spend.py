"""Builds gold/customer_monthly_spend and gold/customer_category_share: spend by month and by product category."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import count_where, distinct_count, ratio, total
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.product import UNKNOWN


def build_monthly(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer and calendar month with at least one order in gold/order_history."""
    orders = tables["gold/order_history"].where("customer_id is not null")
    return (
        orders.withColumn("month", F.trunc("order_date", "month"))
        .groupBy("customer_id", "month")
        .agg(
            F.count(F.lit(1)).alias("order_count"),
            F.sum("line_count").cast("bigint").alias("line_count"),
            F.sum("piece_count").cast("bigint").alias("piece_count"),
            total(F.col("sales_value")).alias("sales_value"),
            total(F.col("discount_value")).alias("discount_value"),
            total(F.col("refund_amount")).alias("refund_amount"),
            distinct_count(F.col("store_id")).alias("store_count"),
            count_where(F.col("channel") == "online").alias("online_order_count"),
        )
        .withColumn("as_of", F.lit(context.as_of))
    )


def build_category(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer and category of merchandise, with its share of the customer's spend on merchandise.

    Lines of an unknown category are left out, like coupons, fuel and deposits: they are no preference.
    """
    lines = tables["silver/order_line"].where("customer_id is not null and is_merchandise")
    lines = lines.where(F.col("product_category") != UNKNOWN)
    spent = lines.groupBy("customer_id", "product_category").agg(
        total(F.col("sales_value")).alias("sales_value"),
        F.count(F.lit(1)).alias("line_count"),
        distinct_count(F.col("order_id")).alias("order_count"),
        F.sum("quantity").cast("bigint").alias("piece_count"),
    )
    mine = Window.partitionBy("customer_id")
    rank = F.row_number().over(mine.orderBy(F.col("sales_value").desc(), F.col("product_category").asc()))
    return spent.withColumns({
        "spend_share": ratio(F.col("sales_value"), F.sum("sales_value").over(mine)),
        "spend_rank": rank,
        "as_of": F.lit(context.as_of),
    })  # fmt: skip
