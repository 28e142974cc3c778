"""Computes recency, frequency and amounts of purchases over several windows, and the response to discounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.transform.measure import at_most, count_where, days_between, ratio, total_where
from features.transform.snapshot import at_each_day, in_window

WINDOWS = (7, 30, 90, 365)
"""Lengths of the windows in days, the last day included."""
HABIT_DAYS = 90
"""Window of shares of orders and lines: a quarter, so that they follow a change of habits."""
RESPONSE_DAYS = 365
"""Window of the response to discounts, which needs many lines."""
MIN_LINES = 30
"""With fewer priced lines, the slope is mostly noise."""
MIN_VARIANCE = 1e-3
"""A customer whose discounts hardly vary shows no response: 0.001 is a standard deviation of 3 % of the price."""
KEYS = ["customer_id", "as_of"]
_PARTS = ("_discount", "_list", "_display", "_lines", "_carried", "_picked_up", "_pay_week")
_SUMS = ("_n", "_x", "_y", "_xx", "_xy", "_goods", "_new")


def purchase_window(orders: DataFrame, lines: DataFrame, calendar: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return one row per customer and day of `days` on or after the customer's first order.

    Args:
        orders: gold/order_history.
        lines: silver/order_line.
        calendar: silver/calendar, in which all provinces have the same pay days.
        days: the days for which features are computed.
    """
    frame = _of_orders(orders, calendar, days).join(_of_lines(lines, days), KEYS, "left")
    return frame.withColumns({
        "days_since_last_order": days_between(F.col("as_of"), F.col("last_order_on")),
        **{f"mean_basket_value_{w}d": ratio(F.col(f"sales_value_{w}d"), F.col(f"order_count_{w}d")) for w in (90, 365)},
        "discount_share_90d": at_most(ratio(F.col("_discount"), F.col("_list")), 1.0),
        "display_line_share_90d": ratio(F.col("_display"), F.col("_lines")),
        "new_product_share_90d": ratio(F.col("_new"), F.col("_goods")),
        "home_delivery_share_90d": ratio(F.col("_carried"), F.col("order_count_90d")),
        "pickup_share_90d": ratio(F.col("_picked_up"), F.col("order_count_90d")),
        "pay_week_spend_share_365d": ratio(F.col("_pay_week"), F.col("sales_value_365d")),
        "discount_response_365d": _slope(),
    }).drop(*_PARTS, *_SUMS)  # fmt: skip


def _of_orders(orders: DataFrame, calendar: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return counts and sums over orders.

    A delivery counts once it is shipped. The channel of an order is no feature here: gold/order_history derives it from
    the delivery as well, and does not say since when it was known.
    """
    pay_days = calendar.select(F.col("calendar_date").alias("order_date"), "is_pay_week").distinct()
    facts = orders.where("customer_id is not null").select(
        "customer_id", "order_date", "sales_value", "list_value", "discount_value", "line_count", "display_line_count",
        "delivery_method", F.col("shipped_at").cast("date").alias("shipped_on"),
    ).join(pay_days, "order_date", "left")  # fmt: skip
    day, sales = F.col("order_date"), F.col("sales_value")
    recent = in_window(day, HABIT_DAYS)
    shipped = recent & (F.col("shipped_on") <= F.col("as_of"))
    windows = {window: in_window(day, window) for window in WINDOWS}
    return at_each_day(facts, "order_date", days).groupBy(*KEYS).agg(
        F.min(day).alias("first_order_on"),
        F.max(day).alias("last_order_on"),
        *(count_where(inside).alias(f"order_count_{window}d") for window, inside in windows.items()),
        *(total_where(inside, sales).alias(f"sales_value_{window}d") for window, inside in windows.items()),
        total_where(recent, F.col("discount_value")).alias("_discount"),
        total_where(recent, F.col("list_value")).alias("_list"),
        F.sum(F.when(recent, F.col("display_line_count"))).alias("_display"),
        F.sum(F.when(recent, F.col("line_count"))).alias("_lines"),
        count_where(shipped & (F.col("delivery_method") != "pickup")).alias("_carried"),
        count_where(shipped & (F.col("delivery_method") == "pickup")).alias("_picked_up"),
        total_where(in_window(day, RESPONSE_DAYS) & F.col("is_pay_week"), sales).alias("_pay_week"),
    )  # fmt: skip


def _of_lines(lines: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return sums over merchandise lines: those of the regression, the lines, and the products first bought."""
    goods = lines.where("customer_id is not null and is_merchandise")
    cut = F.col("retail_discount") + F.col("coupon_discount") + F.col("coupon_match_discount")
    paid_share = F.lit(1.0) - ratio(cut, F.col("list_value"))
    usable = (F.col("quantity") > 0) & (paid_share > 0)
    x, y = F.when(usable, F.ln(paid_share)), F.when(usable, F.ln(F.col("quantity").cast("double")))
    points = goods.select("customer_id", "order_date", x.alias("x"), y.alias("y"))
    daily = points.groupBy("customer_id", "order_date").agg(
        F.count("x").alias("_n"),
        F.sum("x").alias("_x"),
        F.sum("y").alias("_y"),
        F.sum(F.col("x") * F.col("x")).alias("_xx"),
        F.sum(F.col("x") * F.col("y")).alias("_xy"),
        F.count(F.lit(1)).alias("_goods"),
    )  # fmt: skip
    first = goods.groupBy("customer_id", "product_id").agg(F.min("order_date").alias("order_date"))
    new = first.groupBy("customer_id", "order_date").agg(F.count(F.lit(1)).alias("_new"))
    day = F.col("order_date")
    window = {name: HABIT_DAYS if name in ("_goods", "_new") else RESPONSE_DAYS for name in _SUMS}
    each = at_each_day(daily.join(new, ["customer_id", "order_date"], "left"), "order_date", days, RESPONSE_DAYS)
    sums = (F.sum(F.when(in_window(day, window[name]), F.col(name))).alias(name) for name in _SUMS)
    return each.groupBy(*KEYS).agg(*sums)


def _slope() -> Column:
    """Return the least-squares slope of ln(quantity) on ln(price paid / list price)."""
    n = F.col("_n").cast("double")
    variance = F.col("_xx") / n - (F.col("_x") / n) * (F.col("_x") / n)
    covariance = F.col("_xy") / n - (F.col("_x") / n) * (F.col("_y") / n)
    return F.when((F.col("_n") >= MIN_LINES) & (variance > MIN_VARIANCE), covariance / variance)
