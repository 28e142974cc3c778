"""Builds gold/order_history: each order with its amounts, channel, delivery and returns."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.transform.measure import at_most, count_where, distinct_count, ratio, seconds_between, total
from pipelines.derived_table.deduplication import latest
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.product import FUEL_UNIT

DELIVERY_METHODS = {"새벽배송": "dawn", "일반배송": "standard", "매장픽업": "pickup"}
_MONEY = ("sales_value", "list_value", "retail_discount", "coupon_discount", "coupon_match_discount")


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per order of silver/order_line."""
    orders = (
        _orders(tables["silver/order_line"])
        .join(_deliveries(tables["bronze/delivery"]), "order_id", "left")
        .join(_returns(tables["bronze/return_item"]), "order_id", "left")
        .join(_web_orders(tables["silver/touchpoint_event"]), "order_id", "left")
        .join(_stores(tables["bronze/store"]), "store_id", "left")
    )
    is_online = F.col("_has_delivery").isNotNull() | F.col("_is_web").isNotNull()
    return orders.withColumns({
        "channel": F.when(is_online, "online").otherwise("store"),
        "discount_value": F.col("retail_discount") + F.col("coupon_match_discount") + F.col("coupon_discount"),
        "discount_share": at_most(ratio(F.col("list_value") - F.col("sales_value") + F.col("coupon_discount"),
                                        F.col("list_value")), 1.0),
        "delivery_hours": seconds_between(F.col("delivered_at"), F.col("ordered_at")) / 3600.0,
        "return_count": F.coalesce("return_count", F.lit(0)),
        "returned_quantity": F.coalesce("returned_quantity", F.lit(0)),
        "refund_amount": F.coalesce("refund_amount", F.lit(0)),
    })  # fmt: skip


def _orders(lines: DataFrame) -> DataFrame:
    on_display, in_mailer = F.col("display_location") != "0", F.col("mailer_location") != "0"
    is_fuel = F.col("quantity_unit") == FUEL_UNIT
    return lines.groupBy("order_id").agg(
        F.min("customer_id").alias("customer_id"),
        F.min("store_id").alias("store_id"),
        F.min("ordered_at").alias("ordered_at"),
        F.min("order_date").alias("order_date"),
        F.count(F.lit(1)).alias("line_count"),
        _quantity_where(~is_fuel).alias("quantity"),
        _quantity_where(is_fuel).alias("fuel_quantity"),
        F.sum(F.when(F.col("is_merchandise"), F.col("quantity")).otherwise(0)).cast("bigint").alias("piece_count"),
        distinct_count(F.col("product_category")).alias("category_count"),
        *(total(F.col(name)).alias(name) for name in _MONEY),
        count_where(_is_discounted()).alias("discounted_line_count"),
        count_where(on_display).alias("display_line_count"),
        count_where(in_mailer).alias("mailer_line_count"),
    )


def _quantity_where(condition: Column) -> Column:
    return F.sum(F.when(condition, F.col("quantity")).otherwise(0)).cast("bigint")


def _is_discounted() -> Column:
    return (F.col("retail_discount") > 0) | (F.col("coupon_discount") > 0) | (F.col("coupon_match_discount") > 0)


def _deliveries(deliveries: DataFrame) -> DataFrame:
    method = F.col("method")
    for korean, name in DELIVERY_METHODS.items():
        method = F.when(F.col("method") == korean, name).otherwise(method)
    once = latest(deliveries, ["delivery_no"]).withColumn("_method", method)
    return once.groupBy(F.col("order_no").alias("order_id")).agg(
        F.lit(True).alias("_has_delivery"),
        F.min("_method").alias("delivery_method"),
        F.sum("fee").cast("decimal(18,2)").alias("delivery_fee"),
        F.min("shipped_at").alias("shipped_at"),
        F.max("delivered_at").alias("delivered_at"),
        F.min("sigungu").alias("delivery_sigungu"),
        F.min("dong").alias("delivery_dong"),
        F.sum("weight_kg").alias("delivery_weight_kg"),
    )


def _returns(returns: DataFrame) -> DataFrame:
    return latest(returns, ["return_no"]).groupBy(F.col("order_no").alias("order_id")).agg(
        F.count(F.lit(1)).alias("return_count"),
        F.sum("quantity").cast("bigint").alias("returned_quantity"),
        F.sum("refund_amount").cast("decimal(18,2)").alias("refund_amount"),
        F.min("reason").alias("return_reason"),
    )  # fmt: skip


def _web_orders(events: DataFrame) -> DataFrame:
    bought = events.where("channel in ('web', 'app') and event_type = 'purchase' and order_id is not null")
    return bought.select(F.col("order_id").try_cast("bigint").alias("order_id")).distinct().withColumn(
        "_is_web", F.lit(True)
    )  # fmt: skip


def _stores(stores: DataFrame) -> DataFrame:
    return latest(stores, ["store_id"]).select(
        "store_id", "store_type", F.col("sido").alias("store_sido"), F.col("dong").alias("store_dong")
    )
