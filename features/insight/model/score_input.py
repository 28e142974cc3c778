"""Computes the input of the models: measures of a customer's orders up to a day, and labels of the days after it.

The measures of a day use events up to the end of that day only. The labels use the horizon that follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.insight.model.measure_name import CATEGORY_LISTS, LABELS, MEASURES
from features.transform.measure import at_most, count_where, days_between, ratio, times, total, total_where
from features.transform.sensitive_category import is_sensitive
from features.transform.snapshot import at_each_day, in_window

NEXT_DAYS = 7
"""Horizon of `buys_next_week`."""
PREMIUM_RATIO = 1.3
"""A line is premium when its price is at least 1.3 times its category's usual price, and economy at most 1 / 1.3."""
PREMIUM_QUANTILE = 2 / 3
"""Premium customers are the third with the highest share of spend on premium lines; a season moves all shares alike."""
NEW_CATEGORY_DAYS = 3
"""A category counts as taken up when it is bought on so many days; once or twice may be chance."""
UNUSED_DAYS = 90
"""A category is new to a customer who did not buy it for so long. Since the start of the data would be another length
for each day."""
LISTED = 20
"""Length of the lists of categories."""
_KEYS = ["customer_id", "as_of"]


def customer_score_input(lines: DataFrame, days: Sequence[date], *, horizon_days: int = 90) -> DataFrame:
    """Return one row per customer and day of `days` on or after the customer's first order.

    Columns: `customer_id`, `as_of`, MEASURES (double), `is_premium`, CATEGORY_LISTS and LABELS; docs/scores.md
    describes them. `is_premium` is null without merchandise in 90 days. Labels are null while the horizon is not over
    by the last day of the data or of `days`. The lists leave out sensitive categories, because a predicted category of
    health would be a statement about health.

    Args:
        lines: silver/order_line.
        days: the days for which measures and labels are computed.
        horizon_days: length of the horizon of the labels, for example of "no basket in 90 days".
    """
    known = _with_price_level(lines.where("customer_id is not null").where(F.col("order_date") <= F.lit(max(days))))
    daily, goods = _daily(known), _categories(known)
    frame = _measures(daily, days).join(_category_measures(goods, days), _KEYS, "left")
    frame = frame.join(_labels(daily, days, horizon_days), _KEYS, "left")
    frame = frame.join(_taken_up(goods, days, horizon_days), _KEYS, "left")
    frame = frame.join(_premium_from(frame), "as_of", "left")
    frame = frame.withColumn("is_premium", F.col("premium_share_90d") >= F.col("_premium_from"))
    is_premium = F.col("_next_premium_share") >= F.col("_next_premium_from")
    labels = {
        "churned": F.col("_next_days").isNull(),
        "spend_next": F.coalesce("_next_spend", F.lit(0.0)),
        "buys_next_week": F.coalesce(F.col("_next_week") > 0, F.lit(False)),
        "is_premium_next": F.when(~F.col("is_premium"), is_premium),
        "tries_new_category": F.coalesce(F.col("_taken_up") > 0, F.lit(False)),
        "next_categories": F.col("_next")["_names"],
    }
    last = known.agg(F.max("order_date").alias("_known_until"))
    known_after = {name: NEXT_DAYS if name == "buys_next_week" else horizon_days for name in LABELS}
    return frame.crossJoin(last).select(
        *_KEYS,
        *(F.col(name).cast("double").alias(name) for name in MEASURES),
        "is_premium",
        *CATEGORY_LISTS,
        *(F.when(F.date_add("as_of", known_after[name]) <= F.col("_known_until"), labels[name]).alias(name)
          for name in LABELS),
    )  # fmt: skip


def _premium_from(frame: DataFrame) -> DataFrame:
    """Return for each day the premium shares, of the quarter before and of the horizon, that begin the upper third."""
    return frame.groupBy("as_of").agg(
        F.percentile("premium_share_90d", PREMIUM_QUANTILE).alias("_premium_from"),
        F.percentile("_next_premium_share", PREMIUM_QUANTILE).alias("_next_premium_from"),
    )


def _with_price_level(lines: DataFrame) -> DataFrame:
    """Return the lines with `_level`: the unit price at list prices divided by the category's usual price.

    The usual price is the geometric mean over the lines of the category up to the line's own day, so that no later
    price changes it. Null for a line that is no merchandise or has no price.
    """
    has_price = F.col("is_merchandise") & (F.col("quantity") > 0) & (F.col("list_value") > 0)
    price = F.when(has_price, F.ln(ratio(F.col("list_value"), F.col("quantity"))))
    keys = ["product_category", "order_date"]
    # The sum of logarithms is rounded to a decimal, so that it does not depend on the order of the rows.
    each = lines.withColumn("_price", price.cast("decimal(18,9)"))
    sums = each.groupBy(*keys).agg(F.sum("_price").alias("_sum"), F.count("_price").alias("_count"))
    past = Window.partitionBy("product_category").orderBy("order_date")
    usual = ratio(F.sum("_sum").over(past), F.sum("_count").over(past))
    level = F.exp(F.col("_price").cast("double") - F.col("_usual"))
    return each.join(sums.select(*keys, usual.alias("_usual")), keys, "left").withColumn("_level", level)


def _daily(lines: DataFrame) -> DataFrame:
    """Return one row per customer and day with a basket: sums over its lines, and the gap to the day before."""
    sales, goods = F.col("sales_value"), F.col("is_merchandise")
    cut = F.col("retail_discount") + F.col("coupon_discount") + F.col("coupon_match_discount")
    hour, name = F.hour("ordered_at"), F.col("product_category")
    daily = lines.groupBy("customer_id", "order_date").agg(
        total(sales).alias("_sales"),
        total(F.col("list_value")).alias("_list"),
        total(cut).alias("_cut"),
        F.count(F.lit(1)).alias("_lines"),
        count_where(F.col("coupon_discount") > 0).alias("_coupon_lines"),
        total_where(goods, sales).alias("_goods"),
        total_where(goods & (F.col("brand_type") == "Private"), sales).alias("_private"),
        total_where(F.col("_level").isNotNull(), sales).alias("_priced"),
        total_where(F.col("_level") >= PREMIUM_RATIO, sales).alias("_premium"),
        total_where(F.col("_level") <= 1 / PREMIUM_RATIO, sales).alias("_economy"),
        F.max((hour < 12).cast("bigint")).alias("_morning"),
        F.max((hour >= 18).cast("bigint")).alias("_evening"),
        F.array_sort(F.collect_set("store_id")).alias("_stores"),
        F.array_sort(F.collect_set(F.when(goods & ~is_sensitive(name), name))).alias("_names"),
    )
    before = F.lag("order_date").over(Window.partitionBy("customer_id").orderBy("order_date"))
    return daily.withColumn("_gap", days_between(F.col("order_date"), before).cast("bigint"))


def _measures(daily: DataFrame, days: Sequence[date]) -> DataFrame:
    day = F.col("order_date")
    quarter, year = in_window(day, 90), in_window(day, 365)
    former = in_window(day, 180) & ~quarter
    week = F.floor(F.datediff("as_of", day) / 7)
    sums = at_each_day(daily.drop("_names"), "order_date", days).groupBy(*_KEYS).agg(
        F.min(day).alias("_first"),
        F.max(day).alias("_last"),
        *(count_where(in_window(day, w)).alias(f"order_count_{w}d") for w in (7, 30, 90, 365)),
        *(total_where(in_window(day, w), F.col("_sales")).alias(f"sales_value_{w}d") for w in (30, 90, 365)),
        count_where(former).alias("_former_orders"),
        total_where(former, F.col("_sales")).alias("_former_sales"),
        F.count("_gap").alias("_gaps"),
        F.sum("_gap").alias("_gap_sum"),
        F.sum(F.col("_gap") * F.col("_gap")).alias("_gap_squares"),
        F.max("_gap").alias("longest_gap_days"),
        F.size(F.collect_set(F.when(quarter & (week < 13), week))).alias("_weeks"),
        F.max(F.when(year, F.col("_sales"))).alias("largest_basket_value_365d"),
        *(total_where(quarter, F.col(c)).alias(f"{c}_90") for c in _QUARTER_SUMS),
        *(total_where(year, F.col(c)).alias(f"{c}_365") for c in ("_premium", "_priced")),
        count_where(year & (F.dayofweek(day).isin(1, 7))).alias("_weekend"),
        count_where(year & (F.col("_morning") == 1)).alias("_mornings"),
        count_where(year & (F.col("_evening") == 1)).alias("_evenings"),
        F.size(F.array_distinct(F.flatten(F.collect_list(F.when(year, F.col("_stores")))))).alias("store_count_365d"),
    )  # fmt: skip
    orders, mean_gap = F.col("order_count_90d"), ratio(F.col("_gap_sum"), F.col("_gaps"))
    variance = ratio(F.col("_gap_squares"), F.col("_gaps")) - mean_gap * mean_gap
    since = days_between(F.col("as_of"), F.col("_last"))
    return sums.withColumns({
        "days_since_last_order": since,
        "tenure_days": days_between(F.col("as_of"), F.col("_first")),
        "mean_gap_days": mean_gap,
        "sd_gap_days": F.when(F.col("_gaps") >= 2, F.sqrt(F.greatest(variance, F.lit(0.0)))),
        "overdue_ratio": times(since, mean_gap),
        "order_trend": times(orders, F.col("_former_orders")),
        "sales_trend": times(F.col("sales_value_90d"), F.col("_former_sales")),
        "recent_order_share": ratio(F.col("order_count_30d"), orders),
        "active_week_share_90d": F.col("_weeks").cast("double") / 13.0,
        "mean_basket_value_90d": ratio(F.col("sales_value_90d"), orders),
        "mean_line_count_90d": ratio(F.col("_lines_90"), orders),
        "discount_share_90d": at_most(ratio(F.col("_cut_90"), F.col("_list_90")), 1.0),
        "coupon_line_share_90d": ratio(F.col("_coupon_lines_90"), F.col("_lines_90")),
        "private_label_share_90d": ratio(F.col("_private_90"), F.col("_goods_90")),
        "premium_share_90d": ratio(F.col("_premium_90"), F.col("_priced_90")),
        "premium_share_365d": ratio(F.col("_premium_365"), F.col("_priced_365")),
        "economy_share_90d": ratio(F.col("_economy_90"), F.col("_priced_90")),
        **{f"{name}_share_365d": ratio(F.col(column), F.col("order_count_365d"))
           for name, column in (("weekend", "_weekend"), ("morning", "_mornings"), ("evening", "_evenings"))},
    })  # fmt: skip


_QUARTER_SUMS = ("_cut", "_list", "_lines", "_coupon_lines", "_private", "_goods", "_premium", "_priced", "_economy")


def _categories(lines: DataFrame) -> DataFrame:
    """Return one row per customer, day and merchandise category, with the category's first day `_first_on`."""
    each = lines.where("is_merchandise").select("customer_id", "order_date", "product_category").distinct()
    first = F.min("order_date").over(Window.partitionBy("customer_id", "product_category"))
    return each.withColumn("_first_on", first)


def _category_measures(goods: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return counts of categories, and the categories of 365 days with the most order days, as parallel lists."""
    day, recent = F.col("order_date"), F.col("_days_90") > 0
    each = at_each_day(goods, "order_date", days, 365).groupBy(*_KEYS, "product_category").agg(
        F.count(F.lit(1)).alias("_days"),
        count_where(in_window(day, 90)).alias("_days_90"),
        F.max(day).alias("_last"),
        F.min("_first_on").alias("_first"),
    )  # fmt: skip
    entry = F.struct(
        (-F.col("_days")).alias("rank"),
        F.datediff("as_of", "_last").cast("bigint").alias("last"),
        F.col("product_category").alias("name"),
        F.datediff("as_of", "_first").cast("bigint").alias("first"),
        F.col("_days_90").alias("recent"),
    )
    found = each.groupBy(*_KEYS).agg(
        count_where(recent).alias("category_count_90d"),
        F.count(F.lit(1)).alias("category_count_365d"),
        count_where(in_window(F.col("_first"), 90)).alias("new_category_count_90d"),
        ratio(F.max("_days"), F.sum("_days")).alias("top_category_share_365d"),
        F.slice(F.array_sort(F.collect_list(F.when(~is_sensitive(F.col("product_category")), entry))), 1, LISTED).alias(
            "_listed"
        ),
    )
    return found.select(
        "*",
        F.transform("_listed", lambda one: one["name"]).alias("category_names"),
        F.transform("_listed", lambda one: -one["rank"]).alias("category_order_days"),
        F.transform("_listed", lambda one: one["recent"]).alias("category_order_days_90d"),
        F.transform("_listed", lambda one: one["last"]).alias("category_last_days_ago"),
        F.transform("_listed", lambda one: one["first"]).alias("category_first_days_ago"),
    ).drop("_listed")


def _labels(daily: DataFrame, days: Sequence[date], horizon_days: int) -> DataFrame:
    """Return sums over the baskets of the horizon; customers without a basket in it have no row."""
    return _in_horizon(daily, days, horizon_days).groupBy(*_KEYS).agg(
        F.count(F.lit(1)).alias("_next_days"),
        total(F.col("_sales")).cast("double").alias("_next_spend"),
        count_where(F.col("order_date") <= F.date_add("as_of", NEXT_DAYS)).alias("_next_week"),
        ratio(F.sum("_premium"), F.sum("_priced")).alias("_next_premium_share"),
        F.min(F.struct("order_date", "_names")).alias("_next"),
    )  # fmt: skip


def _taken_up(goods: DataFrame, days: Sequence[date], horizon_days: int) -> DataFrame:
    """Return the number of categories bought on NEW_CATEGORY_DAYS days of the horizon and not in the days before it."""
    keys = [*_KEYS, "product_category"]
    counted = _in_horizon(goods, days, horizon_days).groupBy(*keys).agg(F.count(F.lit(1)).alias("_days"))
    used = at_each_day(goods, "order_date", days, UNUSED_DAYS).select(*keys).distinct()
    new = counted.where(F.col("_days") >= NEW_CATEGORY_DAYS).join(used, keys, "left_anti")
    return new.groupBy(*_KEYS).agg(F.count(F.lit(1)).alias("_taken_up"))


def _in_horizon(facts: DataFrame, days: Sequence[date], horizon_days: int) -> DataFrame:
    """Return each fact once for each of the days in whose horizon it lies, as column `as_of`."""

    def follows(one: Column) -> Column:
        return (F.col("order_date") > one) & (F.col("order_date") <= F.date_add(one, horizon_days))

    return facts.withColumn("as_of", F.explode(F.filter(F.array(*(F.lit(one) for one in days)), follows)))
