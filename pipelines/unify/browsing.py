"""Builds gold/customer_browsing: searches, product views, cart and wish list of a customer."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import count_where, days_before, distinct_count, ratio, share_where, times, top_value
from pipelines.derived_table.deduplication import latest
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.customer_of import with_customer

_COUNTED = {
    "page_view_count": ("page_view",), "search_count": ("search",), "product_view_count": ("product_view",),
    "barcode_scan_count": ("scan_barcode",), "cart_add_count": ("add_to_cart",),
    "cart_remove_count": ("remove_from_cart",), "checkout_count": ("checkout",), "web_order_count": ("purchase",),
    "store_locator_count": ("store_locator",), "push_open_count": ("push_open",),
}  # fmt: skip


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer with at least one web event, app event or wish list entry."""
    events = tables["silver/touchpoint_event"].where("customer_id is not null and channel in ('web', 'app')")
    events = events.where(F.col("source").isin("web_event", "app_event"))
    viewed = events.where("event_type = 'product_view' and product_id is not null")
    product_id = F.col("product_id").cast("string").alias("product_id")
    categories = viewed.join(tables["silver/product"].select(product_id, "product_category"), "product_id")
    searches = events.where("event_type = 'search' and query is not null and trim(query) <> ''")
    rows = F.count(F.lit(1)).alias("_times")
    queries = searches.groupBy("customer_id", F.lower(F.trim("query")).alias("query")).agg(rows)
    views = categories.groupBy("customer_id", "product_category").agg(rows)
    parts = [
        _counts(events, context),
        _top_and_count(queries, "query", "top_query", "distinct_query_count"),
        top_value(views, ["customer_id"], "product_category", "_times", "top_viewed_category"),
        _empty_searches(tables),
        _carts(tables["silver/session"]),
    ]
    joined = reduce(lambda left, right: left.join(right, "customer_id", "left"), parts)
    counts = (*_COUNTED, "event_count", "distinct_query_count", "viewed_product_count",
              "wish_count", "open_wish_count")  # fmt: skip
    frame = joined.join(_wishes(tables), "customer_id", "full_outer")
    filled = frame.withColumns({name: F.coalesce(name, F.lit(0)) for name in counts})
    return filled.withColumns({
        "view_to_cart_rate": times(F.col("cart_add_count"), F.col("product_view_count")),
        "as_of": F.lit(context.as_of),
    })  # fmt: skip


def _counts(events: DataFrame, context: BuildContext) -> DataFrame:
    viewed = F.when(F.col("event_type") == "product_view", F.col("product_id"))
    return events.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("event_count"),
        *(count_where(F.col("event_type").isin(*types)).alias(name) for name, types in _COUNTED.items()),
        share_where(F.col("channel") == "app").alias("app_event_share"),
        distinct_count(viewed).alias("viewed_product_count"),
        F.max("event_at").alias("last_event_at"),
        F.max(F.when(F.col("event_type") == "search", F.col("event_at"))).alias("last_search_at"),
        days_before(context.as_of, F.max("event_date")).alias("days_since_last_event"),
    )


def _top_and_count(counted: DataFrame, value: str, top: str, count: str) -> DataFrame:
    """Return per customer the most frequent value and the number of different values.

    Both come from one pass over `counted`: one row per customer and value, with the count in column `_times`.
    """
    order = Window.partitionBy("customer_id").orderBy(F.col("_times").desc(), F.col(value).asc())
    ranked = counted.withColumn("_rank", F.row_number().over(order))
    return ranked.groupBy("customer_id").agg(
        F.max(F.when(F.col("_rank") == 1, F.col(value))).alias(top), F.count(F.lit(1)).alias(count)
    )


def _empty_searches(tables: Tables) -> DataFrame:
    """Return per customer the share of web searches without a result; app events report no number of results."""
    searches = tables["bronze/web_event"].where("event_type = 'search' and results_count is not null")
    found = latest(searches.drop("query"), ["event_id"])
    visitor = tables["silver/session"].where("customer_id is not null").select("session_id", "customer_id")
    return found.join(visitor, "session_id").groupBy("customer_id").agg(
        share_where(F.col("results_count") == 0).alias("empty_search_share")
    )  # fmt: skip


def _carts(sessions: DataFrame) -> DataFrame:
    web = sessions.where("customer_id is not null and channel = 'web'")
    filled = F.col("cart_add_count") > 0
    return web.groupBy("customer_id").agg(
        count_where(filled).alias("cart_session_count"),
        ratio(count_where(filled & ~F.col("is_converted")), count_where(filled)).alias("cart_abandonment_rate"),
        share_where(F.col("is_converted")).alias("session_conversion_rate"),
    )


def _wishes(tables: Tables) -> DataFrame:
    rows = latest(tables["bronze/wishlist"], ["item_id"]).withColumn("_key_member_no", F.col("member_no_token"))
    wished = with_customer(rows, ["member_no"], tables["silver/identifier"]).where("customer_id is not null")
    return wished.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("wish_count"), count_where(F.col("removed_at").isNull()).alias("open_wish_count")
    )
