"""Computes brand loyalty: the share of spend that goes to the leading manufacturer of each category."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.transform.measure import ratio

MIN_LINES = 3  # with fewer lines in a category, a preference for one brand cannot be seen


def brand_loyalty(lines: DataFrame) -> DataFrame:
    """Return one row per customer: brand_loyalty and loyalty_category_count, over merchandise lines.

    Customers without a category of at least MIN_LINES lines have no row.

    Args:
        lines: silver/order_line, without rows that have no customer.
    """
    goods = lines.where("is_merchandise")
    brands = goods.groupBy("customer_id", "product_category", "manufacturer_id").agg(
        F.sum("sales_value").alias("spent"), F.count(F.lit(1)).alias("lines")
    )
    categories = (
        brands.groupBy("customer_id", "product_category")
        .agg(F.max("spent").alias("top"), F.sum("spent").alias("spent"), F.sum("lines").alias("lines"))
        .where(F.col("lines") >= MIN_LINES)
    )
    return categories.groupBy("customer_id").agg(
        ratio(F.sum("top"), F.sum("spent")).alias("brand_loyalty"),
        F.count(F.lit(1)).alias("loyalty_category_count"),
    )
