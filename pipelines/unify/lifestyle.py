"""Builds gold/customer_lifestyle: interests stated in the survey or shown by purchases and product views."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.sensitive_name import ALCOHOL_TOBACCO, HEALTH
from features.transform.measure import count_where, ratio, top_value, total_where
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.demographic import latest_survey
from pipelines.unify.product_attribute import INTERESTS, has_words, is_fresh

SEGMENT_INDEX = 1.5
"""A segment is assigned when the customer's spend share is at least 1.5 times the share of all customers."""
_SEGMENTS = ("fresh_cooking", *INTERESTS)
_SENSITIVE = ("health", "alcohol_tobacco")


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer of silver/customer."""
    shares = _with_segment(_shares(tables["silver/order_line"], tables["silver/product"]))
    is_imputed = F.coalesce("travel_per_year_is_imputed", F.lit(False))
    survey = latest_survey(tables["bronze/lifestyle_survey"], tables["silver/identifier"]).select(
        "customer_id", F.to_date("answered_at").alias("surveyed_on"),
        F.array_join(F.array_sort(F.split("hobbies", " *; *")), ";").alias("hobbies"),
        F.size(F.split("hobbies", " *; *")).alias("hobby_count"), F.col("media").alias("preferred_media"),
        F.when(~is_imputed, F.col("travel_per_year")).alias("travel_per_year"),
    )  # fmt: skip
    viewed = _viewed(tables["silver/touchpoint_event"], tables["silver/product"])
    return (
        tables["silver/customer"].select("customer_id")
        .join(survey, "customer_id", "left")
        .join(shares, "customer_id", "left")
        .join(viewed, "customer_id", "left")
        .withColumn("as_of", F.lit(context.as_of))
    )  # fmt: skip


def _shares(lines: DataFrame, products: DataFrame) -> DataFrame:
    flags = {"fresh_cooking": is_fresh(), **{name: has_words(pattern) for name, pattern in INTERESTS.items()}}
    flags |= {"health": has_words(HEALTH), "alcohol_tobacco": has_words(ALCOHOL_TOBACCO)}
    known = products.select("product_id", *(flag.alias(name) for name, flag in flags.items()))
    bought = lines.where("customer_id is not null and is_merchandise").join(known, "product_id", "left")
    sales = F.col("sales_value")
    return bought.groupBy("customer_id").agg(
        *(total_where(F.col(name), sales).alias(f"_{name}") for name in flags), F.sum(sales).alias("_spent")
    )


def _with_segment(spent: DataFrame) -> DataFrame:
    names = (*_SEGMENTS, *_SENSITIVE)
    everyone = spent.agg(*(ratio(F.sum(f"_{n}"), F.sum("_spent")).alias(f"_all_{n}") for n in _SEGMENTS))
    shares = spent.select(
        "customer_id", *(ratio(F.col(f"_{n}"), F.col("_spent")).alias(f"{n}_spend_share") for n in names)
    )
    indexed = shares.crossJoin(everyone)
    index = {n: ratio(F.col(f"{n}_spend_share"), F.col(f"_all_{n}")) for n in _SEGMENTS}
    highest = F.greatest(*index.values())  # skips nulls, and is null when the customer spent nothing on merchandise
    segment: Column = F.lit("balanced")
    for name, value in reversed(list(index.items())):
        segment = F.when((value == highest) & (highest >= SEGMENT_INDEX), name).otherwise(segment)
    segment = F.when(highest.isNotNull(), segment)
    return indexed.withColumn("lifestyle_segment", segment).drop(*(f"_all_{n}" for n in _SEGMENTS))


def _viewed(events: DataFrame, products: DataFrame) -> DataFrame:
    shown = events.where("customer_id is not null and product_id is not null").where(
        F.col("event_type").isin("product_view", "scan_barcode", "wishlist_add", "add_to_cart")
    )
    product_id = F.col("product_id").cast("string").alias("product_id")
    counted = (
        shown.join(products.select(product_id, "product_category"), "product_id")
        .groupBy("customer_id", "product_category")
        .agg(count_where(F.lit(True)).alias("_views"))
    )
    return top_value(counted, ["customer_id"], "product_category", "_views", "top_interest_category")
