"""gold/customer_repurchase: how long a customer's purchases in a category last."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from pipelines.unify.measure import days_between, median, ratio
from pipelines.unify.table import BuildContext, Tables

MIN_DAYS = 3  # two intervals: fewer say nothing about a rhythm


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row a customer and category bought on at least MIN_DAYS days (merchandise of silver/order_line)."""
    lines = tables["silver/order_line"].where("customer_id is not null and is_merchandise")
    days = lines.select("customer_id", "product_category", "order_date").distinct()
    before = F.lag("order_date").over(Window.partitionBy("customer_id", "product_category").orderBy("order_date"))
    gaps = days.withColumn("gap", days_between(F.col("order_date"), before))
    rhythm = (
        gaps.groupBy("customer_id", "product_category")
        .agg(
            F.count(F.lit(1)).alias("purchase_day_count"),
            F.avg("gap").alias("mean_interval_days"),
            median(F.col("gap")).alias("median_interval_days"),
            F.stddev_pop(F.col("gap").cast("double")).alias("interval_sd_days"),
            F.min("order_date").alias("first_purchase_on"),
            F.max("order_date").alias("last_purchase_on"),
        )
        .where(F.col("purchase_day_count") >= MIN_DAYS)
    )
    elapsed = days_between(F.lit(context.as_of), F.col("last_purchase_on"))
    return rhythm.withColumns({
        "expected_next_on": F.date_add("last_purchase_on", F.ceil("median_interval_days").cast("int")),
        "overdue_ratio": ratio(elapsed, F.col("median_interval_days")),
        "as_of": F.lit(context.as_of),
    })  # fmt: skip
