"""Builds gold/customer_product_preference: the categories, brands, price bands and package sizes a customer buys."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.transform.measure import distinct_count, ratio, top_value, total_where
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.product_attribute import ATTRIBUTES, has_words

_PRICE_BANDS = ("economy", "standard", "premium")
_PACKAGES = ("small", "medium", "large")
_TOP_CATEGORIES = 3


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer with at least one merchandise line in silver/order_line."""
    lines = tables["silver/order_line"].where("customer_id is not null and is_merchandise")
    goods = tables["silver/product"].select(
        "product_id", "department", "package_band", "package_unit", "median_unit_price",
        *(has_words(pattern).alias(name) for name, pattern in ATTRIBUTES.items()),
    )  # fmt: skip
    bought = lines.join(goods, "product_id", "left")
    parts = [
        _shares(bought, context),
        _top_categories(tables["gold/customer_category_share"]),
        _top(bought, "department", "top_department"),
        _top(bought, "manufacturer_id", "top_manufacturer_id"),
    ]
    return reduce(lambda left, right: left.join(right, "customer_id", "left"), parts)


def _shares(bought: DataFrame, context: BuildContext) -> DataFrame:
    sales = F.col("sales_value")
    spent = F.sum(sales)
    leading = {
        "preferred_brand_type": ("brand_type", ("National", "Private")),
        "preferred_price_band": ("price_band", _PRICE_BANDS),
        "preferred_package_band": ("package_band", _PACKAGES),
        "preferred_package_unit": ("package_unit", ("count", "g", "ml")),
    }
    packed = F.sum(F.when(F.col("package_band").isNotNull(), sales))
    banded = F.sum(F.when(F.col("price_band").isNotNull(), sales))
    return bought.groupBy("customer_id").agg(
        *(ratio(total_where(F.col("price_band") == b, sales), banded).alias(f"{b}_spend_share") for b in _PRICE_BANDS),
        *(ratio(total_where(F.col("package_band") == p, sales), packed).alias(f"{p}_package_share") for p in _PACKAGES),
        *(ratio(total_where(F.col(a), sales), spent).alias(f"{a}_spend_share") for a in ATTRIBUTES),
        ratio(total_where(F.col("brand_type") == "Private", sales), spent).alias("private_label_share"),
        distinct_count(F.col("product_id")).alias("product_count"),
        distinct_count(F.col("manufacturer_id")).alias("manufacturer_count"),
        *(_leading(column, values).alias(name) for name, (column, values) in leading.items()),
        F.lit(context.as_of).alias("as_of"),
    )


def _leading(column: str, values: tuple[str, ...]) -> Column:
    """Return the value with the highest spend; on a tie, the alphabetically first. Null when none was bought."""
    bought = {value: F.count(F.when(F.col(column) == value, 1)) for value in sorted(values)}
    spent = {value: total_where(F.col(column) == value, F.col("sales_value")) for value in bought}
    some = {value: F.when(count > 0, spent[value]) for value, count in bought.items()}
    highest = F.greatest(*some.values())
    name = F.lit(None).cast("string")
    for value in reversed(list(some)):
        name = F.when(some[value] == highest, value).otherwise(name)
    return name


def _top(bought: DataFrame, column: str, name: str) -> DataFrame:
    spent = bought.groupBy("customer_id", column).agg(F.sum("sales_value").alias("_spent"))
    return top_value(spent, ["customer_id"], column, "_spent", name)


def _top_categories(shares: DataFrame) -> DataFrame:
    return shares.groupBy("customer_id").agg(
        *(
            F.max(F.when(F.col("spend_rank") == rank, F.col("product_category"))).alias(f"top_category_{rank}")
            for rank in range(1, _TOP_CATEGORIES + 1)
        )
    )
