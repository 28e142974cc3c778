"""Computes measures of a customer's first purchases of products: new products tried, planned and impulse purchases."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.transform.measure import count_where, days_between, ratio

NEW_DAYS = 28
"""A product counts as new for 28 days after its first sale in any basket."""
OBSERVED_DAYS = 56
"""Products first sold in the first 56 days of the data may be older than the data, so they do not count as new."""
INTENT_MICROS = 7 * 86_400 * 1_000_000
"""Online interest in the product within 7 days before the purchase makes the purchase planned. In microseconds."""
_INTENTS = ("product_view", "add_to_cart", "wishlist_add", "scan_barcode")
_FLAGS = 4  # number of combinations of two flags


def first_purchase_measures(lines: DataFrame, products: DataFrame, events: DataFrame) -> DataFrame:
    """Return one row per customer with the measures of first purchases, over merchandise lines.

    Columns: product_count, repeat_line_share, new_product_count, novelty_acceptance, planned_share and impulse_share.
    The contract of gold/customer_purchase_behaviour defines them.

    Args:
        lines: silver/order_line, without rows that have no customer.
        products: silver/product.
        events: silver/touchpoint_event.
    """
    first = _first_purchases(lines)
    start = products.agg(F.min("first_sold_on").alias("_start"))
    launched = products.select("product_id", "first_sold_on").crossJoin(start)
    # This order of joins avoids a shuffle: the grouping has already partitioned the rows by customer and product.
    frame = first.join(_interest(events), ["customer_id", "product_id"], "left").join(launched, "product_id", "left")
    on_display = F.pmod(F.expr("_first div 2"), F.lit(2)) == 1
    with_coupon = F.pmod("_first", F.lit(2)) == 1
    since = F.transform("_shown_at", lambda shown: F.col("_first_at") - shown)
    intended = F.coalesce(F.exists(since, lambda passed: (passed >= 0) & (passed <= INTENT_MICROS)), F.lit(False))
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
    """Return one row per customer and product: number of lines, time of the first line, and its flags.

    The flags (on display, with coupon) and the time form one number. Its minimum is the first line on every engine;
    among lines of the same microsecond, the smallest flags are taken.
    """
    on_display = F.when(F.col("display_location") != "0", 2).otherwise(0)
    with_coupon = F.when(F.col("coupon_discount") > 0, 1).otherwise(0)
    moment = F.unix_micros(F.col("ordered_at").cast("timestamp"))
    return lines.where("is_merchandise").groupBy("customer_id", "product_id").agg(
        F.count(F.lit(1)).alias("lines"),
        count_where(F.col("display_location").isNotNull()).alias("recorded_lines"),
        F.min("order_date").alias("first_on"),
        F.min(moment).alias("_first_at"),
        F.min(moment * F.lit(_FLAGS) + on_display + with_coupon).alias("_first"),
    )  # fmt: skip


def _interest(events: DataFrame) -> DataFrame:
    """Return one row per customer and product with online interest: the times, in microseconds since 1970."""
    # Products of the market have numbers. 0177 is a product of another source and not 177.
    number = F.col("product_id").try_cast("bigint")
    is_number = number.cast("string") == F.col("product_id")
    shown = events.where(F.col("event_type").isin(*_INTENTS) & is_number).withColumn("product_id", number)
    times = F.collect_list(F.unix_micros(F.col("event_at").cast("timestamp")))
    return shown.where("customer_id is not null").groupBy("customer_id", "product_id").agg(times.alias("_shown_at"))
