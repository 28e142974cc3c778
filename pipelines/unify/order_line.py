"""Builds silver/order_line: every transaction line with its customer, product and promotion."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.derived_table.table import BuildContext, Tables

_PRODUCT = ("product_category", "manufacturer_id", "brand_type", "price_band", "is_merchandise", "quantity_unit")


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per row of bronze/cj_transactions.

    The joins only add columns and never rows, so the totals are equal to those of bronze.
    """
    lines = tables["bronze/cj_transactions"].select(
        F.col("basket_id").alias("order_id"),
        "product_id",
        "household_id_token",
        "store_id",
        F.col("transaction_timestamp").alias("ordered_at"),
        F.to_date("transaction_timestamp").alias("order_date"),
        "week",
        "quantity",
        "sales_value",
        F.col("retail_disc").alias("retail_discount"),
        F.col("coupon_disc").alias("coupon_discount"),
        F.col("coupon_match_disc").alias("coupon_match_discount"),
        (F.col("sales_value") + F.col("retail_disc") + F.col("coupon_match_disc")).alias("list_value"),
    )
    accounts = (
        tables["silver/identifier"]
        .where("token_kind = 'account_no'")
        .select(F.col("token").alias("household_id_token"), "customer_id")
    )
    products = tables["silver/product"].select("product_id", *_PRODUCT)
    recorded = tables["silver/store_week"].select("store_id", "week", F.lit("0").alias("_none"))
    return (
        lines.join(accounts, "household_id_token", "left")
        .join(products, "product_id", "left")
        .join(tables["silver/promotion"], ["product_id", "store_id", "week"], "left")
        .join(recorded, ["store_id", "week"], "left")
        .withColumn("display_location", F.coalesce("display_location", "_none"))
        .withColumn("mailer_location", F.coalesce("mailer_location", "_none"))
    )
