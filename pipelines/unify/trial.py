"""First purchases of a product by a customer: novelty acceptance, impulse and planned buying."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.unify.measure import count_where, days_between, ratio, seconds_between

NEW_DAYS = 28
"""A product counts as new for four weeks after its first sale in any basket."""
OBSERVED_DAYS = 56
"""Products first sold in the first eight weeks of the data may be old: they are not counted as new."""
INTENT_SECONDS = 7 * 86_400
"""Interest shown online within a week before the purchase makes it planned."""
_INTENTS = ("product_view", "add_to_cart", "wishlist_add", "scan_barcode")
_FLAGS = 4  # two bits beside the time


def trials(lines: DataFrame, products: DataFrame, events: DataFrame) -> DataFrame:
    """Return per customer repeat_line_share, novelty_acceptance, new_product_count, planned_share, impulse_share."""
    first = _first_purchases(lines)
    intents = _intents(first, events)
    start = products.agg(F.min("first_sold_on").alias("_start"))
    launched = products.select("product_id", "first_sold_on")
    frame = (
        first.join(launched, "product_id", "left")
        .join(intents, ["customer_id", "product_id"], "left")
        .crossJoin(start)
    )
    on_display = F.pmod(F.expr("_first div 2"), F.lit(2)) == 1
    with_coupon = F.pmod("_first", F.lit(2)) == 1
    intended = F.coalesce("_intended", F.lit(False))
    observable = days_between(F.col("first_on"), F.col("_start")) >= OBSERVED_DAYS
    is_new = (days_between(F.col("first_sold_on"), F.col("_start")) >= OBSERVED_DAYS) & (
        days_between(F.col("first_on"), F.col("first_sold_on")) < NEW_DAYS
    )
    lines_bought, repeats = F.sum("lines"), F.sum(F.col("lines") - 1)
    return frame.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("product_count"),
        ratio(repeats, lines_bought).alias("repeat_line_share"),
        count_where(observable & is_new).alias("new_product_count"),
        ratio(count_where(observable & is_new), count_where(observable)).alias("novelty_acceptance"),
        ratio(repeats + count_where(with_coupon | intended), lines_bought).alias("planned_share"),
        ratio(count_where(on_display & ~with_coupon & ~intended), F.sum("recorded_lines")).alias("impulse_share"),
    )


def _first_purchases(lines: DataFrame) -> DataFrame:
    """Return one row a customer and product: lines, and the time and flags of the first.

    Time and flags are packed into one number, so that its minimum is the first line whatever the engine; lines of the
    same microsecond go to the smaller flags.
    """
    on_display = F.when(F.col("display_location") != "0", 2).otherwise(0)
    with_coupon = F.when(F.col("coupon_discount") > 0, 1).otherwise(0)
    moment = F.unix_micros(F.col("ordered_at").cast("timestamp"))
    return lines.where("is_merchandise").groupBy("customer_id", "product_id").agg(
        F.count(F.lit(1)).alias("lines"),
        count_where(F.col("display_location").isNotNull()).alias("recorded_lines"),
        F.min("order_date").alias("first_on"),
        F.min("ordered_at").alias("first_at"),
        F.min(moment * F.lit(_FLAGS) + on_display + with_coupon).alias("_first"),
    )  # fmt: skip


def _intents(first: DataFrame, events: DataFrame) -> DataFrame:
    shown = events.where(F.col("event_type").isin(*_INTENTS) & F.col("product_id").isNotNull())
    shown = shown.where("customer_id is not null").select("customer_id", "product_id", "event_at").distinct()
    before = seconds_between(F.col("first_at"), F.col("event_at"))
    together = first.select("customer_id", "product_id", "first_at").join(shown, ["customer_id", "product_id"])
    recent = together.where((before >= 0) & (before <= INTENT_SECONDS))
    return recent.select("customer_id", "product_id").distinct().withColumn("_intended", F.lit(True))
