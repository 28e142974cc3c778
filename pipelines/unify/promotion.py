"""Builds silver/promotion (promotions of sold products) and silver/store_week (all promotions of a store by week)."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.transform.measure import count_where
from pipelines.derived_table.table import BuildContext, Tables

_WEEKS = 100  # larger than any week number, so that store and week fit into one integer key
NONE = "0"  # the source's code for "no display" and "no mailer"


def build_promotion(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per product, store and week with a sale (bronze/cj_transactions) and a promotion record.

    The input has twenty million rows. Two integer keys and two integer codes are shuffled 2.5 times as fast as three
    keys and two texts.
    """
    sold = tables["bronze/cj_transactions"].select("product_id", _store_week().alias("store_week")).distinct()
    codes = tables["bronze/cj_promotions"].select(
        "product_id",
        _store_week().alias("store_week"),
        F.ascii("display_location").alias("display_code"),
        F.ascii("mailer_location").alias("mailer_code"),
    )
    highest = (
        codes.join(sold, ["product_id", "store_week"], "left_semi")
        .groupBy("product_id", "store_week")
        .agg(F.max("display_code").alias("display_code"), F.max("mailer_code").alias("mailer_code"))
    )
    week = F.pmod("store_week", F.lit(_WEEKS))
    return highest.select(
        "product_id",
        F.expr(f"store_week div {_WEEKS}").alias("store_id"),
        week.cast("int").alias("week"),
        F.char("display_code").alias("display_location"),
        F.char("mailer_code").alias("mailer_location"),
    )


def build_store_week(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per store and week of bronze/cj_promotions with the number of promotion records."""
    return (
        tables["bronze/cj_promotions"]
        .groupBy("store_id", "week")
        .agg(
            F.count(F.lit(1)).alias("promoted_count"),
            count_where(F.col("display_location") != NONE).alias("displayed_count"),
            count_where(F.col("mailer_location") != NONE).alias("mailed_count"),
        )
    )


def _store_week() -> Column:
    return F.col("store_id").cast("bigint") * F.lit(_WEEKS) + F.col("week")
